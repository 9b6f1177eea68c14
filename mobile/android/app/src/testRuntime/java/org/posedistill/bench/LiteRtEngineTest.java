package org.posedistill.bench;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import android.os.Bundle;
import java.io.File;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.junit.Before;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.posedistill.pose.TensorInfo;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.annotation.Config;
import org.tensorflow.lite.Interpreter;
import org.tensorflow.lite.gpu.GpuDelegate;
import org.tensorflow.lite.gpu.GpuDelegateFactory;
import org.tensorflow.lite.nnapi.NnApiDelegate;

/** What is asked of the runtime and in which order it is closed, against the stand-in that lies before it in the class path. */
@RunWith(RobolectricTestRunner.class)
@Config(sdk = 34)
public final class LiteRtEngineTest {
    private final Bundle extras = new Bundle();

    @Before
    public void reset() {
        Interpreter.reset();
    }

    @Test
    public void theCpuHasItsThreadsAndXnnpack() throws Exception {
        extras.putInt("threads", 3);
        create(Engine.Delegate.CPU).close();
        assertEquals(3, Interpreter.lastOptions.threads);
        assertTrue(Interpreter.lastOptions.xnnpack);
        assertTrue(Interpreter.lastOptions.delegates.isEmpty());
        happened("load 8", "allocate", "close interpreter");
    }

    @Test
    public void theGpuMayLosePrecisionUnlessToldOtherwise() throws Exception {
        create(Engine.Delegate.GPU).close();
        assertTrue(GpuDelegate.lastOptions.isPrecisionLossAllowed());
        assertEquals(GpuDelegateFactory.Options.INFERENCE_PREFERENCE_FAST_SINGLE_ANSWER,
                GpuDelegate.lastOptions.getInferencePreference());
        assertNull(GpuDelegate.lastOptions.getSerializationDir());
        assertEquals(1, Interpreter.lastOptions.delegates.size());
        happened("gpu", "load 8", "allocate", "close interpreter", "close gpu");
    }

    @Test
    public void theGpusOptionsArrive() throws Exception {
        options();
        create(Engine.Delegate.GPU).close();
        assertFalse(GpuDelegate.lastOptions.isPrecisionLossAllowed());
        assertEquals(GpuDelegateFactory.Options.INFERENCE_PREFERENCE_SUSTAINED_SPEED,
                GpuDelegate.lastOptions.getInferencePreference());
        assertEquals("cache abc", GpuDelegate.lastOptions.getSerializationDir() + " " + GpuDelegate.lastOptions.getModelToken());
    }

    @Test
    public void nnapiNeverUsesAndroidsOwnCpu() throws Exception {
        create(Engine.Delegate.NNAPI).close();
        assertFalse(NnApiDelegate.lastOptions.nnapiCpu);
        assertTrue(NnApiDelegate.lastOptions.fp16);
        assertEquals(1, NnApiDelegate.lastOptions.preference);
        happened("nnapi", "load 8", "allocate", "close interpreter", "close nnapi");
        options();
        create(Engine.Delegate.NNAPI).close();
        assertFalse(NnApiDelegate.lastOptions.fp16);
        assertEquals(2, NnApiDelegate.lastOptions.preference);
        assertEquals("cache abc", NnApiDelegate.lastOptions.cacheDir + " " + NnApiDelegate.lastOptions.token);
    }

    @Test
    public void aModelThatTheGpuRefusesIsClosedAndSaid() {
        fail("allocate", new IllegalArgumentException("Restored original execution plan"));
        refused(Engine.Delegate.GPU, BenchmarkException.Kind.DELEGATE, "delegate gpu refuses this model");
        happened("gpu", "load 8", "allocate", "close interpreter", "close gpu");
    }

    @Test
    public void aGpuThatIsNotThereIsSaid() {
        fail("gpu", new UnsupportedOperationException("OpenCL"));
        refused(Engine.Delegate.GPU, BenchmarkException.Kind.DELEGATE, "is not there on this device: OpenCL");
        happened("gpu");
    }

