package org.posedistill.pose;

import java.util.ArrayList;
import java.util.List;

/**
 * The one person of a model without tags: each joint at its map's highest cell, of equal ones the first, as
 * distill/pose/single_person.py does it.
 */
final class SinglePerson {
    private SinglePerson() {}

    /** That person in map cells, cell u centred at u + 0.5; nobody where no joint is above the threshold. */
    static List<Person> find(Maps heatmaps, GroupingConfig config) {
        int cells = heatmaps.height * heatmaps.width;
        int[] best = new int[heatmaps.joints];
        double sum = 0;
        for (int joint = 0; joint < best.length; joint++) {
            best[joint] = highest(heatmaps.values, joint * cells, cells, config.detectionThreshold);
            sum += best[joint] < 0 ? 0 : heatmaps.values[joint * cells + best[joint]];
        }
        Person person = new Person((float) (sum / best.length), best.length);
        for (int joint = 0; joint < best.length; joint++) {
            if (best[joint] >= 0) {
                SubCell.locate(person, joint, best[joint], heatmaps, config);
            }
        }
        return ifSeen(person);
    }

    /** The same from peaks that the model found itself: values and cells of joint x peak, shifts of joint x peak x axis. */
    static List<Person> of(
            float[] values, float[] cells, float[] shifts, int joints, int columns, GroupingConfig config) {
        int each = values.length / joints;
        int[] best = new int[joints];
        double sum = 0;
        for (int joint = 0; joint < joints; joint++) {
            best[joint] = highest(values, joint * each, each, config.detectionThreshold);
            sum += best[joint] < 0 ? 0 : values[joint * each + best[joint]];
        }
        Person person = new Person((float) (sum / joints), joints);
        for (int joint = 0; joint < joints; joint++) {
            if (best[joint] >= 0) {
                int peak = joint * each + best[joint];
                int cell = (int) cells[peak];
                person.x[joint] = cell % columns + 0.5f + shifts[2 * peak];
                person.y[joint] = cell / columns + 0.5f + shifts[2 * peak + 1];
                person.value[joint] = values[peak];
            }
        }
        return ifSeen(person);
    }

    /** The number, from first on, of the highest value above the threshold, -1 for none. */
    private static int highest(float[] values, int first, int count, float threshold) {
        int best = -1;
        float highest = threshold;
        for (int i = 0; i < count; i++) {
            float value = values[first + i];
            if (value > highest && Peaks.isFinite(value)) {
                highest = value;
                best = i;
            }
        }
        return best;
    }

    private static List<Person> ifSeen(Person person) {
        List<Person> persons = new ArrayList<>();
        for (float value : person.value) {
            if (value > 0) {
                persons.add(person);
                break;
            }
        }
        return persons;
    }
}
