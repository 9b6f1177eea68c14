package org.posedistill.bench;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.posedistill.pose.ModelInfo;
import org.posedistill.pose.TensorInfo;

/** The app with another inference: outputs that Python wrote instead of the runtime, or what a test sets. */
public final class GivenApplication extends BenchApplication {
    /** The outputs, by position. */
    ByteBuffer[] outputs;
    /** Thrown when a model is to be loaded, or run; null for nothing. */
    Throwable whenLoading;
    Throwable whenRunning;
    Delegation delegation = Delegation.NOT_TOLD;
    final List<Engine.Delegate> asked = Collections.synchronizedList(new ArrayList<Engine.Delegate>());
    volatile Engine.Settings lastSettings;
    /** What the model says it takes and gives: by default what its JSON in the assets says. */
    final List<TensorInfo> inputs = new ArrayList<>();
    final List<TensorInfo> described = new ArrayList<>();
    /** What the runtime says of the bare invocation. */
    double invocation = 1.5;
    /** Done once in the run of this number. */
    int runsUntil = -1;
    Runnable whenRunsAreOver;
    volatile int open;
    volatile int runs;

    /** Let the model be as this JSON describes it. */
    void describe(String json) throws Exception {
        ModelInfo info = ModelInfo.parse(json, "given.json");
        inputs.clear();
        inputs.add(info.input);
        TensorInfo[] ordered = new TensorInfo[info.outputs.size()];
        for (TensorInfo output : info.outputs) {
            ordered[output.position] = output;
        }
        described.clear();
        described.addAll(Arrays.asList(ordered));
    }

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
            public Engine create(ByteBuffer content, String name, Engine.Settings settings) throws BenchmarkException {
                asked.add(settings.delegate);
                lastSettings = settings;
                raise(whenLoading);
                open++;
                return new Given();
            }
        };
    }

    private final class Given implements Engine {
        @Override
        public List<TensorInfo> inputs() {
            return inputs;
        }

        @Override
        public List<TensorInfo> outputs() {
            return described;
        }

        @Override
        public double lastInvocation() {
            return invocation;
        }

        @Override
        public void run(ByteBuffer[] given, ByteBuffer[] results) throws BenchmarkException {
            raise(whenRunning);
            if (runs == runsUntil && whenRunsAreOver != null) {
                whenRunsAreOver.run();
            }
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
