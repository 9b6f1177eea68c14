package org.posedistill.bench;

import android.app.KeyguardManager;
import android.content.Context;
import android.os.PowerManager;
import org.json.JSONException;
import org.json.JSONObject;

/** Whether the app has the screen, which is when a phone runs as fast as it does for its user. */
final class Visibility {
    private final Context context;
    private volatile boolean focused;
    /** Whether the screen was lost since the run began. */
    private volatile boolean lost;

    Visibility(Context context) {
        this.context = context;
    }

    void focus(boolean has) {
        focused = has;
        lost |= !has;
    }

    boolean isReady() {
        return focused && isOn() && !isLocked();
    }

    /** A run begins. */
    void begin() {
        lost = !focused;
    }

    /** Refuse to go on with what is no longer in front of everything. */
    void check() throws BenchmarkException {
        if (isLocked()) {
            throw new BenchmarkException(BenchmarkException.Kind.SCREEN, "the phone is locked; unlock it and run again");
        }
        if (!isOn()) {
            throw new BenchmarkException(BenchmarkException.Kind.SCREEN, "the screen is off; switch it on and run again");
        }
        if (lost) {
            throw new BenchmarkException(BenchmarkException.Kind.SCREEN, "the app is not in front of everything: another app, "
                    + "a dialog or the notifications cover it; leave it in front until the run ends");
        }
    }

    JSONObject toJson() throws JSONException {
        return new JSONObject()
                .put("screen_on", isOn())
                .put("locked", isLocked())
                .put("in_front", focused)
                .put("power_save", context.getSystemService(PowerManager.class).isPowerSaveMode());
    }

    private boolean isOn() {
        return context.getSystemService(PowerManager.class).isInteractive();
    }

    private boolean isLocked() {
        return context.getSystemService(KeyguardManager.class).isKeyguardLocked();
    }
}
