package org.posedistill.bench;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.Manifest;
import android.content.Intent;
import android.hardware.camera2.CameraCharacteristics;
import android.hardware.camera2.CameraDevice;
import android.hardware.camera2.CameraManager;
import android.os.Looper;
import android.view.Surface;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import org.json.JSONObject;
import org.junit.Before;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.posedistill.pose.Cases;
import org.posedistill.pose.Photograph;
import org.robolectric.Robolectric;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.android.controller.ActivityController;
import org.robolectric.annotation.Config;
import org.robolectric.annotation.GraphicsMode;
import org.robolectric.shadow.api.Shadow;
import org.robolectric.shadows.ShadowCameraCharacteristics;
import org.robolectric.shadows.ShadowCameraManager;
import org.robolectric.shadows.ShadowDisplay;
import org.robolectric.util.ReflectionHelpers;

/** The live screen, given frames as the camera's thread gives them. */
@RunWith(RobolectricTestRunner.class)
@Config(sdk = 34, application = GivenApplication.class, qualifiers = "w411dp-h731dp-xhdpi")
@GraphicsMode(GraphicsMode.Mode.NATIVE)
public final class LiveActivityTest {
    private GivenApplication app;
    private Photograph frame;

    @Before
    public void giveOutputs() throws Exception {
        app = (GivenApplication) RuntimeEnvironment.getApplication();
        app.describe(Cases.text("assets/student.json"));
        app.outputs = Cases.outputs(new JSONObject(Cases.text("scene.json")));
        frame = Cases.frame(new JSONObject(Cases.text("camera.json"))).turned(90);
    }

    @Test
    public void framesAreShownWithPersons() throws Exception {
        grant();
        try (ActivityController<LiveActivity> controller = start()) {
            give(controller.get());
            give(controller.get());
            String text = Screens.text(controller.get());
            assertTrue(text, text.startsWith("student.tflite · cpu · 4 threads"));
            assertTrue(text, text.contains("ms a picture"));
            assertEquals(2, app.runs);
            Screens.draw(controller.get(), "live");
        }
        waitUntilClosed();
    }

    @Test
    public void framesGoThroughRectangularInputsAndModelsWithoutTags() throws Exception {
        grant();
        for (String name : new String[] {"scene_wide", "scene_upright", "scene_alone"}) {
            JSONObject golden = new JSONObject(Cases.text(name + ".json"));
            app.outputs = Cases.outputs(golden);
            app.describe(golden.getString("metadata"));
            Files.write(new File(app.getExternalFilesDir(null), "given.json").toPath(),
                    golden.getString("metadata").getBytes(StandardCharsets.UTF_8));
            Intent intent = new Intent().putExtra("metadata", "given.json");
            try (ActivityController<LiveActivity> controller =
                    Robolectric.buildActivity(LiveActivity.class, intent).setup()) {
                give(controller.get());
                String text = Screens.text(controller.get());
                assertTrue(name + ": " + text, text.contains("persons " + golden.getJSONArray("persons").length() + " "));
            }
            waitUntilClosed();
        }
    }

    @Test
    public void withoutTheCameraItSaysSo() throws Exception {
        try (ActivityController<LiveActivity> controller = start()) {
            assertTrue(Screens.text(controller.get()).startsWith("The camera has not been granted"));
            Screens.draw(controller.get(), "live_refused");
        }
    }

    @Test
    public void aDeviceWithoutACameraIsTold() throws Exception {
        grant();
        try (ActivityController<LiveActivity> controller = start()) {
            assertEquals("This device has no camera.", Screens.text(controller.get()));
        }
    }

    @Test
    public void theBackCameraIsOpenedAndItsLossIsTold() throws Exception {
        grant();
        CameraManager manager = app.getSystemService(CameraManager.class);
        shadowOf(manager).addCamera("front", camera(CameraCharacteristics.LENS_FACING_FRONT));
        shadowOf(manager).addCamera("back", camera(CameraCharacteristics.LENS_FACING_BACK));
        try (ActivityController<LiveActivity> controller = start()) {
            assertEquals("Waiting for the camera…", Screens.text(controller.get()));
            CameraDevice opened = ReflectionHelpers.getStaticField(ShadowCameraManager.class, "lastDevice");
            assertEquals("back", opened.getId());
            shadowOf(manager).triggerDisconnect();
            assertEquals("Another app has taken the camera.", Screens.waitWhile(controller.get(), "Waiting"));
        }
    }

