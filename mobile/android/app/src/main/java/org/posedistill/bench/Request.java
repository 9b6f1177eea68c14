package org.posedistill.bench;

import android.os.Bundle;
import java.util.Arrays;
import java.util.regex.Pattern;
import org.json.JSONException;
import org.json.JSONObject;

/** What a run is asked to do; the names are those of the intent's extras. */
final class Request {
    static final String MODEL = "student.tflite";
    static final String PHOTOGRAPH = "scenes/0.png";
    private static final Pattern RESULT = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]*\\.json");
    private static final String[] NUMBERS = {"threads", "warmup", "warmup_ms", "runs", "runs_ms"};
    private static final String[] TEXTS = {"model", "metadata", "photograph", "delegate", "result"};
    private static final String[] FLAGS = {"half_precision", "sustained_speed", "serialise", "outputs"};
    private static final int MOST_THREADS = 64;
    private static final int MOST_RUNS = 1_000_000;
    private static final int MOST_MILLISECONDS = 600_000;

    final String model;
    final String metadata;
    final String photograph;
    final int threads;
    final String delegate;
    /** Runs that are not counted: at least so many, and for at least so long. */
    final int warmup;
    final int warmupMs;
    /** Runs that are counted: at least so many, and for at least so long. */
    final int runs;
    final int runsMs;
    /** Whether a delegate may compute in half precision, should prefer a long run's speed, may keep compiled kernels. */
    final boolean halfPrecision;
    final boolean sustainedSpeed;
    final boolean serialise;
    /** Whether the outputs of the last run are written beside the result. */
    final boolean outputs;
    /** File that the result is written to, in the folder of results. */
    final String result;
    /** Whether the metadata were named, and not only looked for. */
    final boolean namesMetadata;
    /** What is wrong with the type of an extra, null for nothing. */
    private final String mistake;

    private Request(Bundle given) {
        model = given.getString("model", MODEL);
        namesMetadata = given.getString("metadata") != null;
        metadata = given.getString("metadata", beside(model));
        photograph = given.getString("photograph", PHOTOGRAPH);
        threads = given.getInt("threads", 4);
        delegate = given.getString("delegate", "cpu");
        warmup = given.getInt("warmup", 5);
        warmupMs = given.getInt("warmup_ms", 500);
        runs = given.getInt("runs", 50);
        runsMs = given.getInt("runs_ms", 1000);
        halfPrecision = given.getBoolean("half_precision", true);
        sustainedSpeed = given.getBoolean("sustained_speed", false);
        serialise = given.getBoolean("serialise", false);
        outputs = given.getBoolean("outputs", false);
        String stem = model.substring(model.lastIndexOf('/') + 1).replaceFirst("\\.tflite$", "");
        result = given.getString("result", stem + "_" + delegate + "_" + threads + ".json");
        mistake = mistake(given);
    }

    /** From an intent's extras, null for none; what is missing takes its default, and nothing is checked yet. */
    static Request from(Bundle extras) {
        return new Request(extras == null ? Bundle.EMPTY : extras);
    }

    /** An extra of another type would silently take its default. */
    private static String mistake(Bundle given) {
        String wrong = mistake(given, NUMBERS, Integer.class, "an integer extra: --ei");
        wrong = wrong == null ? mistake(given, TEXTS, String.class, "a string extra: --es") : wrong;
        return wrong == null ? mistake(given, FLAGS, Boolean.class, "a boolean extra: --ez") : wrong;
    }

    @SuppressWarnings("deprecation")
    private static String mistake(Bundle given, String[] names, Class<?> type, String what) {
        for (String name : names) {
            if (given.get(name) != null && !type.isInstance(given.get(name))) {
                return name + " must be " + what + " " + name + " " + given.get(name);
            }
        }
        return null;
    }

    Request with(String newDelegate, String newPhotograph) {
        Bundle extras = toBundle();
        extras.remove("result");
        extras.putString("delegate", newDelegate);
        extras.putString("photograph", newPhotograph);
        return from(extras);
    }

    Bundle toBundle() {
        Bundle extras = new Bundle();
        extras.putString("model", model);
        if (namesMetadata) {
            extras.putString("metadata", metadata);
        }
        extras.putString("photograph", photograph);
        extras.putInt("threads", threads);
        extras.putString("delegate", delegate);
        extras.putInt("warmup", warmup);
        extras.putInt("warmup_ms", warmupMs);
        extras.putInt("runs", runs);
        extras.putInt("runs_ms", runsMs);
        extras.putBoolean("half_precision", halfPrecision);
        extras.putBoolean("sustained_speed", sustainedSpeed);
        extras.putBoolean("serialise", serialise);
        extras.putBoolean("outputs", outputs);
        extras.putString("result", result);
        return extras;
    }

    /** The delegate, or an error that names what is wrong in the request. */
    Engine.Delegate check() throws BenchmarkException {
        if (mistake != null) {
            throw wrong(mistake);
        }
        checkRange("threads", threads, 1, MOST_THREADS);
        checkRange("warmup", warmup, 0, MOST_RUNS);
        checkRange("warmup_ms", warmupMs, 0, MOST_MILLISECONDS);
        checkRange("runs", runs, 1, MOST_RUNS);
        checkRange("runs_ms", runsMs, 0, MOST_MILLISECONDS);
        if (!hasFileForResult()) {
            throw wrong("result " + result + " must be a file name of letters, digits, . _ - that ends in .json");
        }
        for (Engine.Delegate known : Engine.Delegate.values()) {
            if (known.label().equals(delegate)) {
                return known;
            }
        }
        throw new BenchmarkException(BenchmarkException.Kind.DELEGATE,
                "delegate " + delegate + " is unknown; choose from cpu, gpu, nnapi");
    }

    boolean hasFileForResult() {
        return RESULT.matcher(result).matches();
    }

    JSONObject toJson() throws JSONException {
        JSONObject json = new JSONObject();
        Bundle extras = toBundle();
        json.put("metadata", metadata);
        for (String[] names : Arrays.asList(NUMBERS, TEXTS, FLAGS)) {
            for (String name : names) {
                if (!name.equals("metadata")) {
                    put(json, name, extras);
                }
            }
        }
        return json;
    }

    @SuppressWarnings("deprecation")
    private static void put(JSONObject json, String name, Bundle extras) throws JSONException {
        json.put(name, extras.get(name));
    }

    private static void checkRange(String name, int value, int least, int most) throws BenchmarkException {
        if (value < least || value > most) {
            throw wrong(name + " must be " + least + " to " + most + ", not " + value);
        }
    }

    private static BenchmarkException wrong(String message) {
        return new BenchmarkException(BenchmarkException.Kind.REQUEST, message);
    }

    private static String beside(String model) {
        return model.replaceFirst("(\\.tflite)?$", "") + ".json";
    }
}
