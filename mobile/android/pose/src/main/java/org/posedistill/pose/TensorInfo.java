package org.posedistill.pose;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** An input or output of a model, as its JSON describes it. */
public final class TensorInfo {
    private static final List<String> READ = Arrays.asList("float32", "int32", "int8", "uint8");

    /** In the model's JSON, or as the runtime says. */
    public final String name;
    /** What it means, such as heatmaps; empty of what no JSON describes. */
    public final String kind;
    /** Among the inputs or outputs. */
    public final int position;
    /** Sides, batch first. */
    public final int[] shape;
    /** Such as float32 or int8. */
    public final String dtype;
    /** 0 where the numbers are stored as they are. */
    public final float scale;
    /** The number that stands for zero. */
    public final int zeroPoint;

    TensorInfo(JSONObject json) throws JSONException {
        name = json.getString("name");
        kind = json.optString("kind", "");
        position = json.getInt("position");
        dtype = json.getString("dtype");
        JSONArray sides = json.getJSONArray("shape");
        shape = new int[sides.length()];
        for (int i = 0; i < shape.length; i++) {
            shape[i] = sides.getInt(i);
        }
        JSONObject quantisation = json.optJSONObject("quantisation");
        scale = quantisation == null ? 0 : (float) quantisation.getDouble("scale");
        zeroPoint = quantisation == null ? 0 : quantisation.getInt("zero_point");
    }

    /**
     * A tensor as the runtime tells it.
     *
     * @param name of the tensor
     * @param position among the inputs or outputs
     * @param shape its sides
     * @param dtype such as float32
     * @param scale 0 where numbers are stored as they are
     * @param zeroPoint the number that stands for zero
     */
    public TensorInfo(String name, int position, int[] shape, String dtype, float scale, int zeroPoint) {
        this.name = name;
        kind = "";
        this.position = position;
        this.shape = shape;
        this.dtype = dtype;
        this.scale = scale;
        this.zeroPoint = zeroPoint;
    }

    /** Refuse numbers that cannot be read. */
    void check() throws PoseException {
        if (!READ.contains(dtype)) {
            throw new PoseException(PoseException.Kind.MODEL, name + " is of type " + dtype
                    + ", which this app does not know; it reads float32, int32, int8 and uint8");
        }
    }

    /**
     * How many numbers it has.
     *
     * @return the product of its sides
     */
    public int elements() {
        int elements = 1;
        for (int side : shape) {
            elements *= side;
        }
        return elements;
    }

    /**
     * Room for the tensor as the runtime stores it.
     *
     * @return a direct buffer in the processor's order
     */
    public ByteBuffer allocate() {
        return ByteBuffer.allocateDirect(elements() * bytesEach()).order(ByteOrder.nativeOrder());
    }

    /**
     * The values that a stored tensor stands for.
     *
     * @param stored as the runtime leaves it
     * @return one for each element
     */
    public float[] read(ByteBuffer stored) {
        float[] values = new float[elements()];
        stored.rewind();
        if (dtype.equals("float32")) {
            stored.asFloatBuffer().get(values);
            return values;
        }
        for (int i = 0; i < values.length; i++) {
            int number = dtype.equals("int32") ? stored.getInt() : dtype.equals("int8") ? stored.get() : stored.get() & 255;
            values[i] = scale == 0 ? number : (number - zeroPoint) * scale;
        }
        return values;
    }

    /**
     * Store bytes 0..255 as the runtime takes them.
     *
     * @param pixels one for each element, row by row, as {@link Letterbox#fill} leaves them
     * @param stored the input's buffer
     */
    public void write(byte[] pixels, ByteBuffer stored) {
        stored.rewind();
        if (dtype.equals("float32")) {
            float[] values = new float[pixels.length];
            for (int i = 0; i < pixels.length; i++) {
                values[i] = pixels[i] & 255;
            }
            stored.asFloatBuffer().put(values);
            return;
        }
        if (dtype.equals("uint8") && (scale == 0 || scale == 1 && zeroPoint == 0)) {
            stored.put(pixels);
            return;
        }
        byte[] table = storedBytes();
        for (byte pixel : pixels) {
            stored.put(table[pixel & 255]);
        }
    }

    /**
     * Store numbers at random: integers over their whole range, others 0 to 255.
     *
     * @param stored the input's buffer
     */
    public void writeNoise(ByteBuffer stored) {
        Random random = new Random(0);
        stored.rewind();
        if (dtype.equals("float32")) {
            while (stored.hasRemaining()) {
                stored.putFloat(random.nextInt(256));
            }
        } else if (dtype.equals("bool")) {
            while (stored.hasRemaining()) {
                stored.put((byte) random.nextInt(2));
            }
        } else {
            byte[] all = new byte[stored.remaining()];
            random.nextBytes(all);
            stored.put(all);
        }
    }

    private byte[] storedBytes() {
        int lowest = dtype.equals("int8") ? -128 : 0;
        byte[] table = new byte[256];
        for (int i = 0; i < table.length; i++) {
            double number = scale == 0 ? i : Math.rint(i / (double) scale + zeroPoint);
            table[i] = (byte) Math.max(lowest, Math.min(lowest + 255, number));
        }
        return table;
    }

    private int bytesEach() {
        switch (dtype) {
            case "int64":
            case "float64":
                return 8;
            case "int16":
            case "float16":
                return 2;
            case "int8":
            case "uint8":
            case "bool":
                return 1;
            default:
                return 4;
        }
    }

    @Override
    public String toString() {
        return name + " " + Arrays.toString(shape) + " " + dtype;
    }
}
