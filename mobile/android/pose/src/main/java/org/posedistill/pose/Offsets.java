package org.posedistill.pose;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;

/**
 * Persons from short-range and mid-range offsets, grown along the skeleton's tree, as distill/pose/offsets.py and
 * teachers/personlab.py find them.
 */
final class Offsets {
    /** Cells that a short-range and a mid-range offset of 1 stand for. */
    private static final double SHORT_UNIT = 1;

    private static final double MID_UNIT = 8;
    /** Cells within which a joint of a better person is the same one. */
    private static final double SAME = 2;
    /** Times that a joint which an offset led to is corrected by the short-range offset there. */
    private static final int REFINEMENTS = 2;
    /** Power of a person's size, as a share of the map's longer side, in the score. */
    private static final double BY_SIZE = 0.125;

    private final Maps heatmaps;
    private final Maps offsets;
    private final int[][] tree;
    private final GroupingConfig config;
    private final Snapping snapping;

    private Offsets(Maps heatmaps, Maps offsets, int[][] tree, GroupingConfig config) {
        this.heatmaps = finite(heatmaps);
        this.offsets = finite(offsets);
        this.tree = tree;
        this.config = config;
        snapping = new Snapping(this.heatmaps, config);
    }

    /**
     * Persons in map cells, best first.
     *
     * @param offsets x, then y of the short-range offsets of all joints, then of the mid-range ones of all edges to the
     *     children and back
     */
    static List<Person> find(Maps heatmaps, Maps offsets, int[][] tree, GroupingConfig config) {
        return new Offsets(heatmaps, offsets, tree, config).find();
    }

    /** A person as it grows: places of cell indices, in doubles. */
    private static final class Grown {
        final double[] x;
        final double[] y;
        final float[] value;
        double score;

        Grown(int joints) {
            x = new double[joints];
            y = new double[joints];
            value = new float[joints];
        }
    }

    private List<Person> find() {
        List<Grown> grown = new ArrayList<>();
        double[] place = new double[2];
        for (int[] peak : peaks()) {
            place[0] = peak[0] % heatmaps.width;
            place[1] = peak[0] / heatmaps.width;
            refine(peak[1], place);
            if (isNear(grown, peak[1], place)) {
                continue;
            }
            grown.add(grow(peak[1], place));
            if (grown.size() == config.maxPersons) {
                break;
            }
        }
        for (int i = 0; i < grown.size(); i++) {
            grown.get(i).score = ownScore(grown.get(i), grown.subList(0, i));
        }
        Collections.sort(grown, new Comparator<Grown>() {
            @Override
            public int compare(Grown one, Grown two) {
                return Double.compare(two.score, one.score);
            }
        });
        List<Person> persons = new ArrayList<>();
        for (Grown each : grown) {
            Person person = inMap(each);
            if (person != null) {
                persons.add(person);
            }
        }
        Collections.sort(persons, new Comparator<Person>() {
            @Override
            public int compare(Person one, Person two) {
                return Float.compare(two.score, one.score);
            }
        });
        return persons;
    }

    /** Cell and joint of what is above the threshold and no neighbour exceeds, highest first. */
    private List<int[]> peaks() {
        List<int[]> found = new ArrayList<>();
        for (int cell = 0; cell < heatmaps.height * heatmaps.width; cell++) {
            for (int joint = 0; joint < heatmaps.joints; joint++) {
                if (isPeak(joint, cell / heatmaps.width, cell % heatmaps.width)) {
                    found.add(new int[] {cell, joint});
                }
            }
        }
        Collections.sort(found, new Comparator<int[]>() {
            @Override
            public int compare(int[] one, int[] two) {
                return Float.compare(value(two[1], two[0]), value(one[1], one[0]));
            }
        });
        return found;
    }

    private boolean isPeak(int joint, int row, int column) {
        float value = value(joint, row * heatmaps.width + column);
        if (!(value > Math.min(config.detectionThreshold, 1))) {
            return false;
        }
        for (int y = Math.max(0, row - 1); y <= Math.min(heatmaps.height - 1, row + 1); y++) {
            for (int x = Math.max(0, column - 1); x <= Math.min(heatmaps.width - 1, column + 1); x++) {
                if (value(joint, y * heatmaps.width + x) > value) {
                    return false;
                }
            }
        }
        return true;
    }

    /** The person that has a joint at a place; the tree is followed from there to its root and to its leaves. */
    private Grown grow(int joint, double[] start) {
        int joints = heatmaps.joints;
        Grown person = new Grown(joints);
        boolean[] known = new boolean[joints];
        set(person, known, joint, start);
        for (int edge = tree.length - 1; edge >= 0; edge--) {
            follow(person, known, tree[edge][1], tree[edge][0], 2 * joints + 2 * tree.length + edge);
        }
        for (int edge = 0; edge < tree.length; edge++) {
            follow(person, known, tree[edge][0], tree[edge][1], 2 * joints + edge);
        }
        return person;
    }

