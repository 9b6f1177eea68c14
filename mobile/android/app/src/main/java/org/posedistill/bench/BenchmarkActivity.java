package org.posedistill.bench;

import android.app.Activity;
import android.content.Intent;
import android.os.Bundle;
import android.util.Log;
import android.view.View;
import android.view.WindowManager;
import android.widget.TextView;
import java.io.File;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.json.JSONException;
import org.json.JSONObject;

/**
 * Runs what an intent asks for, writes the result and shows it.
 *
 * <p>{@code adb shell am start -n org.posedistill.bench/.BenchmarkActivity --es model student.tflite --es delegate
 * gpu --ei threads 4 --ei warmup 5 --ei runs 50 --es result NAME.json}; what is left out takes its default.
 */
public final class BenchmarkActivity extends Activity implements View.OnClickListener {
    static final String TAG = "PoseDistillBench";

    private final ExecutorService worker = Executors.newSingleThreadExecutor();
    private Storage storage;
    private Request request;
    private PoseView picture;
    private TextView figures;

    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        setContentView(R.layout.benchmark);
        getWindow().addFlags(WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON);
        picture = findViewById(R.id.picture);
        figures = findViewById(R.id.figures);
        for (int button : new int[] {R.id.cpu, R.id.gpu, R.id.nnapi, R.id.next, R.id.live}) {
            findViewById(button).setOnClickListener(this);
        }
        storage = new Storage(this);
        start(Request.from(getIntent().getExtras()));
    }

    @Override
    protected void onNewIntent(Intent intent) {
        super.onNewIntent(intent);
        setIntent(intent);
        start(Request.from(intent.getExtras()));
    }

    @Override
    protected void onDestroy() {
        worker.shutdown();
        super.onDestroy();
    }

    @Override
    public void onClick(View view) {
        int id = view.getId();
        if (id == R.id.live) {
            startActivity(new Intent(this, LiveActivity.class).putExtras(request.toBundle()));
        } else if (id == R.id.next) {
            start(request.with(request.delegate, nextScene()));
        } else {
            String delegate = id == R.id.gpu ? "gpu" : id == R.id.nnapi ? "nnapi" : "cpu";
            start(request.with(delegate, request.photograph));
        }
    }

    private String nextScene() {
        List<String> scenes = storage.scenes();
        int next = scenes.indexOf(request.photograph) + 1;
        return scenes.isEmpty() ? request.photograph : scenes.get(next % scenes.size());
    }

    private void start(final Request newRequest) {
        request = newRequest;
        figures.setText(getString(R.string.running, newRequest.model, newRequest.delegate));
        final Benchmark benchmark = new Benchmark(this, storage, ((BenchApplication) getApplication()).engines());
        worker.execute(new Runnable() {
            @Override
            public void run() {
                final Outcome outcome = benchmark.run(newRequest);
                report(newRequest, outcome);
                runOnUiThread(new Runnable() {
                    @Override
                    public void run() {
                        show(outcome);
                    }
                });
            }
        });
    }

    /** Write the result and the line in the log that says where it is. */
    private void report(Request done, Outcome outcome) {
        File file = null;
        try {
            if (done.hasFileForResult()) {
                file = storage.writeResult(done.result, outcome.json);
            }
        } catch (BenchmarkException error) {
            outcome.error = error;
            Benchmark.describe(error, outcome.json);
        }
        try {
            JSONObject line = new JSONObject()
                    .put("file", file == null ? JSONObject.NULL : file.getPath())
                    .put("status", outcome.json.getString("status"));
            if (outcome.error != null) {
                line.put("error", outcome.json.getJSONObject("error"));
                Log.w(TAG, "the run failed", outcome.error);
            }
            Log.i(TAG, "RESULT " + line);
        } catch (JSONException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private void show(Outcome outcome) {
        picture.show(outcome.photograph, outcome.persons, outcome.skeleton);
        try {
            figures.setText(Figures.of(outcome.json));
        } catch (JSONException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
