package org.posedistill.bench;

import android.app.Application;

/** Says what does the inference; tests on a desktop, where the runtime cannot be loaded, say something else. */
public class BenchApplication extends Application {
    Engine.Factory engines() {
        return new LiteRtEngine.Factory();
    }
}
