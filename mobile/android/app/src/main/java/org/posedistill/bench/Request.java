package org.posedistill.bench;

import android.os.Bundle;
import java.util.regex.Pattern;
import org.json.JSONException;
import org.json.JSONObject;

/** What a run is asked to do; the names are those of the intent's extras. */
final class Request {
    static final String MODEL = "student.tflite";
    static final String PHOTOGRAPH = "scenes/0.png";
    private static final Pattern RESULT = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]*\\.json");
    private static final String[] NUMBERS = {"threads", "warmup", "runs"};
    private static final String[] TEXTS = {"model", "metadata", "photograph", "delegate", "result"};
    private static final int MOST_THREADS = 64;
    private static final int MOST_RUNS = 1_000_000;

    final String model;
    final String metadata;
    final String photograph;
    final int threads;
    final String delegate;
    final int warmup;
    final int runs;
    /** File that the result is written to, in the folder of results. */
    final String result;
    /** What is wrong with the type of an extra, null for nothing. */
    private final String mistake;

    private Request(String model, String metadata, String photograph, int threads, String delegate, int warmup, int runs,
            String result, String mistake) {
        this.model = model;
        this.metadata = metadata;
        this.photograph = photograph;
        this.threads = threads;
        this.delegate = delegate;
        this.warmup = warmup;
        this.runs = runs;
        this.result = result;
        this.mistake = mistake;
    }

    /** From an intent's extras, null for none; what is missing takes its default, and nothing is checked yet. */
    static Request from(Bundle extras) {
        Bundle given = extras == null ? Bundle.EMPTY : extras;
        String model = given.getString("model", MODEL);
        int threads = given.getInt("threads", 4);
        String delegate = given.getString("delegate", "cpu");
        String stem = model.substring(model.lastIndexOf('/') + 1).replaceFirst("\\.tflite$", "");
        return new Request(model, given.getString("metadata", beside(model)), given.getString("photograph", PHOTOGRAPH),
                threads, delegate, given.getInt("warmup", 5), given.getInt("runs", 50),
                given.getString("result", stem + "_" + delegate + "_" + threads + ".json"), mistake(given));
    }

    /** An extra of another type would silently take its default. */
    @SuppressWarnings("deprecation")
    private static String mistake(Bundle given) {
        for (String name : NUMBERS) {
            if (given.get(name) != null && !(given.get(name) instanceof Integer)) {
                return name + " must be an integer extra: --ei " + name + " " + given.get(name);
            }
        }
        for (String name : TEXTS) {
            if (given.get(name) != null && !(given.get(name) instanceof String)) {
                return name + " must be a string extra: --es " + name + " " + given.get(name);
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
        extras.putString("metadata", metadata);
        extras.putString("photograph", photograph);
        extras.putInt("threads", threads);
        extras.putString("delegate", delegate);
        extras.putInt("warmup", warmup);
        extras.putInt("runs", runs);
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
        checkRange("runs", runs, 1, MOST_RUNS);
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
        return new JSONObject()
                .put("model", model)
                .put("metadata", metadata)
                .put("photograph", photograph)
                .put("threads", threads)
                .put("delegate", delegate)
                .put("warmup", warmup)
                .put("runs", runs);
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
