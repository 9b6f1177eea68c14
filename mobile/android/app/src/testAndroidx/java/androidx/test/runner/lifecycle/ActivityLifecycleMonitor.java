package androidx.test.runner.lifecycle;

/** Robolectric names it; the tests here do not. */
public interface ActivityLifecycleMonitor {}
