package org.posedistill.bench;

import java.util.Collections;
import java.util.List;
import org.json.JSONObject;
import org.posedistill.pose.Person;
import org.posedistill.pose.Photograph;
import org.posedistill.pose.Skeleton;

/** What came of a run: the result as JSON, and what the screen shows. */
final class Outcome {
    final JSONObject json;
    /** Null for a run that failed before it had one; so is the skeleton. */
    Photograph photograph;
    Skeleton skeleton;
    List<Person> persons = Collections.emptyList();
    /** Null for a run that went well. */
    BenchmarkException error;
    /** Why there is no file of the result, null where there is one. */
    BenchmarkException unwritten;

    Outcome(JSONObject json) {
        this.json = json;
    }
}
