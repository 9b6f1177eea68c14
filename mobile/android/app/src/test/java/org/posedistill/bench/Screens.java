package org.posedistill.bench;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertNotEquals;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.app.Activity;
import android.graphics.Bitmap;
import android.graphics.Canvas;
import android.os.Looper;
import android.view.View;
import android.widget.TextView;
import java.io.OutputStream;
import java.nio.file.Files;
import java.time.Duration;
import org.posedistill.pose.Cases;

/** What the tests do with a screen: wait for it, read it, draw it. */
final class Screens {
    private static final long PATIENCE_MS = 60_000;

    private Screens() {}

    static String text(Activity activity) {
        return ((TextView) activity.findViewById(R.id.figures)).getText().toString();
    }

    /** Wait until the figures say something that {@code unfinished} is no part of; returns it. */
    static String waitWhile(Activity activity, String unfinished) throws InterruptedException {
        long end = System.nanoTime() + PATIENCE_MS * 1_000_000;
        while (System.nanoTime() < end) {
            shadowOf(Looper.getMainLooper()).idleFor(Duration.ofMillis(20));
            if (!text(activity).contains(unfinished)) {
                return text(activity);
            }
            Thread.sleep(5);
        }
        throw new AssertionError("still: " + text(activity));
    }

    /** The picture has room, the figures fit without scrolling, and every button says its word in one line. */
    static void assertNothingIsCutOff(Activity activity) {
        assertTrue(activity.findViewById(R.id.picture).getHeight() >= 0.2 * activity.getWindow().getDecorView().getHeight());
        TextView figures = activity.findViewById(R.id.figures);
        assertTrue(figures.getLayout().getHeight() <= figures.getHeight());
        assertTrue(figures.getBottom() <= ((View) figures.getParent()).getHeight());
        for (int button : new int[] {R.id.cpu, R.id.gpu, R.id.nnapi, R.id.next, R.id.live}) {
            assertEquals(1, ((TextView) activity.findViewById(button)).getLineCount());
        }
    }

    /** Draw the whole screen into a PNG. */
    static void draw(Activity activity, String name) throws Exception {
        shadowOf(Looper.getMainLooper()).idle();
        View view = activity.getWindow().getDecorView();
        assertTrue("the screen has no size", view.getWidth() > 0 && view.getHeight() > 0);
        Bitmap bitmap = Bitmap.createBitmap(view.getWidth(), view.getHeight(), Bitmap.Config.ARGB_8888);
        view.draw(new Canvas(bitmap));
        int corner = bitmap.getPixel(0, bitmap.getHeight() - 1);
        assertNotEquals("nothing was drawn", 0, corner);
        try (OutputStream stream = Files.newOutputStream(Cases.out("screens").resolve(name + ".png"))) {
            assertTrue(bitmap.compress(Bitmap.CompressFormat.PNG, 100, stream));
        }
    }
}