    @Test
    public void aLibraryThatDoesNotLoadIsSaidWithThePages() {
        fail("gpu", new UnsatisfiedLinkError("not 16 KB aligned"));
        refused(Engine.Delegate.GPU, BenchmarkException.Kind.DELEGATE, "cannot be loaded on this device (memory pages of");
        fail("load 8", new UnsatisfiedLinkError("not 16 KB aligned"));
        refused(Engine.Delegate.CPU, BenchmarkException.Kind.DELEGATE, "not 16 KB aligned");
    }

    @Test
    public void whatIsNoModelIsSaid() {
        fail("load 8", new IllegalArgumentException("not a valid Flatbuffer"));
        refused(Engine.Delegate.CPU, BenchmarkException.Kind.MODEL, "m.tflite is no model that this runtime can load");
        happened("load 8");
    }

    @Test
    public void tensorsAreAsTheRuntimeTellsThem() throws Exception {
        try (Engine engine = create(Engine.Delegate.CPU)) {
            TensorInfo input = engine.inputs().get(0);
            assertEquals("image [1, 4, 4, 3] uint8", input.toString());
            assertEquals(48, input.allocate().capacity());
            assertEquals("output1 [1, 2] float32", engine.outputs().get(1).toString());
        }
    }

    @Test
    public void runsReadEveryOutputAndTellTheInvocation() throws Exception {
        try (Engine engine = create(Engine.Delegate.CPU)) {
            ByteBuffer[] inputs = {engine.inputs().get(0).allocate()};
            ByteBuffer[] outputs = {engine.outputs().get(0).allocate(), engine.outputs().get(1).allocate()};
            inputs[0].put(0, (byte) 7);
            inputs[0].position(5);
            engine.run(inputs, outputs);
            assertEquals(7, outputs[0].getFloat(0), 0);
            assertEquals(17, outputs[1].getFloat(0), 0);
            assertEquals(2.5, engine.lastInvocation(), 0);
            Interpreter.lastDuration = null;
            assertTrue(Double.isNaN(engine.lastInvocation()));
            Interpreter.lastDuration = 2_500_000L;
            fail("run", new IllegalStateException("out of memory on the GPU"));
            BenchmarkException error = assertThrows(BenchmarkException.class, () -> engine.run(inputs, outputs));
            assertTrue(error.getMessage(), error.getMessage().startsWith("inference failed: out of memory"));
        }
    }

    @Test
    public void withoutALogTheShareIsUnknownAndAGpuIsRefused() throws Exception {
        try (Engine engine = create(Engine.Delegate.GPU)) {
            assertFalse(engine.delegation().isKnown());
            assertThrows(BenchmarkException.class, () -> engine.delegation().refuseIdle(Engine.Delegate.GPU));
        }
    }

    private void options() {
        extras.putBoolean("half_precision", false);
        extras.putBoolean("sustained_speed", true);
        extras.putBoolean("serialise", true);
    }

    private Engine create(Engine.Delegate delegate) throws BenchmarkException {
        ByteBuffer content = ByteBuffer.allocateDirect(8).order(ByteOrder.nativeOrder());
        Engine.Settings settings = new Engine.Settings(delegate, Request.from(extras), new File("cache"), "abc");
        return new LiteRtEngine.Factory().create(content, "m.tflite", settings);
    }

    private static void fail(String step, Throwable failure) {
        Interpreter.failingStep = step;
        Interpreter.failure = failure;
    }

    private void refused(Engine.Delegate delegate, BenchmarkException.Kind kind, String message) {
        BenchmarkException error = assertThrows(BenchmarkException.class, () -> create(delegate));
        assertEquals(kind, error.kind);
        assertTrue(error.getMessage(), error.getMessage().contains(message));
    }

    private static void happened(String... steps) {
        assertEquals(Arrays.asList(steps), Interpreter.HAPPENED);
    }
}
