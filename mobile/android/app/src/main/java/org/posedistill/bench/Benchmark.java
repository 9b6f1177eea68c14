package org.posedistill.bench;

import android.content.Context;
import android.util.Log;
import java.text.SimpleDateFormat;
import java.util.Collections;
import java.util.Date;
import java.util.List;
import java.util.Locale;
import java.util.TimeZone;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;
import org.posedistill.pose.Letterbox;
import org.posedistill.pose.Person;
import org.posedistill.pose.Photograph;
import org.posedistill.pose.PoseException;

/** Measures one model on one photograph. The result is described by result.schema.json. */
final class Benchmark {
    static final String VERSION = "0.1.0";
    private static final int SCHEMA_VERSION = 2;

    private final Context context;
    private final Storage storage;
    private final Engine.Factory engines;
    private final Visibility visibility;

    Benchmark(Context context, Storage storage, Engine.Factory engines, Visibility visibility) {
        this.context = context;
        this.storage = storage;
        this.engines = engines;
        this.visibility = visibility;
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

    /** The outcome of a run that never began. */
    Outcome refuse(Request request, BenchmarkException error) {
        Outcome outcome = new Outcome(new JSONObject());
        outcome.error = error;
        try {
            describe(request, outcome.json);
        } catch (JSONException impossible) {
            throw new IllegalStateException(impossible);
        }
        describe(error, outcome.json);
        return outcome;
    }

    private void describe(Request request, JSONObject json) throws JSONException {
        SimpleDateFormat utc = new SimpleDateFormat("yyyy-MM-dd'T'HH:mm:ss'Z'", Locale.ROOT);
        utc.setTimeZone(TimeZone.getTimeZone("UTC"));
        json.put("schema_version", SCHEMA_VERSION)
                .put("app", new JSONObject().put("package", context.getPackageName()).put("version", VERSION))
                .put("started", utc.format(new Date()))
                .put("request", request.toJson())
                .put("device", Device.describe(context))
                .put("screen", new JSONObject().put("before", visibility.toJson()));
    }

    /** Turn a result into that of a run that failed. */
    static void describe(BenchmarkException error, JSONObject json) {
        try {
            json.remove("times");
            json.remove("persons");
            json.remove("outputs");
            json.put("status", "error")
                    .put("error", new JSONObject()
                            .put("kind", error.kind.name().toLowerCase(Locale.ROOT))
                            .put("message", error.getMessage()));
        } catch (JSONException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private void measure(Request request, Outcome outcome)
            throws BenchmarkException, PoseException, JSONException {
        JSONObject json = outcome.json;
        Engine.Delegate delegate = request.check();
        visibility.begin();
        visibility.check();
        JSONObject thermalBefore = Device.thermal(context);
        json.put("runtime", new JSONObject().put("name", engines.runtimeName()).put("version", engines.runtimeVersion()));
        outcome.photograph =
                Photograph.decode(storage.read(request.photograph, BenchmarkException.Kind.PHOTOGRAPH), request.photograph);
        boolean reset = Device.resetPeakMemory();
        Object memoryBefore = Device.memory();
        LoadedModel model = LoadedModel.read(storage, request);
        outcome.skeleton = model.info == null ? null : model.info.skeleton;
        json.put("model", model.toJson());
        long start = System.nanoTime();
        Engine.Settings settings = new Engine.Settings(delegate, request, storage.cache(), model.sha256);
        Engine engine = engines.create(model.content, model.name, settings);
        double initialisation = milliseconds(start, System.nanoTime());
        try (Pipeline pipeline = Pipeline.of(model.info, engine)) {
            Delegation delegation = engine.delegation();
            json.put("delegate", delegation.addTo(new JSONObject().put("name", delegate.label())));
            delegation.refuseIdle(delegate);
            JSONObject times = new JSONObject().put("initialisation", Statistics.round(initialisation));
            outcome.persons = time(pipeline, request, outcome.photograph, times);
            json.put("times", times);
            json.put("outputs", request.outputs ? write(request, pipeline) : JSONObject.NULL);
        }
        json.put("memory", new JSONObject()
                .put("before", memoryBefore).put("peak", Device.peakMemory()).put("peak_reset", reset));
        json.put("thermal", new JSONObject().put("before", thermalBefore).put("after", Device.thermal(context)));
        json.getJSONObject("screen").put("after", visibility.toJson());
        json.put("persons", toJson(outcome.persons));
    }

    /** The outputs of the last run, as they are stored, one after the other by position. */
    private Object write(Request request, Pipeline pipeline) {
        try {
            return storage.write(request.result.replaceFirst("\\.json$", ".outputs"), pipeline.outputs).getPath();
        } catch (BenchmarkException error) {
            Log.w(BenchmarkActivity.TAG, "the outputs are left out", error);
            return JSONObject.NULL;
        }
    }

    /** Fill in the times; returns the persons of the last run. */
    private List<Person> time(Pipeline pipeline, Request request, Photograph photograph, JSONObject times)
            throws BenchmarkException, JSONException {
        double[] steps = new double[3];
        step(pipeline, photograph, steps);
        times.put("first", Statistics.round(steps[1]));
        Sampling warmup = new Sampling(request.warmup, request.warmupMs);
        while (warmup.goesOn()) {
            visibility.check();
            step(pipeline, photograph, steps);
            warmup.add(steps[1]);
        }
        times.put("warmup", warmup.samples().length == 0 ? JSONObject.NULL : new Statistics(warmup.samples()).toJson());
        Sampling[] parts = new Sampling[4];
        for (int i = 0; i < parts.length; i++) {
            parts[i] = new Sampling(request.runs, request.runsMs);
        }
        List<Person> persons = Collections.emptyList();
        while (parts[3].goesOn()) {
            visibility.check();
            persons = step(pipeline, photograph, steps);
            for (int part = 0; part < steps.length; part++) {
                parts[part].add(steps[part]);
            }
            parts[3].add(steps[0] + steps[1] + steps[2]);
        }
        boolean complete = pipeline.isComplete();
        times.put("preprocessing", complete ? new Statistics(parts[0].samples()).toJson() : JSONObject.NULL)
                .put("inference", new Statistics(parts[1].samples()).toJson())
                .put("decoding", complete ? new Statistics(parts[2].samples()).toJson() : JSONObject.NULL)
                .put("total", complete ? new Statistics(parts[3].samples()).toJson() : JSONObject.NULL)
                .put("bare", bare(pipeline, request));
        return persons;
    }

    /** The runtime's own times of its invocation, back to back, as `benchmark_model` has them; null where it has none. */
    private Object bare(Pipeline pipeline, Request request) throws BenchmarkException, JSONException {
        Sampling invocations = new Sampling(request.runs, request.runsMs);
        while (invocations.goesOn()) {
            visibility.check();
            pipeline.infer();
            double milliseconds = pipeline.lastInvocation();
            if (Double.isNaN(milliseconds)) {
                return JSONObject.NULL;
            }
            invocations.add(milliseconds);
        }
        return new Statistics(invocations.samples()).toJson();
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
