package org.posedistill.bench;

import java.util.Locale;
import org.json.JSONException;
import org.json.JSONObject;

/** A result as the few lines that fit a phone's screen. */
final class Figures {
    private static final String[] STEPS = {"preprocessing", "inference", "decoding", "total"};

    private Figures() {}

    static String of(JSONObject result) throws JSONException {
        JSONObject request = result.getJSONObject("request");
        StringBuilder text = new StringBuilder();
        line(text, "%s · %s · %d threads", request.getString("model"), request.getString("delegate"),
                request.getInt("threads"));
        if (result.has("error")) {
            line(text, "\nError: %s", result.getJSONObject("error").getString("message"));
            return text.toString();
        }
        JSONObject model = result.getJSONObject("model");
        if (Boolean.FALSE.equals(model.opt("trained"))) {
            line(text, "This model is untrained: its persons mean nothing.");
        }
        if (model.isNull("input")) {
            line(text, "Nothing describes this model: its times only, on noise.");
        }
        JSONObject times = result.getJSONObject("times");
        line(text, "%-14s %8s %8s %8s", "ms", "median", "p95", "max");
        for (String step : STEPS) {
            JSONObject part = times.optJSONObject(step);
            if (part == null) {
                continue;
            }
            line(text, "%-14s %8.2f %8.2f %8.2f", step, part.getDouble("median"), part.getDouble("p95"),
                    part.getDouble("max"));
        }
        line(text, "%-14s %8.2f", "initialisation", times.getDouble("initialisation"));
        line(text, "%-14s %8.2f", "first run", times.getDouble("first"));
        JSONObject memory = result.getJSONObject("memory");
        line(text, "persons %d · runs %d · peak memory %s", result.getJSONArray("persons").length(),
                times.getJSONObject("inference").getInt("runs"), memory.getBoolean("peak_reset") ? megabytes(memory.get("peak")) : "unknown");
        JSONObject delegate = result.getJSONObject("delegate");
        String taken = delegate.get("share") instanceof Number
                ? delegate.get("delegated") + " of " + delegate.get("operators") + " operators" : "unknown";
        line(text, "delegated %s · runtime %s", taken, result.getJSONObject("runtime").getString("version"));
        JSONObject thermal = result.getJSONObject("thermal");
        line(text, "thermal %s before, %s after", thermal.getJSONObject("before").getString("status"),
                thermal.getJSONObject("after").getString("status"));
        return text.toString();
    }

    private static String megabytes(Object bytes) {
        return bytes instanceof Number ? ((Number) bytes).longValue() / 1_000_000 + " MB" : bytes.toString();
    }

    private static void line(StringBuilder text, String format, Object... values) {
        text.append(String.format(Locale.ROOT, format, values)).append('\n');
    }
}
