package androidx.test.runner.intent;

/** Robolectric tells it of what nobody here asks for. */
public final class IntentMonitorRegistry {
    private IntentMonitorRegistry() {}

    public static void registerInstance(IntentMonitor monitor) {}
}
