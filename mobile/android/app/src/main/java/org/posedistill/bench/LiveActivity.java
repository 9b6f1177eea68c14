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
import org.posedistill.pose.Letterbox;
import org.posedistill.pose.Person;
import org.posedistill.pose.Photograph;
import org.posedistill.pose.PoseException;

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
    /** Whether the worker has the runtime. */
    private boolean holds;
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
                close();
            }
        });
        worker.shutdown();
        super.onDestroy();
    }

    private boolean isGranted() {
        return checkSelfPermission(Manifest.permission.CAMERA) == PackageManager.PERMISSION_GRANTED;
    }

    @Override
    @SuppressWarnings("deprecation")
    public int displayDegrees() {
        return 90 * getWindowManager().getDefaultDisplay().getRotation();
    }

    private void startCamera() {
        if (failure != null) {
            figures.setText(failure);
            return;
        }
        figures.setText(R.string.waiting);
        camera = new Camera(this);
        camera.open(this);
    }

    private void load() {
        try {
            Engine.Delegate delegate = request.check();
            Storage storage = new Storage(this);
            model = LoadedModel.read(storage, request);
            if (model.info == null) {
                throw new BenchmarkException(BenchmarkException.Kind.MODEL,
                        request.model + " has no JSON that says what its outputs are; push the one of its export");
            }
            acquire();
            Engine engine = app().engines().create(
                    model.content, model.name, new Engine.Settings(delegate, request, storage.cache(), model.sha256));
            pipeline = Pipeline.of(model.info, engine);
            engine.delegation().refuseIdle(delegate);
        } catch (InterruptedException ended) {
            Thread.currentThread().interrupt();
        } catch (BenchmarkException | PoseException | RuntimeException | LinkageError | OutOfMemoryError error) {
            fail(error);
        }
    }

    private BenchApplication app() {
        return (BenchApplication) getApplication();
    }

    private void acquire() throws InterruptedException {
        app().runtime.acquire();
        holds = true;
    }

    /** Close the model, on the worker's thread. */
    private void close() {
        if (pipeline != null) {
            pipeline.close();
            pipeline = null;
        }
        if (holds) {
            holds = false;
            app().runtime.release();
        }
    }

    /** Called on the camera's thread; returns when the frame has been looked at, so that frames do not queue. */
    @Override
    public void onFrame(final Photograph frame, final long taken) {
        try {
            worker.submit(new Runnable() {
                @Override
                public void run() {
                    look(frame, taken);
                }
            }).get();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        } catch (java.util.concurrent.ExecutionException | java.util.concurrent.RejectedExecutionException over) {
            onTrouble(over.toString());
        }
    }

    private void look(Photograph frame, long taken) {
        if (pipeline == null) {
            return;
        }
        try {
            Letterbox letterbox = pipeline.prepare(frame);
            pipeline.infer();
            List<Person> persons = pipeline.decode(letterbox);
            show(frame, persons, (System.nanoTime() - taken) / 1e6);
        } catch (BenchmarkException | RuntimeException | OutOfMemoryError error) {
            fail(error);
        }
    }

    private void fail(Throwable thrown) {
        close();
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
