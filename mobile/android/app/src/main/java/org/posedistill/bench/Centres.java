package org.posedistill.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Persons from a map of their centres with offsets to their joints, as distill/pose/centres.py finds them. */
final class Centres {
    /** Cells that an offset of 1 stands for. */
    private static final float UNIT = 8;
    /** How far from where its offset points a joint is looked for: of the person's longer side, and cells at least. */
    private static final double REACH = 0.12;

    private static final double LEAST_REACH = 2;
    /** Value of a joint that only its offset found. */
    private static final float SURE_OF_OFFSET = 0.01f;
    /** Share of a person's joints in the cells of a better one from which both are one. */
    private static final double SAME = 0.5;

    private final Maps heatmaps;
    private final Maps centres;
    private final GroupingConfig config;

    private Centres(Maps heatmaps, Maps centres, GroupingConfig config) {
        this.heatmaps = heatmaps;
        this.centres = centres;
        this.config = config;
    }

    /**
     * Persons in map cells, best first.
     *
     * @param centres confidence, then x of the offsets of all joints, then y
     */
    static List<Person> find(Maps heatmaps, Maps centres, GroupingConfig config) {
        return new Centres(heatmaps, centres, config).find();
    }

    private List<Person> find() {
        int cells = heatmaps.height * heatmaps.width;
        Maps confidence = new Maps(1, heatmaps.height, heatmaps.width, Arrays.copyOf(centres.values, cells));
        Peaks peaks = Peaks.find(confidence, confidence, config);
        List<Person> persons = new ArrayList<>();
        List<int[]> taken = new ArrayList<>();
        for (int i = 0; i < peaks.count(); i++) {
            float[][] points = points(peaks.cell[i]);
            if (points == null) {
                continue;
            }
            int[] own = new int[heatmaps.joints];
            Person person = snapped(points, own, peaks.value[i]);
            if (person != null && !isTaken(own, taken)) {
                insert(persons, person);
                taken.add(own);
            }
        }
        return persons;
    }

    /** Where the offsets of a cell point, x and y of each joint; null where one of them is no number. */
    private float[][] points(int cell) {
        int cells = heatmaps.height * heatmaps.width;
        int joints = heatmaps.joints;
        float[][] points = new float[2][joints];
        float[] start = {cell % heatmaps.width + 0.5f, cell / heatmaps.width + 0.5f};
        for (int axis = 0; axis < 2; axis++) {
            for (int joint = 0; joint < joints; joint++) {
                float offset = centres.values[(1 + axis * joints + joint) * cells + cell];
                if (!Peaks.isFinite(offset)) {
                    return null;
                }
                points[axis][joint] = start[axis] + UNIT * offset;
            }
        }
        return points;
    }

    /** The person whose offsets point there, null where no joint is left; {@code own} gets the cell of each joint. */
    private Person snapped(float[][] points, int[] own, float confidence) {
        int joints = heatmaps.joints;
        double reach = Math.max(LEAST_REACH, REACH * Math.max(extent(points[0]), extent(points[1])));
        float sum = 0;
        float[] values = new float[joints];
        for (int joint = 0; joint < joints; joint++) {
            float x = points[0][joint];
            float y = points[1][joint];
            own[joint] = best(joint, x, y, reach);
            boolean inside = x >= 0 && y >= 0 && x < heatmaps.width && y < heatmaps.height;
            int first = joint * heatmaps.height * heatmaps.width;
            values[joint] = own[joint] >= 0 ? heatmaps.values[first + own[joint]] : inside ? SURE_OF_OFFSET : 0;
            sum += values[joint];
        }
        if (sum == 0) {
            return null;
        }
        Person person = new Person(confidence * (sum / joints), joints);
        for (int joint = 0; joint < joints; joint++) {
            if (own[joint] >= 0) {
                SubCell.locate(person, joint, own[joint], heatmaps, config);
            } else if (values[joint] > 0) {
                person.x[joint] = points[0][joint];
                person.y[joint] = points[1][joint];
                person.value[joint] = values[joint];
            }
        }
        return person;
    }

    /** The peak within reach whose value times a Gaussian of the distance is highest; -1 for none. */
    private int best(int joint, double x, double y, double reach) {
        int left = Math.max(0, (int) Math.floor(x - reach));
        int right = Math.min(heatmaps.width, (int) Math.floor(x + reach) + 1);
        int top = Math.max(0, (int) Math.floor(y - reach));
        int bottom = Math.min(heatmaps.height, (int) Math.floor(y + reach) + 1);
        int best = -1;
        double highest = 0;
        for (int row = top; row < bottom; row++) {
            for (int column = left; column < right; column++) {
                if (!isPeak(joint, row, column)) {
                    continue;
                }
                double across = column + 0.5 - x;
                double down = row + 0.5 - y;
                double near = Math.exp(-2 * (across * across + down * down) / (reach * reach));
                double worth = heatmaps.values[(joint * heatmaps.height + row) * heatmaps.width + column] * near;
                if (worth > highest) {
                    highest = worth;
                    best = row * heatmaps.width + column;
                }
            }
        }
        return best;
    }

    /** Whether a cell is above the threshold and no neighbour exceeds it. */
    private boolean isPeak(int joint, int row, int column) {
        float[] values = heatmaps.values;
        float value = values[(joint * heatmaps.height + row) * heatmaps.width + column];
        if (!(value > config.detectionThreshold) || !Peaks.isFinite(value)) {
            return false;
        }
        for (int y = Math.max(0, row - 1); y <= Math.min(heatmaps.height - 1, row + 1); y++) {
            for (int x = Math.max(0, column - 1); x <= Math.min(heatmaps.width - 1, column + 1); x++) {
                float other = values[(joint * heatmaps.height + y) * heatmaps.width + x];
                if (other > value && Peaks.isFinite(other)) {
                    return false;
                }
            }
        }
        return true;
    }

    private static double extent(float[] values) {
        float low = values[0];
        float high = values[0];
        for (float value : values) {
            low = Math.min(low, value);
            high = Math.max(high, value);
        }
        return high - low;
    }

    private static boolean isTaken(int[] own, List<int[]> taken) {
        for (int[] other : taken) {
            int seen = 0;
            int same = 0;
            for (int joint = 0; joint < own.length; joint++) {
                seen += own[joint] >= 0 ? 1 : 0;
                same += own[joint] >= 0 && own[joint] == other[joint] ? 1 : 0;
            }
            if (seen > 0 && same >= SAME * seen) {
                return true;
            }
        }
        return false;
    }

    /** Behind all persons of at least its score. */
    private static void insert(List<Person> persons, Person person) {
        int at = persons.size();
        while (at > 0 && persons.get(at - 1).score < person.score) {
            at--;
        }
        persons.add(at, person);
    }
}
