package org.posedistill.bench;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.app.KeyguardManager;
import android.content.Intent;
import android.os.Bundle;
import android.os.Looper;
import android.os.PowerManager;
import java.time.Duration;
import org.json.JSONObject;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.Robolectric;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.annotation.Config;
import org.robolectric.annotation.GraphicsMode;

/** Runs begin when the screen shows the app, and fail when it no longer does. */
@RunWith(RobolectricTestRunner.class)
@Config(sdk = 34, application = GivenApplication.class, qualifiers = "w411dp-h731dp-xhdpi")
@GraphicsMode(GraphicsMode.Mode.NATIVE)
public final class ScreenTest extends Runs {
    @Test
    public void nothingRunsBeforeTheWindowHasTheFocus() throws Exception {
        build();
        pass(1000);
        assertEquals(0, app.runs);
        assertTrue(Screens.text(controller.get()).contains("running"));
        controller.windowFocusChanged(true);
        Screens.waitWhile(controller.get(), "running");
        JSONObject screen = result("student_cpu_4.json", "screen").getJSONObject("screen");
        for (String when : new String[] {"before", "after"}) {
            JSONObject then = screen.getJSONObject(when);
            assertTrue(then.getBoolean("in_front") && then.getBoolean("screen_on"));
            assertFalse(then.getBoolean("locked") || then.getBoolean("power_save"));
        }
    }

    @Test
    public void aScreenThatNeverComesIsAnError() throws Exception {
        build();
        pass(BenchmarkActivity.PATIENCE_MS);
        refused("the app is not in front of everything");
    }

    @Test
    public void aLockedPhoneIsAnError() throws Exception {
        shadowOf(app.getSystemService(KeyguardManager.class)).setKeyguardLocked(true);
        build();
        controller.windowFocusChanged(true);
        pass(BenchmarkActivity.PATIENCE_MS);
        refused("the phone is locked; unlock it");
        assertTrue(result("student_cpu_4.json", "locked").getJSONObject("screen").getJSONObject("before").getBoolean("locked"));
    }

    @Test
    public void aDarkScreenIsAnError() throws Exception {
        shadowOf(app.getSystemService(PowerManager.class)).turnScreenOn(false);
        build();
        controller.windowFocusChanged(true);
        pass(BenchmarkActivity.PATIENCE_MS);
        refused("the screen is off; switch it on");
    }

    @Test
    public void leavingWhileItRunsIsAnError() throws Exception {
        intent.putExtra("runs", 1000);
        app.runsUntil = 20;
        // On the worker's thread, as the screen is lost in the middle of a run.
        app.whenRunsAreOver = () -> controller.get().onWindowFocusChanged(false);
        build();
        controller.windowFocusChanged(true);
        refused("the app is not in front of everything");
        assertEquals(21, app.runs);
    }

    @Test
    public void powerSavingStandsInTheResult() throws Exception {
        shadowOf(app.getSystemService(PowerManager.class)).setIsPowerSaveMode(true);
        start();
        assertTrue(result("student_cpu_4.json", "power_save").getJSONObject("screen").getJSONObject("after")
                .getBoolean("power_save"));
    }

    @Test
    public void aScreenMadeAnewRunsNothing() throws Exception {
        start();
        int runs = app.runs;
        Bundle state = new Bundle();
        controller.saveInstanceState(state);
        controller.close();
        controller = Robolectric.buildActivity(BenchmarkActivity.class, intent).setup(state);
        controller.windowFocusChanged(true);
        pass(BenchmarkActivity.PATIENCE_MS);
        assertEquals(runs, app.runs);
        assertEquals("Press a button to run.", Screens.text(controller.get()));
    }

    @Test
    public void theFocusComingBackRunsNothingAgain() throws Exception {
        start();
        int runs = app.runs;
        controller.windowFocusChanged(false);
        controller.windowFocusChanged(true);
        pass(BenchmarkActivity.PATIENCE_MS);
        assertEquals(runs, app.runs);
    }

    @Test
    public void nothingOverwritesAResult() throws Exception {
        start();
        controller.newIntent(intent);
        Screens.waitWhile(controller.get(), "running");
        assertTrue(file("student_cpu_4.json").isFile() && file("student_cpu_4-2.json").isFile());
    }

    @Test
    public void aRunWaitsForTheLiveScreenToEnd() throws Exception {
        app.runtime.acquire();
        build();
        controller.windowFocusChanged(true);
        pass(1000);
        assertEquals(0, app.runs);
        app.runtime.release();
        Screens.waitWhile(controller.get(), "running");
        assertEquals("ok", result("student_cpu_4.json", "after_live").getString("status"));
        assertEquals(1, app.runtime.availablePermits());
    }

    @Test
    public void aFirstStartOnlyMakesTheFolder() throws Exception {
        controller = Robolectric.buildActivity(BenchmarkActivity.class, new Intent().putExtra("prepare", true)).setup();
        controller.windowFocusChanged(true);
        pass(BenchmarkActivity.PATIENCE_MS);
        assertEquals("Ready for files from adb.", Screens.text(controller.get()));
        assertEquals(0, app.runs);
        assertTrue(app.getExternalFilesDir(null).isDirectory());
    }

    private void refused(String message) throws Exception {
        String text = Screens.waitWhile(controller.get(), "running");
        assertTrue(text, text.contains("Error: " + message));
        JSONObject error = result("student_cpu_4.json", new Throwable().getStackTrace()[1].getMethodName())
                .getJSONObject("error");
        assertEquals("screen", error.getString("kind"));
    }

    private static void pass(long milliseconds) throws InterruptedException {
        shadowOf(Looper.getMainLooper()).idleFor(Duration.ofMillis(milliseconds));
        Thread.sleep(50);
    }
}
