package org.posedistill.pose;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.List;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** The golden cases that Python wrote, and where the tests leave what they make. */
public final class Cases {
    private Cases() {}

    public static List<JSONObject> all(String name) throws IOException, JSONException {
        JSONArray array = new JSONArray(text(name + ".json"));
        List<JSONObject> cases = new ArrayList<>();
        for (int i = 0; i < array.length(); i++) {
            cases.add(array.getJSONObject(i));
        }
        return cases;
    }

    public static String text(String file) throws IOException {
        return new String(bytes(file), StandardCharsets.UTF_8);
    }

    public static boolean has(String file) {
        return Files.exists(folder("bench.cases").resolve(file));
    }

    public static byte[] bytes(String file) throws IOException {
        return Files.readAllBytes(folder("bench.cases").resolve(file));
    }

    /** A direct buffer of the file, as the runtime leaves an output. */
    public static ByteBuffer buffer(String file) throws IOException {
        byte[] content = bytes(file);
        ByteBuffer buffer = ByteBuffer.allocateDirect(content.length).order(ByteOrder.nativeOrder());
        buffer.put(content).rewind();
        return buffer;
    }

    public static ByteBuffer[] outputs(JSONObject golden) throws IOException, JSONException {
        JSONArray files = golden.getJSONArray("outputs");
        ByteBuffer[] outputs = new ByteBuffer[files.length()];
        for (int i = 0; i < outputs.length; i++) {
            outputs[i] = buffer(files.getString(i));
        }
        return outputs;
    }

    /** A photograph from its red, green and blue bytes. */
    public static Photograph photograph(JSONArray size, byte[] rgb) throws JSONException {
        int[] pixels = new int[rgb.length / 3];
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = 0xff000000 | (rgb[3 * i] & 255) << 16 | (rgb[3 * i + 1] & 255) << 8 | rgb[3 * i + 2] & 255;
        }
        return new Photograph(size.getInt(0), size.getInt(1), pixels);
    }

    /** A camera's picture. */
    public static YuvFrame frame(JSONObject golden) throws IOException, JSONException {
        byte[][] planes = new byte[3][];
        int[] rows = new int[3];
        int[] pixels = new int[3];
        for (int i = 0; i < planes.length; i++) {
            planes[i] = bytes(golden.getJSONArray("planes").getString(i));
            rows[i] = golden.getJSONArray("row_strides").getInt(i);
            pixels[i] = golden.getJSONArray("pixel_strides").getInt(i);
        }
        return frame(golden.getJSONArray("size").getInt(0), golden.getJSONArray("size").getInt(1), planes, rows, pixels);
    }

    public static YuvFrame frame(int width, int height, byte[][] planes, int[] rowStrides, int[] pixelStrides) {
        ByteBuffer[] buffers = new ByteBuffer[planes.length];
        for (int i = 0; i < planes.length; i++) {
            buffers[i] = ByteBuffer.wrap(planes[i]);
        }
        return new YuvFrame(width, height, buffers, rowStrides, pixelStrides);
    }

    /** A folder for results or screens, made if it is not there. */
    public static Path out(String name) throws IOException {
        return Files.createDirectories(folder("bench.out").resolve(name));
    }

    private static Path folder(String property) {
        return Paths.get(System.getProperty(property));
    }
}
