package org.posedistill.pose;

/** Where in its cell a joint stands. */
final class SubCell {
    private static final float LOWEST = 1e-3f;
    private static final float LEAST_BEND = 1e-6f;

    private SubCell() {}

    /** Set a person's joint to a cell of its map, moved off the centre as the configuration says. */
    static void locate(Person person, int joint, int cell, Maps heatmaps, GroupingConfig config) {
        int first = joint * heatmaps.height * heatmaps.width;
        int row = cell / heatmaps.width;
        int column = cell % heatmaps.width;
        float here = heatmaps.values[first + cell];
        float left = heatmaps.values[first + (column > 0 ? cell - 1 : cell)];
        float right = heatmaps.values[first + (column < heatmaps.width - 1 ? cell + 1 : cell)];
        float above = heatmaps.values[first + (row > 0 ? cell - heatmaps.width : cell)];
        float below = heatmaps.values[first + (row < heatmaps.height - 1 ? cell + heatmaps.width : cell)];
        person.x[joint] = column + 0.5f + shift(left, here, right, config);
        person.y[joint] = row + 0.5f + shift(above, here, below, config);
        person.value[joint] = here;
    }

    private static float shift(float before, float here, float after, GroupingConfig config) {
        if (config.subcell) {
            return vertex(log(before), log(here), log(after));
        }
        return !config.adjust ? 0 : after > before ? 0.25f : -0.25f;
    }

    private static float vertex(float before, float here, float after) {
        float bend = Math.max(2 * here - before - after, LEAST_BEND);
        return Math.max(-0.5f, Math.min(0.5f, (after - before) / 2 / bend));
    }

    /** Of what is no number as of the lowest value. */
    private static float log(float value) {
        return (float) Math.log(value > LOWEST ? value : LOWEST);
    }
}
