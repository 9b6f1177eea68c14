package org.posedistill.bench;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertThrows;

import android.os.Bundle;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.annotation.Config;

@RunWith(RobolectricTestRunner.class)
@Config(sdk = 34)
public final class RequestTest {
    private final Bundle extras = new Bundle();

    @Test
    public void withoutExtrasTheBundledModelRuns() throws Exception {
        Request request = Request.from(null);
        assertEquals(Engine.Delegate.CPU, request.check());
        assertEquals("student.tflite", request.model);
        assertEquals("student.json", request.metadata);
        assertEquals("student_cpu_4.json", request.result);
        assertEquals("4 5 50", request.threads + " " + request.warmup + " " + request.runs);
    }

    @Test
    public void extrasAreTaken() throws Exception {
        extras.putString("model", "folder/small.tflite");
        extras.putString("delegate", "nnapi");
        extras.putInt("threads", 2);
        Request request = Request.from(extras);
        assertEquals(Engine.Delegate.NNAPI, request.check());
        assertEquals("folder/small.json", request.metadata);
        assertEquals("small_nnapi_2.json", request.result);
    }

    @Test
    public void aBundleOfItIsTheSameRequest() throws Exception {
        extras.putString("model", "a.tflite");
        extras.putInt("runs", 7);
        Request request = Request.from(extras);
        assertEquals(request.toJson().toString(), Request.from(request.toBundle()).toJson().toString());
    }

    @Test
    public void anotherDelegateHasAnotherResult() {
        Request request = Request.from(null).with("gpu", "scenes/1.png");
        assertEquals("student_gpu_4.json scenes/1.png", request.result + " " + request.photograph);
    }

    @Test
    public void unknownDelegateIsRefused() {
        extras.putString("delegate", "dsp");
        refused(BenchmarkException.Kind.DELEGATE, "delegate dsp is unknown; choose from cpu, gpu, nnapi");
    }

    @Test
    public void numbersOutOfRangeAreRefused() {
        extras.putInt("runs", 0);
        refused(BenchmarkException.Kind.REQUEST, "runs must be 1 to 1000000, not 0");
        extras.putInt("threads", 65);
        refused(BenchmarkException.Kind.REQUEST, "threads must be 1 to 64, not 65");
    }

    @Test
    public void extraOfAnotherTypeIsRefused() {
        extras.putString("threads", "4");
        refused(BenchmarkException.Kind.REQUEST, "threads must be an integer extra: --ei threads 4");
    }

    @Test
    public void resultOutsideItsFolderIsRefused() {
        extras.putString("result", "../escape.json");
        refused(BenchmarkException.Kind.REQUEST,
                "result ../escape.json must be a file name of letters, digits, . _ - that ends in .json");
        assertFalse(Request.from(extras).hasFileForResult());
    }

    private void refused(BenchmarkException.Kind kind, String message) {
        BenchmarkException error = assertThrows(BenchmarkException.class, () -> Request.from(extras).check());
        assertEquals(kind, error.kind);
        assertEquals(message, error.getMessage());
    }
}
