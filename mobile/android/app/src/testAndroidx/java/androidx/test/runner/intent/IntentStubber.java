package androidx.test.runner.intent;

import android.app.Instrumentation;
import android.content.Intent;

/** Answers for the activities that an intent would start. */
public interface IntentStubber {
    Instrumentation.ActivityResult getActivityResultForIntent(Intent intent);
}
