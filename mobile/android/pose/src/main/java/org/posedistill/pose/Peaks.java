package org.posedistill.pose;

import java.util.Arrays;

/** The best peaks of the heatmaps, joint by joint, each joint's highest first. */
final class Peaks {
    /** Joint k owns the peaks start[k] to start[k + 1]. */
    final int[] start;
    /** Row * columns + column. */
    final int[] cell;
    final float[] value;
    final float[] tag;
    /** Offset from the centre of the cell, cells; only where the model finds the peaks itself. */
    final float[] shiftX;
    final float[] shiftY;

    private int count;

    private Peaks(int joints, int most) {
        start = new int[joints + 1];
        cell = new int[most];
        value = new float[most];
        tag = new float[most];
        shiftX = new float[most];
        shiftY = new float[most];
    }

    int count() {
        return count;
    }

    /**
     * Cells above the threshold that nothing in the window around them exceeds; of equal cells in one window the
     * first, row by row.
     */
    static Peaks find(Maps heatmaps, Maps tags, GroupingConfig config) {
        int cells = heatmaps.height * heatmaps.width;
        Peaks peaks = new Peaks(heatmaps.joints, heatmaps.joints * Math.min(config.maxPersons, cells));
        for (int joint = 0; joint < heatmaps.joints; joint++) {
            int first = joint * cells;
            int[] found = new int[cells];
            int number = 0;
            for (int cell = 0; cell < cells; cell++) {
                float value = heatmaps.values[first + cell];
                boolean usable = isFinite(value) && isFinite(tags.values[first + cell]);
                if (value > config.detectionThreshold && usable && isHighest(heatmaps, first, cell, config.nmsKernel / 2)) {
                    found[number++] = cell;
                }
            }
            for (int cell : highest(heatmaps.values, first, Arrays.copyOf(found, number), config.maxPersons)) {
                peaks.add(cell, heatmaps.values[first + cell], tags.values[first + cell], 0, 0);
            }
            peaks.start[joint + 1] = peaks.count;
        }
        return peaks;
    }

    /**
     * Peaks that the model found itself: values, cells and tags of joint x peak, and shifts of joint x peak x axis.
     */
    static Peaks of(float[] values, float[] cells, float[] tags, float[] shifts, int joints, GroupingConfig config) {
        int each = values.length / joints;
        Peaks peaks = new Peaks(joints, values.length);
        for (int joint = 0; joint < joints; joint++) {
            for (int i = joint * each; i < (joint + 1) * each; i++) {
                boolean usable = isFinite(values[i]) && isFinite(tags[i]) && values[i] > config.detectionThreshold;
                if (usable && peaks.count - peaks.start[joint] < config.maxPersons) {
                    peaks.add((int) cells[i], values[i], tags[i], shifts[2 * i], shifts[2 * i + 1]);
                }
            }
            peaks.start[joint + 1] = peaks.count;
        }
        return peaks;
    }

    private void add(int newCell, float newValue, float newTag, float newShiftX, float newShiftY) {
        cell[count] = newCell;
        value[count] = newValue;
        tag[count] = newTag;
        shiftX[count] = newShiftX;
        shiftY[count] = newShiftY;
        count++;
    }

    private static boolean isHighest(Maps maps, int first, int cell, int reach) {
        int row = cell / maps.width;
        int column = cell % maps.width;
        float value = maps.values[first + cell];
        for (int y = Math.max(0, row - reach); y <= Math.min(maps.height - 1, row + reach); y++) {
            for (int x = Math.max(0, column - reach); x <= Math.min(maps.width - 1, column + reach); x++) {
                int other = y * maps.width + x;
                float seen = maps.values[first + other];
                if (seen > value || (seen == value && other < cell)) {
                    return false;
                }
            }
        }
        return true;
    }

    /** At most {@code most} of the cells, highest value first, equal ones in their order. */
    private static int[] highest(float[] values, int first, int[] cells, int most) {
        for (int i = 1; i < cells.length; i++) {
            int cell = cells[i];
            int at = i;
            while (at > 0 && values[first + cells[at - 1]] < values[first + cell]) {
                cells[at] = cells[at - 1];
                at--;
            }
            cells[at] = cell;
        }
        return Arrays.copyOf(cells, Math.min(cells.length, most));
    }

    static boolean isFinite(float value) {
        return !Float.isNaN(value) && !Float.isInfinite(value);
    }
}
