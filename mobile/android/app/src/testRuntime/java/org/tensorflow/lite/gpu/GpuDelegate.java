package org.tensorflow.lite.gpu;

import org.tensorflow.lite.Delegate;
import org.tensorflow.lite.Interpreter;

/** A stand-in, see {@link Interpreter}. */
public class GpuDelegate implements Delegate {
    public static GpuDelegateFactory.Options lastOptions;

    public GpuDelegate(GpuDelegateFactory.Options options) {
        lastOptions = options;
        Interpreter.happen("gpu");
    }

    @Override
    public long getNativeHandle() {
        return 0;
    }

    @Override
    public void close() {
        Interpreter.happen("close gpu");
    }
}
