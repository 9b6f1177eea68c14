package org.posedistill.pose;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import org.json.JSONObject;
import org.junit.Test;

/** Equal cells, of which the first is the peak. */
public final class TiesTest {
    private static final double CELLS = 1e-4;

    /** One person a scene, in eight bits; a second peak beside the first would open a second person. */
    @Test
    public void onePersonInEightBitsStaysOne() throws Exception {
        List<JSONObject> cases = Cases.all("ties");
        assertEquals(4, cases.size());
        for (JSONObject golden : cases) {
            ModelInfo model = ModelInfo.parse(golden.getString("metadata"), "case.json");
            Grouping grouping = new Grouping(model.skeleton, model.grouping);
            int side = golden.getInt("side");
            int joints = model.skeleton.joints.length;
            byte[] stored = Cases.bytes(golden.getString("stored"));
            ByteBuffer expected = Cases.buffer(golden.getString("expected"));
            float[] tags = new float[joints * side * side];
            for (int scene = 0; scene < golden.getInt("scenes"); scene++) {
                float[] values = new float[tags.length];
                for (int i = 0; i < values.length; i++) {
                    values[i] = (stored[scene * values.length + i] & 255) * (float) golden.getDouble("scale");
                }
                List<Person> persons =
                        grouping.group(new Maps(joints, side, side, values), new Maps(joints, side, side, tags));
                assertEquals("scene " + scene, 1, persons.size());
                for (int joint = 0; joint < joints; joint++) {
                    assertEquals(expected.getFloat(), persons.get(0).x[joint], CELLS);
                    assertEquals(expected.getFloat(), persons.get(0).y[joint], CELLS);
                    assertEquals(expected.getFloat(), persons.get(0).value[joint], CELLS);
                }
            }
            assertEquals(0, expected.remaining());
        }
    }

    /** Maps of so few values that nearly every window holds equal ones. */
    @Test
    public void peaksOfMapsOfFewValuesAreThoseOfPython() throws Exception {
        List<JSONObject> cases = Cases.all("steps");
        assertEquals(8, cases.size());
        for (JSONObject golden : cases) {
            int height = golden.getInt("height");
            int width = golden.getInt("width");
            byte[] expected = Cases.bytes(golden.getString("expected"));
            float[] values = new float[expected.length];
            Cases.buffer(golden.getString("maps")).asFloatBuffer().get(values);
            int joints = values.length / height / width;
            Maps heatmaps = new Maps(joints, height, width, values);
            GroupingConfig config = new GroupingConfig(golden.getJSONObject("grouping"));
            Peaks peaks = Peaks.find(heatmaps, new Maps(joints, height, width, new float[values.length]), config);
            byte[] found = new byte[expected.length];
            for (int joint = 0; joint < joints; joint++) {
                for (int i = peaks.start[joint]; i < peaks.start[joint + 1]; i++) {
                    found[joint * height * width + peaks.cell[i]] = 1;
                }
            }
            assertTrue(golden.getString("grouping"), Arrays.equals(expected, found));
        }
    }
}
