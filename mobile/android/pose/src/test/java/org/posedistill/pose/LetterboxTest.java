package org.posedistill.pose;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import org.json.JSONArray;
import org.json.JSONObject;
import org.junit.Test;

/** The input that Python makes of the same photographs. */
public final class LetterboxTest {
    private static final int[] PADDING = {10, 20, 30};

    /** Rounding in another order may change a value by one. */
    @Test
    public void inputIsThatOfPython() throws Exception {
        List<JSONObject> cases = Cases.all("letterbox");
        assertEquals(16, cases.size());
        List<JSONObject> large = Cases.all("large");
        assertEquals(4, large.size());
        cases.addAll(large);
        for (JSONObject golden : cases) {
            JSONArray size = golden.getJSONArray("input");
            Photograph photograph = Cases.photograph(golden.getJSONArray("photograph"), Cases.bytes(golden.getString("pixels")));
            byte[] expected = Cases.bytes(golden.getString("expected"));
            byte[] made = new byte[expected.length];
            Letterbox letterbox = new Letterbox(photograph.width, photograph.height, size.getInt(0), size.getInt(1));
            JSONArray padding = golden.getJSONArray("padding");
            letterbox.fill(photograph, new int[] {padding.getInt(0), padding.getInt(1), padding.getInt(2)}, made);
            int most = 0;
            double sum = 0;
            for (int i = 0; i < made.length; i++) {
                int off = Math.abs((made[i] & 255) - (expected[i] & 255));
                most = Math.max(most, off);
                sum += off;
            }
            String named = golden.getJSONArray("photograph") + " to " + size + ": largest difference " + most + ", mean "
                    + sum / made.length;
            assertTrue(named, most <= 1 && sum / made.length < 0.05);
        }
    }

    @Test
    public void quantisedInputIsThatOfPython() throws Exception {
        byte[] pixels = new byte[256];
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (byte) i;
        }
        for (JSONObject golden : Cases.all("inputs")) {
            TensorInfo input = new TensorInfo(new JSONObject()
                    .put("name", "image")
                    .put("position", 0)
                    .put("shape", new JSONArray().put(256))
                    .put("dtype", golden.getString("dtype"))
                    .put("quantisation", golden));
            ByteBuffer stored = input.allocate();
            input.write(pixels, stored);
            stored.rewind();
            byte[] made = new byte[256];
            stored.get(made);
            assertArrayEquals(golden.getString("dtype"), Cases.bytes(golden.getString("stored")), made);
        }
    }

    @Test
    public void floatInputHoldsValuesUpTo255() throws Exception {
        TensorInfo input = new TensorInfo(new JSONObject("{name: image, position: 0, shape: [3], dtype: float32}"));
        ByteBuffer stored = input.allocate();
        input.write(new byte[] {0, (byte) 128, (byte) 255}, stored);
        assertArrayEquals(new float[] {0, 128, 255}, input.read(stored), 0);
    }

    @Test
    public void photographOfTheInputsSizeStaysAsItIs() {
        Photograph photograph = new Photograph(2, 2, new int[] {0xff010203, 0xff040506, 0xff070809, 0xff0a0b0c});
        byte[] made = new byte[12];
        new Letterbox(2, 2, 2, 2).fill(photograph, PADDING, made);
        assertArrayEquals(new byte[] {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, made);
    }

    @Test
    public void paddingIsBesideAnUprightPhotograph() {
        int[] white = new int[32];
        Arrays.fill(white, 0xffffffff);
        byte[] made = new byte[8 * 8 * 3];
        new Letterbox(4, 8, 8, 8).fill(new Photograph(4, 8, white), PADDING, made);
        assertArrayEquals(new byte[] {10, 20, 30}, Arrays.copyOf(made, 3));
        assertArrayEquals(new byte[] {-1, -1, -1}, Arrays.copyOfRange(made, 12, 15));
    }

    @Test
    public void fourChannelsAreTheThreeAndAnAlphaThatIsOpaqueEverywhere() throws Exception {
        for (JSONObject golden : Cases.all("letterbox")) {
            Photograph photograph = Cases.photograph(golden.getJSONArray("photograph"), Cases.bytes(golden.getString("pixels")));
            Letterbox letterbox = new Letterbox(photograph.width, photograph.height, 64, 48);
            byte[] three = new byte[64 * 48 * 3];
            byte[] four = new byte[64 * 48 * 4];
            letterbox.fill(photograph, PADDING, three);
            letterbox.fill(photograph, PADDING, four);
            for (int i = 0; i < 64 * 48; i++) {
                byte[] expected = {three[3 * i], three[3 * i + 1], three[3 * i + 2], (byte) 255};
                assertArrayEquals(expected, Arrays.copyOfRange(four, 4 * i, 4 * i + 4));
            }
        }
    }

    @Test
    public void pointsGoBackToThePhotograph() {
        Letterbox letterbox = new Letterbox(500, 300, 256, 256);
        double x = letterbox.scale * 123.25 + letterbox.offsetX;
        double y = letterbox.scale * 45.5 + letterbox.offsetY;
        assertEquals(123.25, letterbox.toPhotographX(x), 1e-9);
        assertEquals(45.5, letterbox.toPhotographY(y), 1e-9);
    }
}
