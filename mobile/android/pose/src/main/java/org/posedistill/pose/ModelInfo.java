package org.posedistill.pose;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** What the JSON beside a model says of it. */
public final class ModelInfo {
    private static final int SCHEMA_VERSION = 1;

    /** Name of the model's file. */
    public final String file;
    /** Of the model alone, in hexadecimal digits. */
    public final String sha256;
    /** Name of the network that was exported. */
    public final String network;
    /** Whether it has learnt anything; null where the JSON does not tell. */
    public final Boolean trained;
    /** What it is stored and computed in, such as float32 or int8. */
    public final String precision;
    /** What the model takes: a picture, red, green and blue, and an alpha of 255 where it has four channels. */
    public final TensorInfo input;
    /** Of the input, pixels. */
    public final int width;
    /** Of the input, pixels. */
    public final int height;
    /** Red, green and blue of what a photograph does not cover. */
    public final int[] padding;
    /** What the model gives. */
    public final List<TensorInfo> outputs = new ArrayList<>();
    /** The joints of its persons. */
    public final Skeleton skeleton;
    final GroupingConfig grouping;
    /** Width of the maps whose peaks the model gives, cells; 0 for a model that gives the maps. */
    final int peakColumns;

    private ModelInfo(JSONObject json) throws JSONException, PoseException {
        JSONObject model = json.getJSONObject("model");
        file = model.getString("file");
        sha256 = model.getString("sha256");
        JSONObject source = json.optJSONObject("source");
        network = source == null ? "unknown" : source.optString("network", "unknown");
        trained = source == null || !source.has("step") ? null : Boolean.valueOf(source.getLong("step") > 0);
        JSONObject stored = json.optJSONObject("precision");
        precision = stored == null ? "unknown" : stored.optString("precision", "unknown");
        input = new TensorInfo(json.getJSONObject("input"));
        width = json.getJSONObject("input").getInt("width");
        height = json.getJSONObject("input").getInt("height");
        JSONArray colour = json.getJSONObject("letterbox").getJSONArray("padding_rgb");
        padding = new int[] {colour.getInt(0), colour.getInt(1), colour.getInt(2)};
        JSONArray described = json.getJSONArray("outputs");
        for (int i = 0; i < described.length(); i++) {
            outputs.add(new TensorInfo(described.getJSONObject(i)));
        }
        skeleton = new Skeleton(json.getJSONObject("skeleton"));
        grouping = new GroupingConfig(json.getJSONObject("grouping"));
        peakColumns = json.has("peaks") ? json.getJSONObject("peaks").getInt("columns") : 0;
    }

    /**
     * Read the JSON of a model.
     *
     * @param text what lies beside the model, or {@link PackedMetadata#json}
     * @param name for the error
     * @return what it says
     * @throws PoseException it does not describe a model that this library reads
     */
    public static ModelInfo parse(String text, String name) throws PoseException {
        try {
            JSONObject json = new JSONObject(text);
            int version = json.getInt("schema_version");
            if (version != SCHEMA_VERSION) {
                throw misfit(name + " has schema_version " + version + ", this app reads " + SCHEMA_VERSION);
            }
            ModelInfo info = new ModelInfo(json);
            info.check(name);
            return info;
        } catch (JSONException error) {
            throw misfit(name + " does not describe a model: " + error.getMessage() + "; export the model again");
        }
    }

    private void check(String name) throws PoseException {
        input.check();
        for (TensorInfo output : outputs) {
            output.check();
        }
        int[] shape = input.shape;
        if (shape.length != 4 || shape[0] != 1 || shape[1] != height || shape[2] != width
                || shape[3] != 3 && shape[3] != 4) {
            throw misfit(name + ": the input " + input + " is no RGB or RGBA image of " + width + " x " + height);
        }
        if (input.dtype.equals("int32")) {
            throw misfit(name + ": the input " + input + " takes no pixels; export it as float32 or int8");
        }
        int joints = skeleton.joints.length;
        for (int i = 0; i < outputs.size(); i++) {
            TensorInfo output = outputs.get(i);
            boolean isMap = output.kind.equals("heatmaps") || output.kind.equals("tags");
            if (isMap && (output.shape.length != 4 || output.shape[3] != joints)) {
                throw misfit(name + ": the output " + output + " has not one map for each of " + joints + " joints");
            }
            boolean isCentre = output.kind.equals("centre");
            if (isCentre && (output.shape.length != 4 || output.shape[3] != 1 + 2 * joints)) {
                throw misfit(name + ": the output " + output + " has not one map and two for each of " + joints
                        + " joints");
            }
            if (output.position < 0 || output.position >= outputs.size()) {
                throw misfit(name + ": the output " + output + " has position " + output.position);
            }
        }
        String[] needed = peakColumns == 0
                ? new String[] {"heatmaps"}
                : new String[] {"peak_values", "peak_cells", "peak_shifts"};
        for (String kind : needed) {
            if (find(kind).isEmpty()) {
                throw misfit(name + " has no output of kind " + kind + ", without which there are no persons");
            }
        }
    }

    /**
     * Refuse a loaded model that is not as described.
     *
     * @param inputs what it takes, as the runtime tells it, by position
     * @param given what it gives
     * @throws PoseException the model and its JSON are of two exports
     */
    public void check(List<TensorInfo> inputs, List<TensorInfo> given) throws PoseException {
        if (inputs.size() != 1 || given.size() != outputs.size()) {
            throw misfit(file + " has " + inputs.size() + " inputs and " + given.size()
                    + " outputs; export it again, with its JSON");
        }
        check(inputs.get(0), input);
        for (TensorInfo output : outputs) {
            check(given.get(output.position), output);
        }
    }

    private void check(TensorInfo given, TensorInfo described) throws PoseException {
        if (!Arrays.equals(given.shape, described.shape) || !given.dtype.equals(described.dtype)) {
            throw misfit(file + " has " + Arrays.toString(given.shape) + " " + given.dtype + " where its JSON says "
                    + described + "; export it again, with its JSON");
        }
    }

    /** The outputs of a kind, such as heatmaps. */
    List<TensorInfo> find(String kind) {
        List<TensorInfo> found = new ArrayList<>();
        for (TensorInfo output : outputs) {
            if (output.kind.equals(kind)) {
                found.add(output);
            }
        }
        return found;
    }

    private static PoseException misfit(String message) {
        return new PoseException(PoseException.Kind.MODEL, message);
    }
}
