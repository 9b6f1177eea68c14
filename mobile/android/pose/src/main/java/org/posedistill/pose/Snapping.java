package org.posedistill.pose;

/** Joints that offsets point to, moved to the peaks of the heatmaps where they agree, as distill/pose/snapping.py. */
final class Snapping {
    /** How far from where its offset points a joint is looked for: of the person's longer side, and cells at least. */
    private static final double REACH = 0.12;

    private static final double LEAST_REACH = 2;
    /** Value of a joint that only its offset found. */
    private static final float SURE_OF_OFFSET = 0.01f;

    private final Maps heatmaps;
    private final GroupingConfig config;

    Snapping(Maps heatmaps, GroupingConfig config) {
        this.heatmaps = heatmaps;
        this.config = config;
    }

    /**
     * Value of each joint, 0 where there is none.
     *
     * @param points x and y of each joint, where offsets point
     * @param own gets the cell of each joint's peak, -1 for none
     */
    float[] find(float[][] points, int[] own) {
        double reach = Math.max(LEAST_REACH, REACH * Math.max(extent(points[0]), extent(points[1])));
        float[] values = new float[heatmaps.joints];
        for (int joint = 0; joint < values.length; joint++) {
            float x = points[0][joint];
            float y = points[1][joint];
            own[joint] = best(joint, x, y, reach);
            boolean inside = x >= 0 && y >= 0 && x < heatmaps.width && y < heatmaps.height;
            int first = joint * heatmaps.height * heatmaps.width;
            values[joint] = own[joint] >= 0 ? heatmaps.values[first + own[joint]] : inside ? SURE_OF_OFFSET : 0;
        }
        return values;
    }

    /** The person of these joints, as {@link #find} gave them. */
    Person place(float[][] points, int[] own, float[] values, float score) {
        Person person = new Person(score, values.length);
        for (int joint = 0; joint < values.length; joint++) {
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
}
