package org.posedistill.bench;

import android.app.Application;
import java.util.concurrent.Semaphore;

/** Says what does the inference; tests on a desktop, where the runtime cannot be loaded, say something else. */
public class BenchApplication extends Application {
    /** Held by whoever runs a model, so that a benchmark never runs beside the live screen. */
    final Semaphore runtime = new Semaphore(1);

    Engine.Factory engines() {
        return new LiteRtEngine.Factory();
    }
}
