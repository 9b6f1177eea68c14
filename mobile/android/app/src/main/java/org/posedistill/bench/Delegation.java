package org.posedistill.bench;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.json.JSONException;
import org.json.JSONObject;

/** How many operators of the graph a delegate took. */
final class Delegation {
    private static final int UNKNOWN = -1;
    private static final Pattern LINE =
            Pattern.compile("Replacing (\\d+) out of (\\d+) node\\(s\\) with delegate \\((\\w+)\\)");

    /** What the runtime does not tell. */
    static final Delegation NOT_TOLD = new Delegation(UNKNOWN, UNKNOWN);

    final int delegated;
    final int operators;

    private Delegation(int delegated, int operators) {
        this.delegated = delegated;
        this.operators = operators;
    }

    /** From lines that the runtime logged while it loaded one model; the last one of the delegate counts. */
    static Delegation fromLog(List<String> lines, String delegateName) {
        Delegation found = NOT_TOLD;
        for (String line : lines) {
            Matcher matcher = LINE.matcher(line);
            if (matcher.find() && matcher.group(3).equals(delegateName)) {
                found = new Delegation(Integer.parseInt(matcher.group(1)), Integer.parseInt(matcher.group(2)));
            }
        }
        return found;
    }

    /** Refuse to call it delegated unless the runtime says that something was: where nothing is, it logs nothing. */
    void refuseIdle(Engine.Delegate delegate) throws BenchmarkException {
        if (delegate == Engine.Delegate.CPU) {
            return;
        }
        if (!isKnown()) {
            throw new BenchmarkException(BenchmarkException.Kind.DELEGATE, "the runtime's log does not say that delegate "
                    + delegate.label() + " took any operator of this model, so its times would be the CPU's; use cpu");
        }
        if (delegated == 0) {
            throw new BenchmarkException(BenchmarkException.Kind.DELEGATE, "delegate " + delegate.label()
                    + " took none of the " + operators + " operators of this model; use cpu");
        }
    }

    boolean isKnown() {
        return operators > 0;
    }

    /** Add the fields of the result's schema. */
    JSONObject addTo(JSONObject json) throws JSONException {
        json.put("operators", isKnown() ? (Object) operators : "unknown");
        json.put("delegated", isKnown() ? (Object) delegated : "unknown");
        return json.put("share", isKnown() ? (Object) ((double) delegated / operators) : "unknown");
    }

    @Override
    public String toString() {
        return isKnown() ? delegated + " of " + operators + " operators" : "share unknown";
    }
}
