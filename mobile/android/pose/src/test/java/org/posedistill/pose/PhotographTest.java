package org.posedistill.pose;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import android.graphics.Bitmap;
import java.io.ByteArrayOutputStream;
import java.util.List;
import org.json.JSONObject;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.annotation.Config;
import org.robolectric.annotation.GraphicsMode;

/** Photographs as phones make them. */
@RunWith(RobolectricTestRunner.class)
@Config(sdk = 34)
@GraphicsMode(GraphicsMode.Mode.NATIVE)
public final class PhotographTest {
    /** Orientation 0 is none that EXIF knows; the two decoders of JPEG differ by a few of 255. */
    @Test
    public void exifTurnsAsInPython() throws Exception {
        List<JSONObject> cases = Cases.all("exif");
        assertEquals(9, cases.size());
        for (JSONObject golden : cases) {
            Photograph seen = Photograph.decode(Cases.bytes(golden.getString("file")), "photograph");
            Photograph expected = Cases.photograph(golden.getJSONArray("size"), Cases.bytes(golden.getString("expected")));
            assertEquals(golden.toString(), expected.width + " " + expected.height, seen.width + " " + seen.height);
            assertTrue(golden.toString(), difference(seen, expected) < 3);
        }
    }

    @Test
    public void aLargeOneIsDecodedSmallerAndKeepsItsOwnPixels() throws Exception {
        assertEquals(1, Photograph.sampleSize(4032, 3024));
        assertEquals(2, Photograph.sampleSize(8160, 6144));
        assertEquals(4, Photograph.sampleSize(16320, 12240));
        Bitmap bitmap = Bitmap.createBitmap(5000, 4000, Bitmap.Config.ARGB_8888);
        bitmap.eraseColor(0xff204060);
        ByteArrayOutputStream content = new ByteArrayOutputStream();
        assertTrue(bitmap.compress(Bitmap.CompressFormat.PNG, 100, content));
        Photograph photograph = Photograph.decode(content.toByteArray(), "large.png");
        assertEquals("5000 4000", photograph.fullWidth + " " + photograph.fullHeight);
        assertEquals("2500 2000 2", photograph.width + " " + photograph.height + " " + photograph.reduction);
        Letterbox letterbox = new Letterbox(photograph.fullWidth, photograph.fullHeight, 256, 256);
        assertEquals(5000, letterbox.toPhotographX(256), 1e-6);
        byte[] pixels = new byte[256 * 256 * 3];
        letterbox.fill(photograph, new int[3], pixels);
        int middle = 3 * (128 * 256 + 128);
        assertEquals("32 64 96", pixels[middle] + " " + pixels[middle + 1] + " " + pixels[middle + 2]);
    }

    private static double difference(Photograph one, Photograph other) {
        double sum = 0;
        for (int i = 0; i < one.pixels.length; i++) {
            for (int shift = 0; shift <= 16; shift += 8) {
                sum += Math.abs((one.pixels[i] >> shift & 255) - (other.pixels[i] >> shift & 255));
            }
        }
        return sum / 3 / one.pixels.length;
    }
}
