package org.posedistill.bench;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** The app with another inference: outputs that Python wrote instead of the runtime, or what a test sets. */
public final class GivenApplication extends BenchApplication {
    /** The outputs, by position. */
    ByteBuffer[] outputs;
    /** Thrown when a model is to be loaded, or run; null for nothing. */
    Throwable whenLoading;
    Throwable whenRunning;
    Delegation delegation = Delegation.NOT_TOLD;
    final List<Engine.Delegate> asked = Collections.synchronizedList(new ArrayList<Engine.Delegate>());
    volatile int open;
    volatile int runs;

    @Override
    Engine.Factory engines() {
        return new Engine.Factory() {
            @Override
            public String runtimeName() {
                return "stand-in";
            }

            @Override
            public String runtimeVersion() {
                return "unknown";
            }

            @Override
            public Engine create(ByteBuffer content, ModelInfo model, Engine.Delegate delegate, int threads)
                    throws BenchmarkException {
                asked.add(delegate);
                raise(whenLoading);
                open++;
                return new Given();
            }
        };
    }

    private final class Given implements Engine {
        @Override
        public void run(ByteBuffer input, ByteBuffer[] results) throws BenchmarkException {
            raise(whenRunning);
            for (int i = 0; i < results.length; i++) {
                results[i].clear();
                if (i < outputs.length) {
                    outputs[i].rewind();
                    results[i].put(outputs[i]);
                }
            }
            runs++;
        }

        @Override
        public Delegation delegation() {
            return delegation;
        }

        @Override
        public void close() {
            open--;
        }
    }

    private static void raise(Throwable thrown) throws BenchmarkException {
        if (thrown instanceof BenchmarkException) {
            throw (BenchmarkException) thrown;
        }
        if (thrown instanceof Error) {
            throw (Error) thrown;
        }
    }
}
