package org.posedistill.bench;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import org.json.JSONObject;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.annotation.Config;
import org.robolectric.annotation.GraphicsMode;

/** The app with the runtime inside it, whose native library this machine cannot load. */
@RunWith(RobolectricTestRunner.class)
@Config(sdk = 34)
@GraphicsMode(GraphicsMode.Mode.NATIVE)
public final class RuntimeTest {
    @Test
    public void runtimeThatCannotBeLoadedIsAnErrorForEveryDelegate() throws Exception {
        BenchApplication app = (BenchApplication) RuntimeEnvironment.getApplication();
        Benchmark benchmark = new Benchmark(app, new Storage(app), app.engines(), inFront(app));
        for (Engine.Delegate delegate : Engine.Delegate.values()) {
            JSONObject result = benchmark.run(Request.from(null).with(delegate.label(), Request.PHOTOGRAPH)).json;
            assertEquals("error", result.getString("status"));
            assertEquals("delegate", result.getJSONObject("error").getString("kind"));
            String message = result.getJSONObject("error").getString("message");
            assertTrue(message, message.startsWith("delegate " + delegate.label() + " "));
        }
    }

    private static Visibility inFront(BenchApplication app) {
        Visibility visibility = new Visibility(app);
        visibility.focus(true);
        return visibility;
    }
}
