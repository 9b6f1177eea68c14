package org.posedistill.bench;

import android.content.Context;
import java.text.SimpleDateFormat;
import java.util.Collections;
import java.util.Date;
import java.util.List;
import java.util.Locale;
import java.util.TimeZone;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** Measures one model on one photograph. The result is described by result.schema.json. */
final class Benchmark {
    static final String VERSION = "0.1.0";
    private static final int SCHEMA_VERSION = 1;

    private final Context context;
    private final Storage storage;
    private final Engine.Factory engines;

    Benchmark(Context context, Storage storage, Engine.Factory engines) {
        this.context = context;
        this.storage = storage;
        this.engines = engines;
    }

    /** Do what was asked; whatever goes wrong is part of the outcome. */
    Outcome run(Request request) {
        Outcome outcome = new Outcome(new JSONObject());
        try {
            describe(request, outcome.json);
            measure(request, outcome);
            outcome.json.put("status", "ok");
        } catch (Exception | LinkageError | OutOfMemoryError thrown) {
            outcome.error = BenchmarkException.of(thrown);
            outcome.persons = Collections.emptyList();
            describe(outcome.error, outcome.json);
        }
        return outcome;
    }

    private void describe(Request request, JSONObject json) throws JSONException {
        SimpleDateFormat utc = new SimpleDateFormat("yyyy-MM-dd'T'HH:mm:ss'Z'", Locale.ROOT);
        utc.setTimeZone(TimeZone.getTimeZone("UTC"));
        json.put("schema_version", SCHEMA_VERSION)
                .put("app", new JSONObject().put("package", context.getPackageName()).put("version", VERSION))
                .put("started", utc.format(new Date()))
                .put("request", request.toJson())
                .put("device", Device.describe());
    }

    /** Turn a result into that of a run that failed. */
    static void describe(BenchmarkException error, JSONObject json) {
        try {
            json.remove("times");
            json.remove("persons");
            json.put("status", "error")
                    .put("error", new JSONObject()
                            .put("kind", error.kind.name().toLowerCase(Locale.ROOT))
                            .put("message", error.getMessage()));
        } catch (JSONException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private void measure(Request request, Outcome outcome) throws BenchmarkException, JSONException {
        JSONObject json = outcome.json;
        Engine.Delegate delegate = request.check();
        JSONObject thermalBefore = Device.thermal(context);
        json.put("runtime", new JSONObject().put("name", engines.runtimeName()).put("version", engines.runtimeVersion()));
        outcome.photograph =
                Photograph.decode(storage.read(request.photograph, BenchmarkException.Kind.PHOTOGRAPH), request.photograph);
        Device.forgetPeakMemory();
        Object memoryBefore = Device.memory();
        LoadedModel model = LoadedModel.read(storage, request.model, request.metadata);
        outcome.skeleton = model.info.skeleton;
        json.put("model", model.toJson());
        long start = System.nanoTime();
        Engine engine = engines.create(model.content, model.info, delegate, request.threads);
        double initialisation = milliseconds(start, System.nanoTime());
        try (Pipeline pipeline = Pipeline.of(model.info, engine)) {
            Delegation delegation = engine.delegation();
            json.put("delegate", delegation.addTo(new JSONObject().put("name", delegate.label())));
            delegation.refuseIdle(delegate);
            JSONObject times = new JSONObject().put("initialisation", Statistics.round(initialisation));
            outcome.persons = time(pipeline, request, outcome.photograph, times);
            json.put("times", times);
        }
        json.put("memory", new JSONObject().put("before", memoryBefore).put("peak", Device.peakMemory()));
        json.put("thermal", new JSONObject().put("before", thermalBefore).put("after", Device.thermal(context)));
        json.put("persons", toJson(outcome.persons));
    }

    /** Fill in the times; returns the persons of the last run. */
    private static List<Person> time(Pipeline pipeline, Request request, Photograph photograph, JSONObject times)
            throws BenchmarkException, JSONException {
        double[] first = new double[3];
        List<Person> persons = step(pipeline, photograph, first);
        double[] warmup = new double[request.warmup];
        for (int i = 0; i < warmup.length; i++) {
            double[] steps = new double[3];
            step(pipeline, photograph, steps);
            warmup[i] = steps[1];
        }
        double[][] parts = new double[4][request.runs];
        for (int i = 0; i < request.runs; i++) {
            double[] steps = new double[3];
            persons = step(pipeline, photograph, steps);
            for (int part = 0; part < steps.length; part++) {
                parts[part][i] = steps[part];
                parts[3][i] += steps[part];
            }
        }
        times.put("first", Statistics.round(first[1]))
                .put("warmup", warmup.length == 0 ? JSONObject.NULL : new Statistics(warmup).toJson())
                .put("preprocessing", new Statistics(parts[0]).toJson())
                .put("inference", new Statistics(parts[1]).toJson())
                .put("decoding", new Statistics(parts[2]).toJson())
                .put("total", new Statistics(parts[3]).toJson());
        return persons;
    }

    /** One run; the times of its three steps go into {@code steps}. */
    private static List<Person> step(Pipeline pipeline, Photograph photograph, double[] steps) throws BenchmarkException {
        long begin = System.nanoTime();
        Letterbox letterbox = pipeline.prepare(photograph);
        long prepared = System.nanoTime();
        pipeline.infer();
        long inferred = System.nanoTime();
        List<Person> persons = pipeline.decode(letterbox);
        long decoded = System.nanoTime();
        steps[0] = milliseconds(begin, prepared);
        steps[1] = milliseconds(prepared, inferred);
        steps[2] = milliseconds(inferred, decoded);
        return persons;
    }

    private static double milliseconds(long begin, long end) {
        return (end - begin) / 1e6;
    }

    private static JSONArray toJson(List<Person> persons) throws JSONException {
        JSONArray all = new JSONArray();
        for (Person person : persons) {
            JSONArray joints = new JSONArray();
            for (int i = 0; i < person.value.length; i++) {
                joints.put(new JSONArray().put(person.x[i]).put(person.y[i]).put(person.value[i]));
            }
            all.put(new JSONObject().put("score", person.score).put("joints", joints));
        }
        return all;
    }
}
