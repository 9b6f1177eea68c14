package org.posedistill.bench;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.json.JSONArray;
import org.json.JSONObject;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.posedistill.pose.Cases;
import org.posedistill.pose.PackedMetadata;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.annotation.Config;
import org.robolectric.annotation.GraphicsMode;
import org.robolectric.shadows.ShadowLog;

/** What is measured, of which model, and what the result says of it. */
@RunWith(RobolectricTestRunner.class)
@Config(sdk = 34, application = GivenApplication.class, qualifiers = "w411dp-h731dp-xhdpi")
@GraphicsMode(GraphicsMode.Mode.NATIVE)
public final class MeasuringTest extends Runs {
    @Test
    public void aShortModelRunsForAsLongAsWasAsked() throws Exception {
        intent.putExtra("warmup_ms", 60).putExtra("runs_ms", 150);
        start();
        JSONObject times = result("student_cpu_4.json", "by_time").getJSONObject("times");
        assertTrue(sum(times.getJSONObject("total").getJSONArray("samples")) > 100);
        assertTrue(times.getJSONObject("warmup").getInt("runs") > 1);
        assertTrue(times.getJSONObject("inference").getInt("runs") > 3);
        assertEquals(times.getJSONObject("inference").getInt("runs"),
                times.getJSONObject("inference").getJSONArray("samples").length());
    }

    @Test
    public void theBareInvocationStandsBesideTheFullPath() throws Exception {
        start();
        JSONObject bare = result("student_cpu_4.json", "bare").getJSONObject("times").getJSONObject("bare");
        assertEquals(1.5, bare.getDouble("median"), 0);
        assertTrue(bare.isNull("p99"));
        app.invocation = Double.NaN;
        intent.putExtra("result", "not_told.json");
        controller.newIntent(intent);
        Screens.waitWhile(controller.get(), "running");
        assertTrue(result("not_told.json", "not_told").getJSONObject("times").isNull("bare"));
    }

    @Test
    public void settingsReachTheRuntimeAndStandInTheResult() throws Exception {
        app.delegation = Delegation.fromLog(
                Arrays.asList("Replacing 120 out of 120 node(s) with delegate (TfLiteGpuDelegateV2) node"), "TfLiteGpuDelegateV2");
        intent.putExtra("delegate", "gpu").putExtra("half_precision", false).putExtra("sustained_speed", true)
                .putExtra("serialise", true);
        start();
        JSONObject result = result("student_gpu_4.json", "settings");
        assertFalse(app.lastSettings.halfPrecision);
        assertTrue(app.lastSettings.sustainedSpeed);
        assertEquals(app.getCacheDir(), app.lastSettings.cache);
        assertEquals(result.getJSONObject("model").getString("sha256"), app.lastSettings.token);
        JSONObject request = result.getJSONObject("request");
        assertFalse(request.getBoolean("half_precision"));
        assertTrue(request.getBoolean("sustained_speed") && request.getBoolean("serialise"));
    }

    @Test
    public void nothingIsKeptUnlessAsked() throws Exception {
        start();
        assertNull(app.lastSettings.cache);
        assertNull(app.lastSettings.token);
        assertTrue(result("student_cpu_4.json", "plain").isNull("outputs"));
    }

    @Test
    public void theLastOutputsAreLeftForTheHost() throws Exception {
        intent.putExtra("outputs", true);
        start();
        File file = new File(result("student_cpu_4.json", "with_outputs").getString("outputs"));
        byte[] written = Files.readAllBytes(file.toPath());
        int at = 0;
        for (int i = 0; i < app.described.size(); i++) {
            byte[] expected = new byte[app.described.get(i).allocate().capacity()];
            if (i < app.outputs.length) {
                app.outputs[i].rewind();
                app.outputs[i].get(expected);
            }
            assertTrue(Arrays.equals(expected, Arrays.copyOfRange(written, at, at + expected.length)));
            at += expected.length;
        }
        assertEquals(at, written.length);
    }

    @Test
    public void theModelsPrecisionIsThatOfItsJson() throws Exception {
        JSONObject json = new JSONObject(Cases.text("assets/student.json"));
        json.getJSONObject("precision").put("precision", "dynamic_int8");
        push("eight.json", json.toString().getBytes(StandardCharsets.UTF_8));
        intent.putExtra("metadata", "eight.json");
        start();
        JSONObject model = result("student_cpu_4.json", "precision").getJSONObject("model");
        assertEquals("dynamic_int8 float32", model.getString("precision") + " " + model.getString("input_type"));
    }

