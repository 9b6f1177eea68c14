package org.posedistill.bench;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;
import static org.junit.Assume.assumeTrue;

import android.content.Intent;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.Arrays;
import org.json.JSONArray;
import org.json.JSONObject;
import org.junit.After;
import org.junit.Before;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.posedistill.pose.Cases;
import org.robolectric.Robolectric;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.android.controller.ActivityController;
import org.robolectric.annotation.Config;
import org.robolectric.annotation.GraphicsMode;
import org.robolectric.shadows.ShadowLog;

/** From an intent to the result's file and the screen; only the inference is replaced. */
@RunWith(RobolectricTestRunner.class)
@Config(sdk = 34, application = GivenApplication.class, qualifiers = "w411dp-h731dp-xhdpi")
@GraphicsMode(GraphicsMode.Mode.NATIVE)
public final class BenchmarkActivityTest extends Runs {
    @Test
    public void measuresTheBundledModel() throws Exception {
        app.delegation = Delegation.fromLog(
                Arrays.asList("Replacing 90 out of 120 node(s) with delegate (TfLiteXNNPackDelegate) node"),
                "TfLiteXNNPackDelegate");
        String text = start();
        JSONObject result = result("student_cpu_4.json", "ok");
        assertEquals("ok", result.getString("status"));
        assertEquals("the first, one to warm up, three, and three of the bare invocation", 8, app.runs);
        assertEquals(3, result.getJSONObject("times").getJSONObject("inference").getInt("runs"));
        assertEquals(0.75, result.getJSONObject("delegate").getDouble("share"), 0);
        assertPersons(result.getJSONArray("persons"));
        assertTrue(text, text.contains("delegated 90 of 120 operators"));
        Screens.draw(controller.get(), "benchmark");
    }

    @Test
    public void showsPeopleOnAPhotograph() throws Exception {
        assumeTrue("no case was made of a photograph", Cases.has("photograph.json"));
        push("photograph.jpg", Cases.bytes("photograph.jpg"));
        intent.putExtra("photograph", "photograph.jpg");
        given("photograph");
        assertPersons(result("student_cpu_4.json", "photograph").getJSONArray("persons"));
        Screens.draw(controller.get(), "photograph");
    }

    @Test
    public void measuresModelsOfRectangularInputs() throws Exception {
        for (String name : new String[] {"wide", "upright"}) {
            given("scene_" + name);
            assertPersons(result("student_cpu_4.json", name).getJSONArray("persons"));
            assertTrue(file("student_cpu_4.json").delete());
            controller.close();
        }
    }

    @Test
    public void aModelWithoutTagsShowsOnePerson() throws Exception {
        given("scene_alone");
        JSONArray persons = result("student_cpu_4.json", "alone").getJSONArray("persons");
        assertEquals(1, persons.length());
        assertPersons(persons);
    }

    @Test
    @Config(qualifiers = "w320dp-h533dp-mdpi")
    public void aSmallScreenShowsAllFigures() throws Exception {
        start();
        Screens.assertNothingIsCutOff(controller.get());
        Screens.draw(controller.get(), "small");
    }

    @Test
    @Config(qualifiers = "w731dp-h411dp-land-xhdpi")
    public void aScreenOnItsSideShowsAllFigures() throws Exception {
        start();
        Screens.assertNothingIsCutOff(controller.get());
        Screens.draw(controller.get(), "side");
    }

    @Test
    public void whatTheRuntimeDoesNotTellIsUnknown() throws Exception {
        start();
        assertTrue(Screens.text(controller.get()).contains("delegated unknown ·"));
        JSONObject delegate = result("student_cpu_4.json", "unknown_share").getJSONObject("delegate");
        assertEquals("unknown", delegate.getString("share"));
        assertEquals("unknown", delegate.getString("operators"));
    }

    @Test
    public void withoutWarmupThereAreNoTimesOfIt() throws Exception {
        intent.putExtra("warmup", 0);
        start();
        assertTrue(result("student_cpu_4.json", "no_warmup").getJSONObject("times").isNull("warmup"));
    }

    @Test
    public void oneLineOfTheLogNamesTheFile() throws Exception {
        start();
        int lines = 0;
        for (ShadowLog.LogItem item : ShadowLog.getLogsForTag(BenchmarkActivity.TAG)) {
            if (item.msg.startsWith("RESULT ")) {
                JSONObject line = new JSONObject(item.msg.substring("RESULT ".length()));
                assertEquals(file("student_cpu_4.json").getPath(), line.getString("file"));
                assertEquals("ok", line.getString("status"));
                lines++;
            }
        }
        assertEquals(1, lines);
    }

    @Test
    public void aSecondIntentRunsInTheSameScreen() throws Exception {
        start();
        controller.newIntent(new Intent().putExtra("runs", 2).putExtra("runs_ms", 0).putExtra("result", "second.json"));
        Screens.waitWhile(controller.get(), "running");
        assertEquals(2, result("second.json", "second").getJSONObject("request").getInt("runs"));
    }

