package org.posedistill.bench;

import java.util.Arrays;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** What there is to say of the times of some runs, milliseconds. */
final class Statistics {
    /** With fewer runs the 99th percentile is but the largest few. */
    static final int LEAST_FOR_P99 = 500;

    private final double[] samples;
    private final double[] sorted;
    final double mean;
    final double std;

    Statistics(double[] milliseconds) {
        if (milliseconds.length == 0) {
            throw new IllegalArgumentException("there are no statistics of no runs");
        }
        samples = milliseconds.clone();
        sorted = milliseconds.clone();
        Arrays.sort(sorted);
        double sum = 0;
        for (double value : sorted) {
            sum += value;
        }
        mean = sum / sorted.length;
        double squares = 0;
        for (double value : sorted) {
            squares += (value - mean) * (value - mean);
        }
        std = Math.sqrt(squares / sorted.length);
    }

    /** Interpolated linearly between the two nearest runs; share is 0..1. */
    double percentile(double share) {
        double at = share * (sorted.length - 1);
        int below = (int) at;
        int above = Math.min(below + 1, sorted.length - 1);
        return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
    }

    double median() {
        return percentile(0.5);
    }

    /** The samples too, oldest first. */
    JSONObject toJson() throws JSONException {
        JSONArray all = new JSONArray();
        for (double sample : samples) {
            all.put(round(sample));
        }
        return new JSONObject()
                .put("runs", sorted.length)
                .put("min", round(sorted[0]))
                .put("mean", round(mean))
                .put("median", round(median()))
                .put("p90", round(percentile(0.90)))
                .put("p95", round(percentile(0.95)))
                .put("p99", sorted.length < LEAST_FOR_P99 ? JSONObject.NULL : (Object) round(percentile(0.99)))
                .put("max", round(sorted[sorted.length - 1]))
                .put("std", round(std))
                .put("samples", all);
    }

    /** To whole microseconds. */
    static double round(double milliseconds) {
        return Math.rint(milliseconds * 1000) / 1000;
    }
}