    @Test
    public void aModelThatNothingDescribesHasTimesOnly() throws Exception {
        push("other.tflite", new byte[] {1, 2, 3});
        intent.putExtra("model", "other.tflite");
        String text = start();
        JSONObject result = result("other_cpu_4.json", "any_model");
        assertEquals("ok", result.getString("status"));
        JSONObject times = result.getJSONObject("times");
        assertEquals(3, times.getJSONObject("inference").getInt("runs"));
        assertTrue(times.isNull("preprocessing") && times.isNull("decoding") && times.isNull("total"));
        assertEquals(0, result.getJSONArray("persons").length());
        assertTrue(result.getJSONObject("model").isNull("input"));
        assertTrue(text, text.contains("Nothing describes this model"));
        Screens.draw(controller.get(), "any_model");
    }

    @Test
    public void theJsonMayBePackedIntoTheModel() throws Exception {
        byte[] model = Cases.bytes("assets/student.tflite");
        PackedMetadata stripped = PackedMetadata.of(model);
        byte[] alone = Arrays.copyOf(model, stripped.modelLength);
        push("packed.tflite", packed(alone, Cases.text("assets/student.json")));
        intent.putExtra("model", "packed.tflite");
        start();
        assertPersons(result("packed_cpu_4.json", "packed").getJSONArray("persons"));
    }

    @Test
    public void aPackedModelThatWasChangedIsAnError() throws Exception {
        byte[] model = Cases.bytes("assets/student.tflite");
        byte[] alone = Arrays.copyOf(model, PackedMetadata.of(model).modelLength);
        alone[alone.length / 2] ^= 1;
        push("changed.tflite", packed(alone, Cases.text("assets/student.json")));
        intent.putExtra("model", "changed.tflite");
        failed("changed_cpu_4.json", "model", "changed.tflite is not the model that the JSON in changed.tflite describes");
    }

    @Test
    public void otherEndsOfFilesArePartOfTheModel() {
        assertNull(PackedMetadata.of(new byte[0]).json);
        assertNull(PackedMetadata.of(new byte[21]).json);
        byte[] end = new byte[30];
        end[8] = 'P';
        end[9] = 'K';
        end[10] = 5;
        end[11] = 6;
        assertEquals(30, PackedMetadata.of(end).modelLength);
        end[20] = 99;
        assertEquals(30, PackedMetadata.of(end).modelLength);
    }

    @Test
    public void pathsOutsideAreNobodysToName() throws Exception {
        for (String name : new String[] {"/data/data/org.other/secret.tflite", "../../secret.tflite",
            "/data/local/tmp/pose-distill-bench/../secret.tflite"}) {
            intent.putExtra("model", name).putExtra("metadata", "student.json").putExtra("result", "outside.json");
            String text = start();
            assertTrue(text, text.contains("Error: " + name + " is no name of a pushed file"));
            file("outside.json").delete();
            controller.close();
        }
    }

    @Test
    public void theResultIsInTheLogToo() throws Exception {
        push("results", new byte[0]);
        start();
        StringBuilder text = new StringBuilder();
        JSONObject last = null;
        for (ShadowLog.LogItem item : ShadowLog.getLogsForTag(BenchmarkActivity.TAG)) {
            assertTrue(item.msg.length() < 4000);
            if (item.msg.startsWith("PART student_cpu_4.json ")) {
                String[] words = item.msg.split(" ", 4);
                text.append(words[3]);
            } else if (item.msg.startsWith("RESULT ")) {
                last = new JSONObject(item.msg.substring("RESULT ".length()));
            }
        }
        assertTrue(last.isNull("file"));
        assertEquals("ok", new JSONObject(text.toString()).getString("status"));
        assertEquals("student_cpu_4.json", last.getString("result"));
    }

    @Test
    public void theDeviceSaysWhatMatters() throws Exception {
        start();
        JSONObject result = result("student_cpu_4.json", "device");
        assertTrue(result.getJSONObject("device").has("page_size"));
        assertTrue(result.getJSONObject("device").get("debuggable") instanceof Boolean);
        assertTrue(result.getJSONObject("memory").get("peak_reset") instanceof Boolean);
    }

    private static byte[] packed(byte[] model, String json) throws Exception {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        all.write(model);
        ZipOutputStream zip = new ZipOutputStream(all);
        zip.putNextEntry(new ZipEntry(PackedMetadata.ENTRY));
        zip.write(json.getBytes(StandardCharsets.UTF_8));
        zip.close();
        return all.toByteArray();
    }

    private static double sum(JSONArray samples) throws Exception {
        double sum = 0;
        for (int i = 0; i < samples.length(); i++) {
            sum += samples.getDouble(i);
        }
        return sum;
    }
}
