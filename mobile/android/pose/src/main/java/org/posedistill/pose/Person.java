package org.posedistill.pose;

/** A person: joints that were not found are all zero. */
public final class Person {
    /** How sure the person is, 0..1 for most models; to rank by. */
    public final float score;
    /** Right of the photograph's left edge, pixels of the photograph. */
    public final float[] x;
    /** Below its upper edge. */
    public final float[] y;
    /** Heatmap value of each joint. */
    public final float[] value;

    Person(float score, int joints) {
        this.score = score;
        x = new float[joints];
        y = new float[joints];
        value = new float[joints];
    }
}
