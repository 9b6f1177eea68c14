package org.posedistill.pose;

import java.util.List;

/** One map for each joint: values[(joint * height + row) * width + column]. */
final class Maps {
    final int joints;
    final int height;
    final int width;
    final float[] values;

    Maps(int joints, int height, int width, float[] values) {
        this.joints = joints;
        this.height = height;
        this.width = width;
        this.values = values;
    }

    /** From a model's output of shape 1 x height x width x joints. */
    static Maps fromOutput(int[] shape, float[] output) {
        int cells = shape[1] * shape[2];
        int joints = shape[3];
        float[] values = new float[output.length];
        for (int cell = 0; cell < cells; cell++) {
            for (int joint = 0; joint < joints; joint++) {
                values[joint * cells + cell] = output[cell * joints + joint];
            }
        }
        return new Maps(joints, shape[1], shape[2], values);
    }

    /** Mean of maps of several sizes, at the size of the largest. */
    static Maps average(List<Maps> all) {
        Maps largest = all.get(0);
        for (Maps maps : all) {
            if (maps.height > largest.height || (maps.height == largest.height && maps.width > largest.width)) {
                largest = maps;
            }
        }
        if (all.size() == 1) {
            return largest;
        }
        float[] sum = new float[largest.values.length];
        for (Maps maps : all) {
            float[] resized = maps.resized(largest.height, largest.width).values;
            for (int i = 0; i < sum.length; i++) {
                sum[i] += resized[i];
            }
        }
        for (int i = 0; i < sum.length; i++) {
            sum[i] /= all.size();
        }
        return new Maps(largest.joints, largest.height, largest.width, sum);
    }

    /** Resized bilinearly, cell centres at + 0.5; what lies outside the outermost centres takes their value. */
    Maps resized(int newHeight, int newWidth) {
        if (newHeight == height && newWidth == width) {
            return this;
        }
        float[] result = new float[joints * newHeight * newWidth];
        int at = 0;
        for (int joint = 0; joint < joints; joint++) {
            for (int row = 0; row < newHeight; row++) {
                float y = Math.max(0, (row + 0.5f) * height / newHeight - 0.5f);
                int top = Math.min((int) y, height - 1);
                int above = (joint * height + top) * width;
                int below = (joint * height + Math.min(top + 1, height - 1)) * width;
                float down = y - top;
                for (int column = 0; column < newWidth; column++) {
                    float x = Math.max(0, (column + 0.5f) * width / newWidth - 0.5f);
                    int left = Math.min((int) x, width - 1);
                    int right = Math.min(left + 1, width - 1);
                    float across = x - left;
                    float upper = (1 - across) * values[above + left] + across * values[above + right];
                    float lower = (1 - across) * values[below + left] + across * values[below + right];
                    result[at++] = (1 - down) * upper + down * lower;
                }
            }
        }
        return new Maps(joints, newHeight, newWidth, result);
    }
}
