package org.posedistill.bench;

import java.io.Closeable;
import java.nio.ByteBuffer;

/** A loaded model: the one place where inference happens. */
interface Engine extends Closeable {
    /**
     * Run the model once; when this returns the outputs have been read.
     *
     * @param input stored as the model takes it
     * @param outputs receive the outputs, by position
     */
    void run(ByteBuffer input, ByteBuffer[] outputs) throws BenchmarkException;

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
         * @throws BenchmarkException the model and its JSON do not fit, or the delegate refuses: there is no
         *     falling back to another
         */
        Engine create(ByteBuffer content, ModelInfo model, Delegate delegate, int threads) throws BenchmarkException;
    }

    /** What computes; the names in small letters are those of the request. */
    enum Delegate {
        CPU, GPU, NNAPI;

        String label() {
            return name().toLowerCase(java.util.Locale.ROOT);
        }
    }
}
