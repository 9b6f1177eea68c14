package androidx.test.runner.intent;

/** Robolectric names it; the tests here do not. */
public interface IntentMonitor {}
