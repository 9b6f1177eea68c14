package org.posedistill.pose;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Persons from a map of their centres with offsets to their joints, as distill/pose/centres.py finds them. */
final class Centres {
    /** Cells that an offset of 1 stands for. */
    private static final float UNIT = 8;
    /** Share of a person's joints in the cells of a better one from which both are one. */
    private static final double SAME = 0.5;

    private final Maps heatmaps;
    private final Maps centres;
    private final GroupingConfig config;
    private final Snapping snapping;

    private Centres(Maps heatmaps, Maps centres, GroupingConfig config) {
        this.heatmaps = heatmaps;
        this.centres = centres;
        this.config = config;
        snapping = new Snapping(heatmaps, config);
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
        float[] values = snapping.find(points, own);
        float sum = 0;
        for (float value : values) {
            sum += value;
        }
        return sum == 0 ? null : snapping.place(points, own, values, confidence * (sum / heatmaps.joints));
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
