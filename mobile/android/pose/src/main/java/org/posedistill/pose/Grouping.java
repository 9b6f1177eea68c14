package org.posedistill.pose;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;

/**
 * Joints become persons.
 *
 * <p>The grouping of Newell et al., Associative Embedding (NeurIPS 2017), as HigherHRNet (Cheng et al., CVPR
 * 2020) uses it and as distill/pose/grouping.py does it: joints are visited in the skeleton's order; an optimal
 * assignment gives each peak to the person whose mean tag is nearest, or lets it open a new one.
 */
final class Grouping {
    private static final double NO_PERSON = 1e10;

    private final Skeleton skeleton;
    private final GroupingConfig config;

    Grouping(Skeleton skeleton, GroupingConfig config) {
        this.skeleton = skeleton;
        this.config = config;
    }

    /** A person in the making. */
    private static final class Draft {
        /** Peak or cell of each joint, -1 for none. */
        final int[] peak;
        double tagSum;
        int count;
        double score;

        Draft(int joints) {
            peak = new int[joints];
            Arrays.fill(peak, -1);
        }

        double tag() {
            return tagSum / count;
        }
    }

    /** Persons in map cells, cell u centred at u + 0.5, highest scores first; maps of one size. */
    List<Person> group(Maps heatmaps, Maps tags) {
        Peaks peaks = Peaks.find(heatmaps, tags, config);
        List<Person> persons = new ArrayList<>();
        for (Draft draft : assign(peaks)) {
            Person person = new Person((float) draft.score, skeleton.joints.length);
            for (int joint = 0; joint < draft.peak.length; joint++) {
                int peak = draft.peak[joint];
                int cell = peak >= 0 ? peaks.cell[peak] : config.refine ? missing(joint, draft, heatmaps, tags) : -1;
                if (cell >= 0) {
                    SubCell.locate(person, joint, cell, heatmaps, config);
                }
            }
            persons.add(person);
        }
        return persons;
    }

    /** Persons in map cells from peaks that the model found itself in maps of so many columns. */
    List<Person> group(Peaks peaks, int columns) {
        List<Person> persons = new ArrayList<>();
        for (Draft draft : assign(peaks)) {
            Person person = new Person((float) draft.score, skeleton.joints.length);
            for (int joint = 0; joint < draft.peak.length; joint++) {
                int peak = draft.peak[joint];
                if (peak >= 0) {
                    person.x[joint] = peaks.cell[peak] % columns + 0.5f + peaks.shiftX[peak];
                    person.y[joint] = peaks.cell[peak] / columns + 0.5f + peaks.shiftY[peak];
                    person.value[joint] = peaks.value[peak];
                }
            }
            persons.add(person);
        }
        return persons;
    }

    /** The best persons, with their scores. */
    private List<Draft> assign(Peaks peaks) {
        List<Draft> drafts = new ArrayList<>();
        for (int joint : skeleton.groupingOrder) {
            int begin = peaks.start[joint];
            int end = peaks.start[joint + 1];
            int joinable = Math.min(drafts.size(), config.maxPersons);
            int[] chosen = match(peaks, begin, end, drafts.subList(0, joinable));
            for (int peak = begin; peak < end; peak++) {
                Draft draft;
                if (chosen[peak - begin] < 0) {
                    draft = new Draft(skeleton.joints.length);
                    drafts.add(draft);
                } else {
                    draft = drafts.get(chosen[peak - begin]);
                }
                draft.peak[joint] = peak;
                draft.tagSum += peaks.tag[peak];
                draft.count++;
            }
        }
        for (Draft draft : drafts) {
            for (int peak : draft.peak) {
                draft.score += peak < 0 ? 0 : peaks.value[peak];
            }
            draft.score /= skeleton.joints.length;
        }
        Collections.sort(drafts, new Comparator<Draft>() {
            @Override
            public int compare(Draft a, Draft b) {
                return Double.compare(b.score, a.score);
            }
        });
        return drafts.subList(0, Math.min(drafts.size(), config.maxPersons));
    }

    /** The person that each of the peaks from begin to end joins, -1 for none. */
    private int[] match(Peaks peaks, int begin, int end, List<Draft> drafts) {
        int[] chosen = new int[end - begin];
        Arrays.fill(chosen, -1);
        if (drafts.isEmpty() || begin == end) {
            return chosen;
        }
        double[][] cost = new double[end - begin][Math.max(end - begin, drafts.size())];
        for (int i = 0; i < cost.length; i++) {
            Arrays.fill(cost[i], NO_PERSON);
            for (int j = 0; j < drafts.size(); j++) {
                double distance = Math.abs(peaks.tag[begin + i] - drafts.get(j).tag());
                cost[i][j] = 100 * Math.rint(distance) - peaks.value[begin + i];
            }
        }
        int[] columns = Assignment.solve(cost);
        for (int i = 0; i < columns.length; i++) {
            boolean real = columns[i] < drafts.size();
            if (real && Math.abs(peaks.tag[begin + i] - drafts.get(columns[i]).tag()) < config.tagThreshold) {
                chosen[i] = columns[i];
            }
        }
        return chosen;
    }

    /** The cell where the heatmap minus the rounded distance of the tags is highest, -1 where nothing is seen. */
    private static int missing(int joint, Draft draft, Maps heatmaps, Maps tags) {
        int cells = heatmaps.height * heatmaps.width;
        int first = joint * cells;
        float tag = (float) draft.tag();
        int best = 0;
        float highest = Float.NEGATIVE_INFINITY;
        for (int cell = 0; cell < cells; cell++) {
            float evidence = heatmaps.values[first + cell] - (float) Math.rint(Math.abs(tags.values[first + cell] - tag));
            if (evidence > highest) {
                highest = evidence;
                best = cell;
            }
        }
        return heatmaps.values[first + best] > 0 ? best : -1;
    }
}
