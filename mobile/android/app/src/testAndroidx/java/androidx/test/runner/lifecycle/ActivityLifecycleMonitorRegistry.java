package androidx.test.runner.lifecycle;

/** Robolectric tells it of what nobody here asks for. */
public final class ActivityLifecycleMonitorRegistry {
    private ActivityLifecycleMonitorRegistry() {}

    public static void registerInstance(ActivityLifecycleMonitor monitor) {}
}
