package org.posedistill.pose;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import java.util.List;
import org.json.JSONArray;
import org.json.JSONObject;
import org.junit.Test;

/** The pictures that OpenCV makes of the same planes, for every layout and turn. */
public final class YuvFrameTest {
    private static final int[] TURNS = {0, 90, 180, 270};

    @Test
    public void planarFrames() throws Exception {
        compareAll("planar", 3);
    }

    @Test
    public void framesWhoseColoursTakeTurns() throws Exception {
        compareAll("nv12", 3);
        compareAll("nv21", 3);
    }

    @Test
    public void blackAndWhiteStayWhatTheyAre() {
        byte[] luma = {0, (byte) 255};
        byte[] grey = {(byte) 128};
        Photograph made = Cases.frame(2, 1, new byte[][] {luma, grey, grey}, new int[] {2, 1, 1}, new int[] {1, 1, 1})
                .turned(180);
        assertEquals(0xffffffff, made.pixels[0]);
        assertEquals(0xff000000, made.pixels[1]);
    }

    private static void compareAll(String layout, int number) throws Exception {
        int compared = 0;
        List<JSONObject> cases = Cases.all("frames");
        for (JSONObject golden : cases) {
            if (golden.getString("layout").equals(layout)) {
                for (int degrees : TURNS) {
                    compare(golden, degrees);
                }
                compared++;
            }
        }
        assertEquals(number, compared);
    }

    /** Other digits of the same factors may change a value by one. */
    private static void compare(JSONObject golden, int degrees) throws Exception {
        Photograph made = Cases.frame(golden).turned(degrees);
        JSONArray size = golden.getJSONArray("size");
        boolean lying = degrees % 180 != 0;
        String name = golden.getString("layout") + " " + size + " turned by " + degrees;
        assertEquals(name, size.getInt(lying ? 1 : 0), made.width);
        assertEquals(name, size.getInt(lying ? 0 : 1), made.height);
        byte[] expected = Cases.bytes(golden.getJSONObject("expected").getString(String.valueOf(degrees)));
        assertEquals(name, expected.length, 3 * made.pixels.length);
        int most = 0;
        for (int i = 0; i < expected.length; i++) {
            int value = made.pixels[i / 3] >> (16 - 8 * (i % 3)) & 255;
            most = Math.max(most, Math.abs(value - (expected[i] & 255)));
        }
        assertTrue(name + ": largest difference " + most, most <= 1);
    }
}
