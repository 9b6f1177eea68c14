package org.tensorflow.lite;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A stand-in for the runtime, whose native library no desktop loads: it notes what is done to it, and fails when told. */
public final class Interpreter {
    /** What happened, in order, to interpreters and delegates. */
    public static final List<String> HAPPENED = new ArrayList<>();
    /** Step of {@link #HAPPENED} that throws, and what it throws; null for none. */
    public static String failingStep;
    public static Throwable failure;
    public static Options lastOptions;
    public static Long lastDuration = 2_500_000L;

    public Interpreter(ByteBuffer content, Options options) {
        lastOptions = options;
        happen("load " + content.remaining());
    }

    /** Note a step; fail if this is the one. */
    public static void happen(String step) {
        HAPPENED.add(step);
        if (step.equals(failingStep)) {
            if (failure instanceof Error) {
                throw (Error) failure;
            }
            throw (RuntimeException) failure;
        }
    }

    public static void reset() {
        HAPPENED.clear();
        failingStep = null;
        failure = null;
        lastOptions = null;
    }

    public void allocateTensors() {
        happen("allocate");
    }

    public int getInputTensorCount() {
        return 1;
    }

    public int getOutputTensorCount() {
        return 2;
    }

    public Tensor getInputTensor(int position) {
        return new GivenTensor("image", new int[] {1, 4, 4, 3}, DataType.UINT8, 1f, 0);
    }

    public Tensor getOutputTensor(int position) {
        return new GivenTensor("output" + position, new int[] {1, 2}, DataType.FLOAT32, 0f, 0);
    }

    public void runForMultipleInputsOutputs(Object[] inputs, Map<Integer, Object> outputs) {
        happen("run");
        for (Map.Entry<Integer, Object> output : outputs.entrySet()) {
            ((ByteBuffer) output.getValue()).putFloat(0, 10 * output.getKey() + ((ByteBuffer) inputs[0]).get(0));
        }
    }

    public Long getLastNativeInferenceDurationNanoseconds() {
        return lastDuration;
    }

    public void close() {
        happen("close interpreter");
    }

    /** Keeps what was set. */
    public static class Options {
        public int threads;
        public Boolean xnnpack;
        public final List<Delegate> delegates = new ArrayList<>();

        public Options setNumThreads(int count) {
            threads = count;
            return this;
        }

        public Options setUseXNNPACK(boolean use) {
            xnnpack = use;
            return this;
        }

        public Options addDelegate(Delegate delegate) {
            delegates.add(delegate);
            return this;
        }
    }
}
