package org.posedistill.pose;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.json.JSONArray;
import org.json.JSONObject;
import org.junit.Test;

/** The persons that Python finds in the same outputs, in pixels of the photograph. */
public final class DecoderTest {
    private static final double PIXELS = 2e-3;
    private static final double VALUE = 1e-5;
    private static final String[] FLOATS = {"heatmaps_s4 tags_s4", "alone", "centre maps", "offset maps", "peaks",
        "peaks alone"};

    @Test
    public void personsOfOneMap() throws Exception {
        compareAll("heatmaps_s4 tags_s4", 20);
    }

    @Test
    public void personsOfMapsOfSeveralSizes() throws Exception {
        compareAll("heatmaps_s2 heatmaps_s4 tags_s4", 20);
    }

    @Test
    public void personsOfCoarseMaps() throws Exception {
        compareAll("heatmaps_s8 tags_s8", 20);
    }

    @Test
    public void personsOfPeaks() throws Exception {
        compareAll("peaks", 8);
    }

    @Test
    public void onePersonOfMapsWithoutTags() throws Exception {
        compareAll("alone", 60);
    }

    @Test
    public void onePersonOfPeaksWithoutTags() throws Exception {
        compareAll("peaks alone", 8);
    }

    @Test
    public void personsOfCentres() throws Exception {
        compareAll("centre maps", 20);
    }

    @Test
    public void personsOfOffsets() throws Exception {
        compareAll("offset maps", 20);
    }

    @Test
    public void personsOfRectangularInputs() throws Exception {
        compareAll("rectangular", 24);
    }

    @Test
    public void personsOfQuantisedMaps() throws Exception {
        compareAll("quantised", 16);
    }

    @Test
    public void everyKindOfGroupingIsAmongTheCases() throws Exception {
        Set<String> kinds = new HashSet<>();
        for (JSONObject golden : Cases.all("decoder")) {
            JSONObject grouping = golden.getJSONObject("metadata").getJSONObject("grouping");
            kinds.add((grouping.getBoolean("refine") ? "refined " : "plain ")
                    + (grouping.getBoolean("subcell") ? "vertex" : grouping.getBoolean("adjust") ? "quarter" : "centre"));
        }
        for (String kind : new String[] {"refined vertex", "plain vertex", "refined quarter", "plain centre"}) {
            assertTrue(kind, kinds.contains(kind));
        }
    }

    @Test
    public void nothingIsFoundInEmptyMaps() throws Exception {
        for (String kind : FLOATS) {
            ModelInfo model = ModelInfo.parse(first(kind).getString("metadata"), "case.json");
            ByteBuffer[] outputs = new ByteBuffer[model.outputs.size()];
            for (TensorInfo output : model.outputs) {
                outputs[output.position] = output.allocate();
            }
            nobody(model, outputs);
        }
    }

    @Test
    public void outputsOfADivergedModelAreNoCrash() throws Exception {
        for (String kind : FLOATS) {
            JSONObject golden = first(kind);
            ModelInfo model = ModelInfo.parse(golden.getString("metadata"), "case.json");
            ByteBuffer[] outputs = Cases.outputs(golden);
            for (TensorInfo output : model.outputs) {
                for (int i = 0; output.dtype.equals("float32") && i < outputs[output.position].capacity(); i += 4) {
                    outputs[output.position].putFloat(i, Float.NaN);
                }
            }
            nobody(model, outputs);
        }
    }

    private static JSONObject first(String kind) throws Exception {
        for (JSONObject golden : Cases.all("decoder")) {
            if (golden.getString("kind").equals(kind)) {
                return golden;
            }
        }
        throw new AssertionError("no case of kind " + kind);
    }

    private static void nobody(ModelInfo model, ByteBuffer[] outputs) {
        assertEquals(0, new Decoder(model).decode(outputs, new Letterbox(100, 80, model.width, model.height)).size());
    }

    private static void compareAll(String kind, int number) throws Exception {
        int compared = 0;
        for (JSONObject golden : Cases.all("decoder")) {
            if (golden.getString("kind").equals(kind)) {
                compare(golden);
                compared++;
            }
        }
        assertEquals(number, compared);
    }

    private static void compare(JSONObject golden) throws Exception {
        ModelInfo model = ModelInfo.parse(golden.getString("metadata"), "case.json");
        JSONArray size = golden.getJSONArray("photograph");
        Letterbox letterbox = new Letterbox(size.getInt(0), size.getInt(1), model.width, model.height);
        List<Person> persons = new Decoder(model).decode(Cases.outputs(golden), letterbox);
        JSONArray expected = golden.getJSONArray("persons");
        String name = golden.getString("kind") + " " + size + " " + golden.getJSONObject("metadata").get("grouping");
        assertEquals(name, expected.length(), persons.size());
        for (int i = 0; i < persons.size(); i++) {
            Person person = persons.get(i);
            assertEquals(name, golden.getJSONArray("scores").getDouble(i), person.score, VALUE);
            JSONArray joints = expected.getJSONArray(i);
            assertEquals(name, joints.length(), person.value.length);
            for (int joint = 0; joint < person.value.length; joint++) {
                String which = name + " person " + i + " joint " + joint;
                assertEquals(which, joints.getJSONArray(joint).getDouble(0), person.x[joint], PIXELS);
                assertEquals(which, joints.getJSONArray(joint).getDouble(1), person.y[joint], PIXELS);
                assertEquals(which, joints.getJSONArray(joint).getDouble(2), person.value[joint], VALUE);
            }
        }
    }
}