    /** Back cameras mostly lie at 90 degrees in the phone, front cameras at 270. */
    @Test
    public void framesStandUprightHoweverThePhoneIsHeld() {
        int[] back = {90, 0, 270, 180};
        int[] front = {270, 0, 90, 180};
        for (int quarter = 0; quarter < 4; quarter++) {
            assertEquals("back " + quarter, back[quarter], Camera.turn(90, false, 90 * quarter));
            assertEquals("front " + quarter, front[quarter], Camera.turn(270, true, 90 * quarter));
        }
    }

    @Test
    public void theScreensTurnIsAskedForAnew() throws Exception {
        try (ActivityController<LiveActivity> controller = start()) {
            for (int rotation : new int[] {Surface.ROTATION_0, Surface.ROTATION_180, Surface.ROTATION_270}) {
                shadowOf(ShadowDisplay.getDefaultDisplay()).setRotation(rotation);
                assertEquals(90 * rotation, controller.get().displayDegrees());
            }
        }
        waitUntilClosed();
    }

    @Test
    public void theTimeOfAFrameBeginsWithTheFrame() throws Exception {
        try (ActivityController<LiveActivity> controller = start()) {
            Thread camera = new Thread(() -> controller.get().onFrame(frame, System.nanoTime() - 5_000_000_000L));
            camera.start();
            camera.join();
            shadowOf(Looper.getMainLooper()).idle();
            String text = Screens.text(controller.get());
            double milliseconds = Double.parseDouble(text.replaceAll("(?s).* ([0-9.]+) ms a picture.*", "$1"));
            assertTrue(text, milliseconds >= 5000);
        }
        waitUntilClosed();
    }

    @Test
    public void delegateThatRefusesIsOnTheScreen() throws Exception {
        app.whenLoading = new BenchmarkException(BenchmarkException.Kind.DELEGATE, "delegate gpu refuses this model");
        grant();
        try (ActivityController<LiveActivity> controller = start()) {
            give(controller.get());
            assertEquals("delegate gpu refuses this model", Screens.text(controller.get()));
            assertEquals(0, app.runs);
            controller.pause().resume();
            assertEquals("delegate gpu refuses this model", Screens.text(controller.get()));
        }
    }

    @Test
    public void noMemoryForAFrameIsOnTheScreenAndTheModelIsClosed() throws Exception {
        app.whenRunning = new OutOfMemoryError("Failed to allocate");
        try (ActivityController<LiveActivity> controller = start()) {
            give(controller.get());
            assertTrue(Screens.text(controller.get()).startsWith("there is not enough memory"));
            assertEquals(0, app.open);
        }
    }

    private static void grant() {
        shadowOf(RuntimeEnvironment.getApplication()).grantPermissions(Manifest.permission.CAMERA);
    }

    private static CameraCharacteristics camera(int facing) {
        CameraCharacteristics characteristics = ShadowCameraCharacteristics.newCameraCharacteristics();
        ShadowCameraCharacteristics shadow = Shadow.extract(characteristics);
        shadow.set(CameraCharacteristics.LENS_FACING, facing);
        shadow.set(CameraCharacteristics.SENSOR_ORIENTATION, 90);
        return characteristics;
    }

    private static ActivityController<LiveActivity> start() {
        return Robolectric.buildActivity(LiveActivity.class, new Intent()).setup();
    }

    /** Returns when the frame has been looked at and shown. */
    private void give(LiveActivity activity) throws InterruptedException {
        Thread camera = new Thread(() -> activity.onFrame(frame, System.nanoTime()));
        camera.start();
        camera.join();
        shadowOf(Looper.getMainLooper()).idle();
    }

    private void waitUntilClosed() throws InterruptedException {
        for (int i = 0; app.open > 0 && i < 6000; i++) {
            Thread.sleep(10);
        }
        assertEquals(0, app.open);
    }
}
