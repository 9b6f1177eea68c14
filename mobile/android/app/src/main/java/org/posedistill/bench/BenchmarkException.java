package org.posedistill.bench;

import org.posedistill.pose.PoseException;

/** Why a run cannot be done: one line that names the value and says what to do. */
final class BenchmarkException extends Exception {
    private static final long serialVersionUID = 1L;

    /** Which part refused; the names are those of the result's schema, in capitals. */
    enum Kind { REQUEST, MODEL, PHOTOGRAPH, DELEGATE, MEMORY, STORAGE, SCREEN, INTERNAL }

    final Kind kind;

    BenchmarkException(Kind kind, String message) {
        this(kind, message, null);
    }

    BenchmarkException(Kind kind, String message, Throwable cause) {
        super(message.replaceAll("\\s+", " ").trim(), cause);
        this.kind = kind;
    }

    /** Whatever stopped a run, as this exception. */
    static BenchmarkException of(Throwable thrown) {
        if (thrown instanceof BenchmarkException) {
            return (BenchmarkException) thrown;
        }
        if (thrown instanceof PoseException) {
            Kind kind = ((PoseException) thrown).kind == PoseException.Kind.MODEL ? Kind.MODEL : Kind.PHOTOGRAPH;
            return new BenchmarkException(kind, thrown.getMessage(), thrown);
        }
        if (thrown instanceof OutOfMemoryError) {
            return new BenchmarkException(Kind.MEMORY,
                    "there is not enough memory; take a smaller model or photograph, or close other apps", thrown);
        }
        return new BenchmarkException(Kind.INTERNAL, thrown.toString(), thrown);
    }
}