    @Test
    public void buttonsChangeDelegateAndPhotograph() throws Exception {
        app.delegation = Delegation.fromLog(
                Arrays.asList("Replacing 1 out of 120 node(s) with delegate (TfLiteGpuDelegateV2) node"), "TfLiteGpuDelegateV2");
        start();
        controller.get().findViewById(R.id.next).performClick();
        Screens.waitWhile(controller.get(), "running");
        controller.get().findViewById(R.id.gpu).performClick();
        Screens.waitWhile(controller.get(), "running");
        JSONObject request = result("student_gpu_4.json", "gpu").getJSONObject("request");
        assertEquals("scenes/1.png gpu", request.getString("photograph") + " " + request.getString("delegate"));
    }

    @Test
    public void unknownDelegateIsAnErrorAndNothingRuns() throws Exception {
        intent.putExtra("delegate", "dsp");
        failed("student_dsp_4.json", "delegate", "delegate dsp is unknown; choose from cpu, gpu, nnapi");
        assertTrue(app.asked.isEmpty());
    }

    @Test
    public void delegateThatRefusesIsNotReplacedByAnother() throws Exception {
        app.whenLoading = new BenchmarkException(BenchmarkException.Kind.DELEGATE, "delegate gpu refuses this model");
        intent.putExtra("delegate", "gpu");
        failed("student_gpu_4.json", "delegate", "delegate gpu refuses this model");
        assertEquals(Arrays.asList(Engine.Delegate.GPU), app.asked);
    }

    @Test
    public void delegateThatTakesNothingIsAnError() throws Exception {
        app.delegation = Delegation.fromLog(
                Arrays.asList("Replacing 0 out of 120 node(s) with delegate (TfLiteGpuDelegateV2) node"), "TfLiteGpuDelegateV2");
        intent.putExtra("delegate", "gpu");
        failed("student_gpu_4.json", "delegate", "delegate gpu took none of the 120 operators of this model; use cpu");
    }

    @Test
    public void delegateOfWhichNothingIsToldIsAnError() throws Exception {
        for (String delegate : new String[] {"gpu", "nnapi"}) {
            intent.putExtra("delegate", delegate);
            failed("student_" + delegate + "_4.json", "delegate", "does not say that delegate " + delegate + " took any operator");
            controller.close();
        }
    }

    @Test
    public void modelOfAnotherExportIsAnError() throws Exception {
        push("other.tflite", new byte[] {1, 2, 3});
        push("other.json", Cases.bytes("assets/student.json"));
        intent.putExtra("model", "other.tflite");
        failed("other_cpu_4.json", "model", "other.tflite is not the model that other.json describes");
        Screens.draw(controller.get(), "error");
    }

    @Test
    public void modelThatDoesNotFitItsJsonIsAnError() throws Exception {
        JSONObject json = new JSONObject(Cases.text("assets/student.json"));
        json.getJSONArray("outputs").getJSONObject(0).put("shape", new JSONArray("[1, 64, 64, 14]"));
        push("misfit.json", json.toString().getBytes(StandardCharsets.UTF_8));
        intent.putExtra("metadata", "misfit.json");
        failed("student_cpu_4.json", "model", "has not one map for each of 17 joints");
    }

    @Test
    public void missingModelIsAnError() throws Exception {
        intent.putExtra("model", "none.tflite");
        failed("none_cpu_4.json", "model", "there is no none.tflite in");
    }

    @Test
    public void missingPhotographIsAnError() throws Exception {
        intent.putExtra("photograph", "none.png");
        failed("student_cpu_4.json", "photograph", "there is no none.png in");
    }

    @Test
    public void fileThatIsNoPhotographIsAnError() throws Exception {
        push("text.png", "no picture".getBytes(StandardCharsets.UTF_8));
        intent.putExtra("photograph", "text.png");
        failed("student_cpu_4.json", "photograph", "photograph text.png is no picture that Android can read");
    }

    @Test
    public void noMemoryToLoadIsAnError() throws Exception {
        app.whenLoading = new OutOfMemoryError("Failed to allocate");
        failed("student_cpu_4.json", "memory", "there is not enough memory");
    }

    @Test
    public void noMemoryToRunIsAnErrorAndTheModelIsClosed() throws Exception {
        app.whenRunning = new OutOfMemoryError("Failed to allocate");
        failed("student_cpu_4.json", "memory", "there is not enough memory");
    }

    @Test
    public void extraOfAnotherTypeIsAnError() throws Exception {
        intent.putExtra("threads", "4");
        failed("student_cpu_4.json", "request", "threads must be an integer extra");
    }

    @Test
    public void resultThatCannotBeWrittenIsOnTheScreen() throws Exception {
        push("results", new byte[0]);
        String text = start();
        assertTrue(text, text.contains("Error: result ") && text.contains("cannot be written"));
    }
}
