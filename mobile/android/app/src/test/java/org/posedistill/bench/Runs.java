package org.posedistill.bench;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import android.content.Intent;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import org.json.JSONArray;
import org.json.JSONObject;
import org.junit.After;
import org.junit.Before;
import org.posedistill.pose.Cases;
import org.robolectric.Robolectric;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.android.controller.ActivityController;

/** What tests of whole runs share: an intent, the screen it starts, and the result that it leaves. */
abstract class Runs {
    final Intent intent = new Intent();
    GivenApplication app;
    JSONObject scene;
    ActivityController<BenchmarkActivity> controller;

    @Before
    public void giveOutputs() throws Exception {
        app = (GivenApplication) RuntimeEnvironment.getApplication();
        scene = new JSONObject(Cases.text("scene.json"));
        app.outputs = Cases.outputs(scene);
        app.describe(Cases.text("assets/student.json"));
        intent.putExtra("warmup", 1).putExtra("runs", 3).putExtra("warmup_ms", 0).putExtra("runs_ms", 0);
    }

    @After
    public void nothingStaysOpen() {
        assertEquals(0, app.open);
        if (controller != null) {
            controller.close();
        }
    }

    /** Run the model that a case describes, which gives the case's outputs. */
    void given(String name) throws Exception {
        scene = new JSONObject(Cases.text(name + ".json"));
        app.outputs = Cases.outputs(scene);
        app.describe(scene.getString("metadata"));
        push("given.json", scene.getString("metadata").getBytes(StandardCharsets.UTF_8));
        intent.putExtra("metadata", "given.json");
        start();
    }

    String start() throws Exception {
        build();
        controller.windowFocusChanged(true);
        return Screens.waitWhile(controller.get(), "running");
    }

    /** Make the screen, which is not in front yet. */
    void build() {
        controller = Robolectric.buildActivity(BenchmarkActivity.class, intent).setup();
    }

    /** Run, and expect an error of this kind in the file and on the screen. */
    void failed(String file, String kind, String message) throws Exception {
        String text = start();
        JSONObject result = result(file, new Throwable().getStackTrace()[1].getMethodName());
        assertEquals("error", result.getString("status"));
        assertEquals(kind, result.getJSONObject("error").getString("kind"));
        String told = result.getJSONObject("error").getString("message");
        assertTrue(told, told.contains(message));
        assertTrue(text, text.contains("Error: " + told));
        assertFalse(result.has("times"));
    }

    File file(String name) {
        return new File(new File(app.getExternalFilesDir(null), "results"), name);
    }

    /** The result's file; a copy is left for the schema to be held against. */
    JSONObject result(String name, String copy) throws Exception {
        byte[] content = Files.readAllBytes(file(name).toPath());
        Files.write(Cases.out("results").resolve(copy + ".json"), content);
        return new JSONObject(new String(content, StandardCharsets.UTF_8));
    }

    void push(String name, byte[] content) throws Exception {
        Files.write(new File(app.getExternalFilesDir(null), name).toPath(), content);
    }

    void assertPersons(JSONArray persons) throws Exception {
        JSONArray expected = scene.getJSONArray("persons");
        assertEquals(expected.length(), persons.length());
        for (int i = 0; i < persons.length(); i++) {
            JSONArray joints = persons.getJSONObject(i).getJSONArray("joints");
            for (int joint = 0; joint < joints.length(); joint++) {
                for (int axis = 0; axis < 3; axis++) {
                    assertEquals(expected.getJSONArray(i).getJSONArray(joint).getDouble(axis),
                            joints.getJSONArray(joint).getDouble(axis), 2e-3);
                }
            }
        }
    }
}
