package org.posedistill.bench;

/** Goes on until something was done often enough and for long enough, as TensorFlow Lite's own tool does. */
final class Sampling {
    /** Of very fast models; more samples than these tell nothing new. */
    private static final int MOST = 20_000;

    private final int least;
    private final long leastNanos;
    private final long start = System.nanoTime();
    private double[] samples = new double[64];
    private int count;

    Sampling(int least, int leastMilliseconds) {
        this.least = least;
        leastNanos = leastMilliseconds * 1_000_000L;
    }

    boolean goesOn() {
        return count < least || (count < MOST && System.nanoTime() - start < leastNanos);
    }

    void add(double milliseconds) {
        if (count == samples.length) {
            samples = java.util.Arrays.copyOf(samples, 2 * count);
        }
        samples[count++] = milliseconds;
    }

    /** All samples, oldest first. */
    double[] samples() {
        return java.util.Arrays.copyOf(samples, count);
    }
}
