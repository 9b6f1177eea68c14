package org.posedistill.pose;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import org.json.JSONArray;
import org.json.JSONObject;
import org.junit.Before;
import org.junit.Test;

/** The JSON that the export writes beside a model, as it is and damaged. */
public final class ModelInfoTest {
    private JSONObject json;

    @Before
    public void read() throws Exception {
        json = new JSONObject(Cases.text("assets/student.json"));
    }

    @Test
    public void whatTheExportWroteIsUnderstood() throws Exception {
        ModelInfo model = ModelInfo.parse(json.toString(), "student.json");
        assertEquals("attention_xs", model.network);
        assertArrayEquals(new int[] {1, model.height, model.width, 3}, model.input.shape);
        assertArrayEquals(new int[] {124, 116, 104}, model.padding);
        assertEquals(17, model.skeleton.joints.length);
        assertEquals("nose", model.skeleton.joints[0]);
        assertEquals(17, model.skeleton.groupingOrder.length);
        assertEquals(1, model.find("heatmaps").size());
        assertEquals(30, model.grouping.maxPersons);
        assertEquals(0, model.peakColumns);
        assertTrue(json.getJSONObject("source").getLong("step") > 0 == model.trained);
    }

    @Test
    public void untrainedIsToldApartFromUnknown() throws Exception {
        json.getJSONObject("source").put("step", 0);
        assertFalse(ModelInfo.parse(json.toString(), "student.json").trained);
        json.remove("source");
        assertEquals(null, ModelInfo.parse(json.toString(), "student.json").trained);
    }

    @Test
    public void otherSchemaIsRefused() throws Exception {
        json.put("schema_version", 2);
        refused("student.json has schema_version 2, this app reads 1");
    }

    @Test
    public void missingFieldIsNamed() throws Exception {
        json.remove("skeleton");
        refused("skeleton");
    }

    @Test
    public void otherTextIsRefused() {
        PoseException error = assertThrows(PoseException.class, () -> ModelInfo.parse("{cut", "student.json"));
        assertEquals(PoseException.Kind.MODEL, error.kind);
        assertTrue(error.getMessage(), error.getMessage().startsWith("student.json does not describe a model"));
    }

    @Test
    public void inputThatIsNoImageIsRefused() throws Exception {
        json.getJSONObject("input").put("shape", new JSONArray("[1, 3, 64, 64]")).put("width", 64).put("height", 64);
        refused("is no RGB or RGBA image of 64 x 64");
        json.getJSONObject("input").put("shape", new JSONArray("[1, 64, 64, 5]"));
        refused("is no RGB or RGBA image of 64 x 64");
    }

    @Test
    public void bytesOfABitmapAreTaken() throws Exception {
        json.getJSONObject("input").put("shape", new JSONArray("[1, 64, 96, 4]")).put("width", 96).put("height", 64)
                .put("dtype", "uint8");
        assertEquals(4 * 64 * 96, ModelInfo.parse(json.toString(), "student.json").input.elements());
    }

    @Test
    public void inputOfInt32IsRefused() throws Exception {
        json.getJSONObject("input").put("dtype", "int32");
        refused("takes no pixels");
    }

    @Test
    public void unknownTypeIsRefused() throws Exception {
        json.getJSONArray("outputs").getJSONObject(0).put("dtype", "float16");
        refused("float16");
    }

    @Test
    public void mapsOfOtherJointsAreRefused() throws Exception {
        json.getJSONArray("outputs").getJSONObject(0).put("shape", new JSONArray("[1, 64, 64, 14]"));
        refused("has not one map for each of 17 joints");
    }

    @Test
    public void centresOfOtherJointsAreRefused() throws Exception {
        JSONObject output = new JSONObject(json.getJSONArray("outputs").getJSONObject(0).toString());
        json.getJSONArray("outputs").put(output.put("kind", "centre").put("shape", new JSONArray("[1, 64, 64, 34]")));
        refused("has not one map and two for each of 17 joints");
    }

    @Test
    public void positionOutOfRangeIsRefused() throws Exception {
        json.getJSONArray("outputs").getJSONObject(0).put("position", 7);
        refused("has position 7");
    }

    @Test
    public void modelWithoutTagsIsUnderstood() throws Exception {
        int removed = 0;
        for (int i = 0; i < json.getJSONArray("outputs").length(); i++) {
            JSONObject output = json.getJSONArray("outputs").getJSONObject(i);
            if (output.getString("kind").equals("tags")) {
                output.put("kind", "other");
                removed++;
            }
        }
        assertEquals(1, removed);
        assertTrue(ModelInfo.parse(json.toString(), "student.json").find("tags").isEmpty());
    }

    @Test
    public void modelWithoutHeatmapsIsRefused() throws Exception {
        for (int i = 0; i < json.getJSONArray("outputs").length(); i++) {
            json.getJSONArray("outputs").getJSONObject(i).put("kind", "other");
        }
        refused("has no output of kind heatmaps");
    }

    @Test
    public void peaksWithoutTheirCellsAreRefused() throws Exception {
        json.put("peaks", new JSONObject().put("columns", 48));
        json.getJSONArray("outputs").getJSONObject(0).put("kind", "peak_values");
        refused("has no output of kind peak_cells");
    }

    @Test
    public void inputMayBeARectangle() throws Exception {
        json.getJSONObject("input").put("shape", new JSONArray("[1, 256, 320, 3]")).put("width", 320).put("height", 256);
        ModelInfo model = ModelInfo.parse(json.toString(), "student.json");
        assertEquals(320, model.width);
        assertEquals(256, model.height);
    }

    @Test
    public void limbOfAJointThatIsNotThereIsRefused() throws Exception {
        json.getJSONObject("skeleton").getJSONArray("limb_index").getJSONArray(0).put(0, 17);
        refused("joint 17 of 17");
    }

    @Test
    public void evenWindowIsRefused() throws Exception {
        json.getJSONObject("grouping").put("nms_kernel", 4);
        refused("nms_kernel 4 odd");
    }

    private void refused(String part) {
        PoseException error =
                assertThrows(PoseException.class, () -> ModelInfo.parse(json.toString(), "student.json"));
        assertEquals(PoseException.Kind.MODEL, error.kind);
        assertTrue(error.getMessage(), error.getMessage().contains(part));
    }
}