    /** Find a joint from its neighbour, where that is known. */
    private void follow(Grown person, boolean[] known, int source, int target, int channel) {
        if (!known[source] || known[target]) {
            return;
        }
        double[] place = {person.x[source], person.y[source]};
        int cell = cell(place);
        place[0] += MID_UNIT * offset(channel, cell);
        place[1] += MID_UNIT * offset(channel + tree.length, cell);
        for (int i = 0; i < REFINEMENTS; i++) {
            refine(target, place);
        }
        set(person, known, target, place);
    }

    private void set(Grown person, boolean[] known, int joint, double[] place) {
        person.x[joint] = place[0];
        person.y[joint] = place[1];
        person.value[joint] = value(joint, cell(place));
        known[joint] = true;
    }

    /** Move a place to where the short-range offset of the nearest cell points. */
    private void refine(int joint, double[] place) {
        int cell = cell(place);
        place[0] = cell % heatmaps.width + SHORT_UNIT * offset(joint, cell);
        place[1] = cell / heatmaps.width + SHORT_UNIT * offset(heatmaps.joints + joint, cell);
    }

    private int cell(double[] place) {
        int column = (int) Math.max(0, Math.min(heatmaps.width - 1, Math.rint(place[0])));
        int row = (int) Math.max(0, Math.min(heatmaps.height - 1, Math.rint(place[1])));
        return row * heatmaps.width + column;
    }

    private static boolean isNear(List<Grown> persons, int joint, double[] place) {
        for (Grown other : persons) {
            if (squared(other.x[joint] - place[0], other.y[joint] - place[1]) <= SAME * SAME) {
                return true;
            }
        }
        return false;
    }

    /** Mean over all joints of the values of those that no better person has. */
    private static double ownScore(Grown person, List<Grown> before) {
        double sum = 0;
        for (int joint = 0; joint < person.value.length; joint++) {
            if (!isNear(before, joint, new double[] {person.x[joint], person.y[joint]})) {
                sum += person.value[joint];
            }
        }
        return sum / person.value.length;
    }

    /** The person in cells whose centres lie at + 0.5, its joints moved to the heatmaps' peaks; null without a joint. */
    private Person inMap(Grown grown) {
        int joints = grown.value.length;
        float[][] points = new float[2][joints];
        for (int joint = 0; joint < joints; joint++) {
            points[0][joint] = (float) (grown.x[joint] + 0.5);
            points[1][joint] = (float) (grown.y[joint] + 0.5);
        }
        int[] own = new int[joints];
        float[] values = snapping.find(points, own);
        Person placed = snapping.place(points, own, values, (float) grown.score);
        return isAnyJointThere(placed) ? snapping.place(points, own, values, score(placed, grown.score)) : null;
    }

    private static boolean isAnyJointThere(Person person) {
        for (float value : person.value) {
            if (value > 0) {
                return true;
            }
        }
        return false;
    }

    /** The root of the score that a person was grown with times the mean of its joints' values, times its size's power. */
    private float score(Person person, double own) {
        double sum = 0;
        double left = Double.MAX_VALUE;
        double top = Double.MAX_VALUE;
        double right = -Double.MAX_VALUE;
        double bottom = -Double.MAX_VALUE;
        for (int joint = 0; joint < person.value.length; joint++) {
            sum += person.value[joint];
            if (person.value[joint] > 0) {
                left = Math.min(left, person.x[joint]);
                right = Math.max(right, person.x[joint]);
                top = Math.min(top, person.y[joint]);
                bottom = Math.max(bottom, person.y[joint]);
            }
        }
        double side = Math.max(heatmaps.width, heatmaps.height);
        double size = Math.max(1, Math.min(side, Math.max(right - left, bottom - top)));
        double sure = Math.sqrt(Math.max(0, own) * Math.max(0, sum / person.value.length));
        return (float) (sure * Math.pow(size / side, BY_SIZE));
    }

    private float value(int joint, int cell) {
        return heatmaps.values[joint * heatmaps.height * heatmaps.width + cell];
    }

    private float offset(int channel, int cell) {
        return offsets.values[channel * offsets.height * offsets.width + cell];
    }

    private static double squared(double x, double y) {
        return x * x + y * y;
    }

    /** The same maps with 0 in the place of what is no number. */
    private static Maps finite(Maps maps) {
        float[] values = maps.values.clone();
        for (int i = 0; i < values.length; i++) {
            if (!Peaks.isFinite(values[i])) {
                values[i] = 0;
            }
        }
        return new Maps(maps.joints, maps.height, maps.width, values);
    }
}
