package org.posedistill.bench;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.posedistill.pose.TensorInfo;
import org.tensorflow.lite.Interpreter;
import org.tensorflow.lite.Tensor;
import org.tensorflow.lite.TensorFlowLite;
import org.tensorflow.lite.gpu.GpuDelegate;
import org.tensorflow.lite.gpu.GpuDelegateFactory;
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
    private final List<TensorInfo> inputs = new ArrayList<>();
    private final List<TensorInfo> outputs = new ArrayList<>();

    private LiteRtEngine(
            Interpreter interpreter, org.tensorflow.lite.Delegate handedOver, Delegate delegate, RuntimeLog log) {
        this.interpreter = interpreter;
        this.handedOver = handedOver;
        this.delegate = delegate;
        this.log = log;
        for (int i = 0; i < interpreter.getInputTensorCount(); i++) {
            inputs.add(describe(interpreter.getInputTensor(i), i));
        }
        for (int i = 0; i < interpreter.getOutputTensorCount(); i++) {
            outputs.add(describe(interpreter.getOutputTensor(i), i));
        }
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
        public Engine create(ByteBuffer content, String name, Settings settings) throws BenchmarkException {
            RuntimeLog log = RuntimeLog.fromNow();
            org.tensorflow.lite.Delegate handedOver = null;
            Interpreter interpreter = null;
            boolean loaded = false;
            try {
                Interpreter.Options options = new Interpreter.Options().setNumThreads(settings.threads);
                handedOver = delegateFor(settings, options);
                interpreter = load(content, options, name, settings.delegate);
                LiteRtEngine engine = new LiteRtEngine(interpreter, handedOver, settings.delegate, log);
                loaded = true;
                return engine;
            } catch (LinkageError error) {
                throw new BenchmarkException(BenchmarkException.Kind.DELEGATE, "delegate " + settings.delegate.label()
                        + " cannot be loaded on this device (memory pages of " + Device.pageSize() + " bytes): "
                        + error.getMessage(), error);
            } finally {
                if (!loaded) {
                    release(interpreter, handedOver);
                }
            }
        }

        private static org.tensorflow.lite.Delegate delegateFor(Settings settings, Interpreter.Options options)
                throws BenchmarkException {
            try {
                switch (settings.delegate) {
                    case GPU:
                        return added(new GpuDelegate(gpuOptions(settings)), options);
                    case NNAPI:
                        return added(new NnApiDelegate(nnapiOptions(settings)), options);
                    default:
                        options.setUseXNNPACK(true);
                        return null;
                }
            } catch (RuntimeException error) {
                throw refused(settings.delegate, error);
            }
        }

        private static GpuDelegateFactory.Options gpuOptions(Settings settings) {
            GpuDelegateFactory.Options options = new GpuDelegateFactory.Options();
            options.setPrecisionLossAllowed(settings.halfPrecision);
            options.setInferencePreference(settings.sustainedSpeed
                    ? GpuDelegateFactory.Options.INFERENCE_PREFERENCE_SUSTAINED_SPEED
                    : GpuDelegateFactory.Options.INFERENCE_PREFERENCE_FAST_SINGLE_ANSWER);
            if (settings.cache != null) {
                options.setSerializationParams(settings.cache.getPath(), settings.token);
            }
            return options;
        }

        private static NnApiDelegate.Options nnapiOptions(Settings settings) {
            // Android's own CPU implementation would be a fall-back in disguise.
            NnApiDelegate.Options options = new NnApiDelegate.Options().setUseNnapiCpu(false);
            options.setAllowFp16(settings.halfPrecision);
            options.setExecutionPreference(settings.sustainedSpeed
                    ? NnApiDelegate.Options.EXECUTION_PREFERENCE_SUSTAINED_SPEED
                    : NnApiDelegate.Options.EXECUTION_PREFERENCE_FAST_SINGLE_ANSWER);
            if (settings.cache != null) {
                options.setCacheDir(settings.cache.getPath());
                options.setModelToken(settings.token);
            }
            return options;
        }

        private static org.tensorflow.lite.Delegate added(org.tensorflow.lite.Delegate delegate, Interpreter.Options options) {
            options.addDelegate(delegate);
            return delegate;
        }

        private static Interpreter load(ByteBuffer content, Interpreter.Options options, String name, Delegate delegate)
                throws BenchmarkException {
            Interpreter interpreter = null;
            boolean ready = false;
            try {
                interpreter = new Interpreter(content, options);
                interpreter.allocateTensors();
                ready = true;
                return interpreter;
            } catch (RuntimeException error) {
                if (delegate == Delegate.CPU) {
                    throw new BenchmarkException(BenchmarkException.Kind.MODEL,
                            name + " is no model that this runtime can load: " + error.getMessage(), error);
                }
                throw refused(delegate, error);
            } finally {
                if (!ready && interpreter != null) {
                    interpreter.close();
                }
            }
        }

        private static BenchmarkException refused(Delegate delegate, RuntimeException error) {
            return new BenchmarkException(BenchmarkException.Kind.DELEGATE, "delegate " + delegate.label()
                    + " refuses this model or is not there on this device: " + error.getMessage(), error);
        }
    }

    @Override
    public List<TensorInfo> inputs() {
        return inputs;
    }

    @Override
    public List<TensorInfo> outputs() {
        return outputs;
    }

    private static TensorInfo describe(Tensor tensor, int position) {
        Tensor.QuantizationParams quantisation = tensor.quantizationParams();
        return new TensorInfo(tensor.name(), position, tensor.shape(), tensor.dataType().name().toLowerCase(Locale.ROOT),
                quantisation.getScale(), quantisation.getZeroPoint());
    }

    @Override
    public void run(ByteBuffer[] stored, ByteBuffer[] results) throws BenchmarkException {
        Map<Integer, Object> byPosition = new HashMap<>();
        for (int i = 0; i < results.length; i++) {
            results[i].rewind();
            byPosition.put(i, results[i]);
        }
        for (ByteBuffer input : stored) {
            input.rewind();
        }
        try {
            interpreter.runForMultipleInputsOutputs(stored, byPosition);
        } catch (RuntimeException error) {
            throw new BenchmarkException(BenchmarkException.Kind.DELEGATE, "inference failed: " + error.getMessage(), error);
        }
    }

    @Override
    public double lastInvocation() {
        Long nanoseconds = interpreter.getLastNativeInferenceDurationNanoseconds();
        return nanoseconds == null ? Double.NaN : nanoseconds / 1e6;
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
