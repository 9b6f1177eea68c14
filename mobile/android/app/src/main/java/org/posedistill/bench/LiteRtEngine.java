package org.posedistill.bench;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import org.tensorflow.lite.Interpreter;
import org.tensorflow.lite.Tensor;
import org.tensorflow.lite.TensorFlowLite;
import org.tensorflow.lite.gpu.GpuDelegate;
import org.tensorflow.lite.nnapi.NnApiDelegate;

/** Inference by LiteRT, formerly TensorFlow Lite. */
final class LiteRtEngine implements Engine {
    /** The name under which the runtime logs a delegate; on the CPU it is XNNPACK that takes operators. */
    private static final Map<Delegate, String> LOG_NAMES = new EnumMap<>(Delegate.class);

    static {
        LOG_NAMES.put(Delegate.CPU, "TfLiteXNNPackDelegate");
        LOG_NAMES.put(Delegate.GPU, "TfLiteGpuDelegateV2");
        LOG_NAMES.put(Delegate.NNAPI, "TfLiteNnapiDelegate");
    }

    private final Interpreter interpreter;
    private final org.tensorflow.lite.Delegate handedOver;
    private final Delegate delegate;
    private final RuntimeLog log;

    private LiteRtEngine(
            Interpreter interpreter, org.tensorflow.lite.Delegate handedOver, Delegate delegate, RuntimeLog log) {
        this.interpreter = interpreter;
        this.handedOver = handedOver;
        this.delegate = delegate;
        this.log = log;
    }

    /** Loads models with the runtime inside the APK. */
    static final class Factory implements Engine.Factory {
        @Override
        public String runtimeName() {
            return "LiteRT (TensorFlow Lite)";
        }

        @Override
        public String runtimeVersion() {
            try {
                return TensorFlowLite.runtimeVersion();
            } catch (LinkageError | RuntimeException error) {
                return "unknown";
            }
        }

        @Override
        public Engine create(ByteBuffer content, ModelInfo model, Delegate delegate, int threads)
                throws BenchmarkException {
            RuntimeLog log = RuntimeLog.fromNow();
            org.tensorflow.lite.Delegate handedOver = null;
            Interpreter interpreter = null;
            boolean loaded = false;
            try {
                Interpreter.Options options = new Interpreter.Options().setNumThreads(threads);
                handedOver = delegateFor(delegate, options);
                interpreter = load(content, options, model, delegate);
                check(interpreter, model);
                loaded = true;
                return new LiteRtEngine(interpreter, handedOver, delegate, log);
            } catch (LinkageError error) {
                throw new BenchmarkException(BenchmarkException.Kind.DELEGATE,
                        "delegate " + delegate.label() + " cannot be loaded on this device: " + error.getMessage(), error);
            } finally {
                if (!loaded) {
                    release(interpreter, handedOver);
                }
            }
        }

        private static org.tensorflow.lite.Delegate delegateFor(Delegate delegate, Interpreter.Options options)
                throws BenchmarkException {
            try {
                switch (delegate) {
                    case GPU:
                        return added(new GpuDelegate(), options);
                    case NNAPI:
                        // Android's own CPU implementation would be a fall-back in disguise.
                        return added(new NnApiDelegate(new NnApiDelegate.Options().setUseNnapiCpu(false)), options);
                    default:
                        options.setUseXNNPACK(true);
                        return null;
                }
            } catch (RuntimeException error) {
                throw refused(delegate, error);
            }
        }

        private static org.tensorflow.lite.Delegate added(org.tensorflow.lite.Delegate delegate, Interpreter.Options options) {
            options.addDelegate(delegate);
            return delegate;
        }

        private static Interpreter load(ByteBuffer content, Interpreter.Options options, ModelInfo model, Delegate delegate)
                throws BenchmarkException {
            try {
                Interpreter interpreter = new Interpreter(content, options);
                interpreter.allocateTensors();
                return interpreter;
            } catch (RuntimeException error) {
                if (delegate == Delegate.CPU) {
                    throw new BenchmarkException(BenchmarkException.Kind.MODEL,
                            model.file + " is no model that this runtime can load: " + error.getMessage(), error);
                }
                throw refused(delegate, error);
            }
        }

        private static BenchmarkException refused(Delegate delegate, RuntimeException error) {
            return new BenchmarkException(BenchmarkException.Kind.DELEGATE, "delegate " + delegate.label()
                    + " refuses this model or is not there on this device: " + error.getMessage(), error);
        }

        private static void check(Interpreter interpreter, ModelInfo model) throws BenchmarkException {
            if (interpreter.getInputTensorCount() != 1 || interpreter.getOutputTensorCount() != model.outputs.size()) {
                throw misfit(model, interpreter.getInputTensorCount() + " inputs and "
                        + interpreter.getOutputTensorCount() + " outputs");
            }
            check(interpreter.getInputTensor(0), model.input, model);
            for (TensorInfo output : model.outputs) {
                check(interpreter.getOutputTensor(output.position), output, model);
            }
        }

        private static void check(Tensor tensor, TensorInfo described, ModelInfo model) throws BenchmarkException {
            String dtype = tensor.dataType().name().toLowerCase(Locale.ROOT);
            boolean sameShape = Arrays.equals(tensor.shape(), described.shape);
            if (!sameShape || !dtype.equals(described.dtype)) {
                throw misfit(model, Arrays.toString(tensor.shape()) + " " + dtype + " where its JSON says " + described);
            }
        }

        private static BenchmarkException misfit(ModelInfo model, String what) {
            return new BenchmarkException(BenchmarkException.Kind.MODEL,
                    model.file + " has " + what + "; export it again, with its JSON");
        }
    }

    @Override
    public void run(ByteBuffer input, ByteBuffer[] outputs) throws BenchmarkException {
        Map<Integer, Object> byPosition = new HashMap<>();
        for (int i = 0; i < outputs.length; i++) {
            outputs[i].rewind();
            byPosition.put(i, outputs[i]);
        }
        input.rewind();
        try {
            interpreter.runForMultipleInputsOutputs(new Object[] {input}, byPosition);
        } catch (RuntimeException error) {
            throw new BenchmarkException(BenchmarkException.Kind.DELEGATE, "inference failed: " + error.getMessage(), error);
        }
    }

    @Override
    public Delegation delegation() {
        return Delegation.fromLog(log.lines(), LOG_NAMES.get(delegate));
    }

    @Override
    public void close() {
        release(interpreter, handedOver);
    }

    private static void release(Interpreter interpreter, org.tensorflow.lite.Delegate handedOver) {
        if (interpreter != null) {
            interpreter.close();
        }
        if (handedOver != null) {
            handedOver.close();
        }
    }
}
