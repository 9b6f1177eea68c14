package org.posedistill.bench;

import android.Manifest;
import android.app.Activity;
import android.content.pm.PackageManager;
import android.os.Bundle;
import android.view.WindowManager;
import android.widget.TextView;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** The camera's picture with the persons drawn over it, as fast as the model goes. */
public final class LiveActivity extends Activity implements Camera.Listener {
    private static final int ASKED = 1;

    /** Loads, runs and closes the model, so that these never overlap. */
    private final ExecutorService worker = Executors.newSingleThreadExecutor();
    private Request request;
    private PoseView picture;
    private TextView figures;
    private Camera camera;
    private LoadedModel model;
    private Pipeline pipeline;
    /** Why the model does not run, null while it may; for the screen's own thread. */
    private String failure;

    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        setContentView(R.layout.live);
        getWindow().addFlags(WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON);
        picture = findViewById(R.id.picture);
        figures = findViewById(R.id.figures);
        request = Request.from(getIntent().getExtras());
        worker.execute(new Runnable() {
            @Override
            public void run() {
                load();
            }
        });
        if (!isGranted()) {
            requestPermissions(new String[] {Manifest.permission.CAMERA}, ASKED);
        }
    }

    @Override
    protected void onResume() {
        super.onResume();
        if (isGranted()) {
            startCamera();
        } else {
            figures.setText(R.string.no_camera);
        }
    }

    @Override
    protected void onPause() {
        if (camera != null) {
            camera.close();
            camera = null;
        }
        super.onPause();
    }

    @Override
    protected void onDestroy() {
        worker.execute(new Runnable() {
            @Override
            public void run() {
                if (pipeline != null) {
                    pipeline.close();
                    pipeline = null;
                }
            }
        });
        worker.shutdown();
        super.onDestroy();
    }

    private boolean isGranted() {
        return checkSelfPermission(Manifest.permission.CAMERA) == PackageManager.PERMISSION_GRANTED;
    }

    @SuppressWarnings("deprecation")
    private void startCamera() {
        if (failure != null) {
            figures.setText(failure);
            return;
        }
        figures.setText(R.string.waiting);
        camera = new Camera(this);
        camera.open(this, 90 * getWindowManager().getDefaultDisplay().getRotation());
    }

    private void load() {
        try {
            Engine.Delegate delegate = request.check();
            model = LoadedModel.read(new Storage(this), request.model, request.metadata);
            Engine engine = ((BenchApplication) getApplication()).engines()
                    .create(model.content, model.info, delegate, request.threads);
            pipeline = Pipeline.of(model.info, engine);
            engine.delegation().refuseIdle(delegate);
        } catch (BenchmarkException | RuntimeException | LinkageError | OutOfMemoryError error) {
            fail(error);
        }
    }

    /** Called on the camera's thread; returns when the frame has been looked at, so that frames do not queue. */
    @Override
    public void onFrame(final Photograph frame) {
        try {
            worker.submit(new Runnable() {
                @Override
                public void run() {
                    look(frame);
                }
            }).get();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        } catch (java.util.concurrent.ExecutionException | java.util.concurrent.RejectedExecutionException over) {
            onTrouble(over.toString());
        }
    }

    private void look(Photograph frame) {
        if (pipeline == null) {
            return;
        }
        try {
            long start = System.nanoTime();
            Letterbox letterbox = pipeline.prepare(frame);
            pipeline.infer();
            List<Person> persons = pipeline.decode(letterbox);
            show(frame, persons, (System.nanoTime() - start) / 1e6);
        } catch (BenchmarkException | RuntimeException | OutOfMemoryError error) {
            fail(error);
        }
    }

    private void fail(Throwable thrown) {
        if (pipeline != null) {
            pipeline.close();
            pipeline = null;
        }
        final String message = BenchmarkException.of(thrown).getMessage();
        runOnUiThread(new Runnable() {
            @Override
            public void run() {
                failure = message;
                figures.setText(message);
            }
        });
    }

    private void show(final Photograph frame, final List<Person> persons, double milliseconds) {
        final String text = String.format(Locale.ROOT, "%s · %s · %d threads%npersons %d · %.1f ms a picture",
                request.model, request.delegate, request.threads, persons.size(), milliseconds);
        runOnUiThread(new Runnable() {
            @Override
            public void run() {
                picture.show(frame, persons, model.info.skeleton);
                figures.setText(text);
            }
        });
    }

    @Override
    public void onTrouble(final String message) {
        runOnUiThread(new Runnable() {
            @Override
            public void run() {
                figures.setText(message);
            }
        });
    }
}
