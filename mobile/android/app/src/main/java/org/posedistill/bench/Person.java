package org.posedistill.bench;

/** A person: joints that were not found are all zero. */
final class Person {
    final float score;
    final float[] x;
    final float[] y;
    /** Heatmap value of each joint. */
    final float[] value;

    Person(float score, int joints) {
        this.score = score;
        x = new float[joints];
        y = new float[joints];
        value = new float[joints];
    }
}
