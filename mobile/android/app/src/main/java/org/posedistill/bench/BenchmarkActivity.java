package org.posedistill.bench;

import android.app.Activity;
import android.content.Intent;
import android.os.Bundle;
import android.os.Handler;
import android.os.Looper;
import android.util.Log;
import android.view.View;
import android.view.WindowManager;
import android.widget.TextView;
import java.io.File;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.json.JSONException;
import org.json.JSONObject;

/**
 * Runs what an intent asks for, writes the result and shows it.
 *
 * <p>{@code adb shell am start -n org.posedistill.bench/.BenchmarkActivity --es model student.tflite --es delegate
 * gpu --ei threads 4 --ei warmup 5 --ei runs 50 --es result NAME.json}; what is left out takes its default. With
 * {@code --ez prepare true} nothing runs: Android has then made the folder that adb pushes into.
 *
 * <p>A run begins when the screen shows the app in front of everything, and fails when it no longer does.
 */
public final class BenchmarkActivity extends Activity implements View.OnClickListener {
    static final String TAG = "PoseDistillBench";
    /** How long a run waits for the screen, and for the live screen to end. */
    static final long PATIENCE_MS = 20_000;
    /** The log cuts lines off after some 4,000 bytes. */
    private static final int PART = 3000;

    private final Handler handler = new Handler(Looper.getMainLooper());
    private final ExecutorService worker = Executors.newSingleThreadExecutor();
    private Storage storage;
    private Visibility visibility;
    private Request request;
    /** What waits for the screen, null for nothing. */
    private Request waiting;
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
        visibility = new Visibility(this);
        request = Request.from(getIntent().getExtras());
        if (state != null) {
            // Android made this screen anew; what was asked for has run, or failed, in the old one.
            figures.setText(R.string.again);
        } else {
            begin(getIntent());
        }
    }

    private void begin(Intent intent) {
        if (intent.getBooleanExtra("prepare", false)) {
            figures.setText(R.string.prepared);
            Log.i(TAG, "PREPARED " + storage.folder());
        } else {
            start(Request.from(intent.getExtras()));
        }
    }

    @Override
    public void onWindowFocusChanged(boolean hasFocus) {
        super.onWindowFocusChanged(hasFocus);
        visibility.focus(hasFocus);
        if (hasFocus) {
            // On the frame after the one that is being drawn.
            picture.postOnAnimation(runWaiting);
        }
    }

    @Override
    protected void onNewIntent(Intent intent) {
        super.onNewIntent(intent);
        setIntent(intent);
        begin(intent);
    }

    @Override
    protected void onDestroy() {
        visibility.focus(false);
        handler.removeCallbacksAndMessages(null);
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

    private void start(Request newRequest) {
        request = newRequest;
        waiting = newRequest;
        figures.setText(getString(R.string.running, newRequest.model, newRequest.delegate));
        handler.removeCallbacks(runAnyway);
        handler.postDelayed(runAnyway, PATIENCE_MS);
        if (visibility.isReady()) {
            picture.postOnAnimation(runWaiting);
        }
    }

    private final Runnable runWaiting = new Runnable() {
        @Override
        public void run() {
            if (visibility.isReady()) {
                runAnyway.run();
            }
        }
    };

    /** Without the screen the run itself says what is in its way. */
    private final Runnable runAnyway = new Runnable() {
        @Override
        public void run() {
            handler.removeCallbacks(this);
            if (waiting != null) {
                execute(waiting);
                waiting = null;
            }
        }
    };

    private void execute(final Request given) {
        final BenchApplication app = (BenchApplication) getApplication();
        final Benchmark benchmark = new Benchmark(this, storage, app.engines(), visibility);
        worker.execute(new Runnable() {
            @Override
            public void run() {
                final Outcome outcome = alone(app, benchmark, given);
                report(given, outcome);
                runOnUiThread(new Runnable() {
                    @Override
                    public void run() {
                        show(outcome);
                    }
                });
            }
        });
    }

    private static Outcome alone(BenchApplication app, Benchmark benchmark, Request given) {
        boolean has = false;
        try {
            has = app.runtime.tryAcquire(PATIENCE_MS, TimeUnit.MILLISECONDS);
            return has ? benchmark.run(given) : benchmark.refuse(given, new BenchmarkException(
                    BenchmarkException.Kind.SCREEN, "the live screen still runs its model; close it and run again"));
        } catch (InterruptedException ended) {
            Thread.currentThread().interrupt();
            return benchmark.refuse(given, BenchmarkException.of(ended));
        } finally {
            if (has) {
                app.runtime.release();
            }
        }
    }

    /** Write the result, and into the log: in parts, then the line that says where it is and how it went. */
    private void report(Request done, Outcome outcome) {
        File file = null;
        try {
            if (done.hasFileForResult()) {
                file = storage.writeResult(done.result, outcome.json);
            }
        } catch (BenchmarkException error) {
            Log.w(TAG, "the result is in this log alone", error);
            outcome.unwritten = error;
        }
        try {
            String text = outcome.json.toString();
            int parts = (text.length() + PART - 1) / PART;
            for (int i = 0; i < parts; i++) {
                Log.i(TAG, "PART " + done.result + " " + i + " "
                        + text.substring(i * PART, Math.min(text.length(), (i + 1) * PART)));
            }
            JSONObject line = new JSONObject()
                    .put("result", done.result)
                    .put("file", file == null ? JSONObject.NULL : file.getPath())
                    .put("parts", parts)
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
            String text = Figures.of(outcome.json);
            figures.setText(outcome.unwritten == null ? text : text + "\nError: " + outcome.unwritten.getMessage());
        } catch (JSONException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
