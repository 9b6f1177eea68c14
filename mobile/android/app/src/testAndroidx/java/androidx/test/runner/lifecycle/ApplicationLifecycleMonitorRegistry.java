package androidx.test.runner.lifecycle;

/** Robolectric tells it of what nobody here asks for. */
public final class ApplicationLifecycleMonitorRegistry {
    private ApplicationLifecycleMonitorRegistry() {}

    public static void registerInstance(ApplicationLifecycleMonitor monitor) {}
}
