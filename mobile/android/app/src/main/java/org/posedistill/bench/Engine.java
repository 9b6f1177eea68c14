package org.posedistill.bench;

import java.io.Closeable;
import java.io.File;
import java.nio.ByteBuffer;
import java.util.List;
import org.posedistill.pose.TensorInfo;

/** A loaded model: the one place where inference happens. */
interface Engine extends Closeable {
    /** What the model takes, as the runtime tells it, by position. */
    List<TensorInfo> inputs();

    /** What the model gives, as the runtime tells it, by position. */
    List<TensorInfo> outputs();

    /**
     * Run the model once; when this returns the outputs have been read.
     *
     * @param inputs stored as the model takes them, by position
     * @param outputs receive the outputs, by position
     */
    void run(ByteBuffer[] inputs, ByteBuffer[] outputs) throws BenchmarkException;

    /** Milliseconds of the last run's bare invocation, without copying inputs and outputs; NaN where it is not told. */
    double lastInvocation();

    /** What the delegate took; asking may take time, so not inside a measurement. */
    Delegation delegation();

    @Override
    void close();

    /** Loads models. */
    interface Factory {
        String runtimeName();

        /** Version of the runtime, `unknown` where it cannot be asked. */
        String runtimeVersion();

        /**
         * Load a model, ready to run.
         *
         * @param content the .tflite in a direct buffer
         * @param name for errors
         * @throws BenchmarkException it is no model, or the delegate refuses: there is no falling back to another
         */
        Engine create(ByteBuffer content, String name, Settings settings) throws BenchmarkException;
    }

    /** What computes, and how. */
    final class Settings {
        final Delegate delegate;
        final int threads;
        final boolean halfPrecision;
        final boolean sustainedSpeed;
        /** Folder for compiled kernels, and the name of the model's; both null for none. */
        final File cache;
        final String token;

        Settings(Delegate delegate, Request request, File cache, String token) {
            this.delegate = delegate;
            threads = request.threads;
            halfPrecision = request.halfPrecision;
            sustainedSpeed = request.sustainedSpeed;
            this.cache = request.serialise ? cache : null;
            this.token = request.serialise ? token : null;
        }
    }

    /** What computes; the names in small letters are those of the request. */
    enum Delegate {
        CPU, GPU, NNAPI;

        String label() {
            return name().toLowerCase(java.util.Locale.ROOT);
        }
    }
}
