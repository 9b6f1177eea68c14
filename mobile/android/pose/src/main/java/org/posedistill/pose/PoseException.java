package org.posedistill.pose;

/** Why a model or a photograph cannot be used: one line that names it and says what to do. */
public final class PoseException extends Exception {
    private static final long serialVersionUID = 1L;

    /** What cannot be used. */
    public enum Kind {
        /** A model, or the JSON that describes it. */
        MODEL,
        /** A photograph. */
        PHOTOGRAPH
    }

    /** What cannot be used. */
    public final Kind kind;

    /**
     * One.
     *
     * @param kind what cannot be used
     * @param message one line
     */
    public PoseException(Kind kind, String message) {
        super(message.replaceAll("\\s+", " ").trim());
        this.kind = kind;
    }
}
