package org.posedistill.bench;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** An input or output of a model, as its JSON describes it. */
final class TensorInfo {
    private static final List<String> READ = Arrays.asList("float32", "int32", "int8", "uint8");

    final String name;
    final String kind;
    final int position;
    final int[] shape;
    final String dtype;
    /** 0 where the numbers are stored as they are. */
    final float scale;
    final int zeroPoint;

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

    /** As the runtime tells it. */
    TensorInfo(String name, int position, int[] shape, String dtype, float scale, int zeroPoint) {
        this.name = name;
        kind = "";
        this.position = position;
        this.shape = shape;
        this.dtype = dtype;
        this.scale = scale;
        this.zeroPoint = zeroPoint;
    }

    /** Refuse numbers that cannot be read. */
    void check() throws BenchmarkException {
        if (!READ.contains(dtype)) {
            throw new BenchmarkException(BenchmarkException.Kind.MODEL, name + " is of type " + dtype
                    + ", which this app does not know; it reads float32, int32, int8 and uint8");
        }
    }

    int elements() {
        int elements = 1;
        for (int side : shape) {
            elements *= side;
        }
        return elements;
    }

    /** Room for the tensor as the runtime stores it. */
    ByteBuffer allocate() {
        return ByteBuffer.allocateDirect(elements() * bytesEach()).order(ByteOrder.nativeOrder());
    }

    /** The values that a stored tensor stands for. */
    float[] read(ByteBuffer stored) {
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

    /** Store bytes 0..255 as the runtime takes them. */
    void write(byte[] pixels, ByteBuffer stored) {
        stored.rewind();
        if (dtype.equals("float32")) {
            float[] values = new float[pixels.length];
            for (int i = 0; i < pixels.length; i++) {
                values[i] = pixels[i] & 255;
            }
            stored.asFloatBuffer().put(values);
            return;
        }
        byte[] table = storedBytes();
        for (byte pixel : pixels) {
            stored.put(table[pixel & 255]);
        }
    }

    /** Store numbers at random: integers over their whole range, others 0 to 255, as the host's benchmark does. */
    void writeNoise(ByteBuffer stored) {
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
