package org.posedistill.bench;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Locale;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** A model's bytes with the JSON that belongs to them. */
final class LoadedModel {
    final String name;
    final ModelInfo info;
    /** Direct, as the runtime wants it. */
    final ByteBuffer content;

    private LoadedModel(String name, ModelInfo info, ByteBuffer content) {
        this.name = name;
        this.info = info;
        this.content = content;
    }

    static LoadedModel read(Storage storage, String model, String metadata) throws BenchmarkException {
        byte[] text = storage.read(metadata, BenchmarkException.Kind.MODEL);
        ModelInfo info = ModelInfo.parse(new String(text, StandardCharsets.UTF_8), metadata);
        byte[] content = storage.read(model, BenchmarkException.Kind.MODEL);
        if (!sha256(content).equals(info.sha256)) {
            throw new BenchmarkException(BenchmarkException.Kind.MODEL, model + " is not the model that " + metadata
                    + " describes: their SHA-256 differ; push both of one export");
        }
        ByteBuffer buffer = ByteBuffer.allocateDirect(content.length).order(ByteOrder.nativeOrder());
        buffer.put(content);
        buffer.rewind();
        return new LoadedModel(model, info, buffer);
    }

    JSONObject toJson() throws JSONException {
        return new JSONObject()
                .put("file", name)
                .put("sha256", info.sha256)
                .put("bytes", content.capacity())
                .put("network", info.network)
                .put("trained", info.trained == null ? JSONObject.NULL : info.trained)
                .put("input", new JSONArray().put(info.width).put(info.height))
                .put("precision", info.input.dtype);
    }

    private static String sha256(byte[] content) {
        try {
            StringBuilder hex = new StringBuilder();
            for (byte part : MessageDigest.getInstance("SHA-256").digest(content)) {
                hex.append(String.format(Locale.ROOT, "%02x", part & 255));
            }
            return hex.toString();
        } catch (NoSuchAlgorithmException error) {
            throw new IllegalStateException(error);
        }
    }
}
