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
import org.posedistill.pose.ModelInfo;
import org.posedistill.pose.PackedMetadata;
import org.posedistill.pose.PoseException;

/** A model's file with what its JSON says of it, where there is one: beside it, or packed behind it. */
final class LoadedModel {
    private static final String UNKNOWN = "unknown";

    final String name;
    /** Null for a model that nothing describes; its times can be measured all the same. */
    final ModelInfo info;
    /** The model alone, as the runtime takes it. */
    final ByteBuffer content;
    final String sha256;

    private LoadedModel(String name, ModelInfo info, ByteBuffer content, String sha256) {
        this.name = name;
        this.info = info;
        this.content = content;
        this.sha256 = sha256;
    }

    static LoadedModel read(Storage storage, Request request) throws BenchmarkException, PoseException {
        byte[] content = storage.read(request.model, BenchmarkException.Kind.MODEL);
        PackedMetadata packed = PackedMetadata.of(content);
        boolean beside = request.namesMetadata || storage.has(request.metadata);
        String text = beside
                ? new String(storage.read(request.metadata, BenchmarkException.Kind.MODEL), StandardCharsets.UTF_8)
                : packed.json;
        String origin = beside ? request.metadata : "the JSON in " + request.model;
        ModelInfo info = text == null ? null : ModelInfo.parse(text, origin);
        String sha256 = sha256(content, packed.modelLength);
        if (info != null && !sha256.equals(info.sha256)) {
            throw new BenchmarkException(BenchmarkException.Kind.MODEL, request.model + " is not the model that " + origin
                    + " describes: their SHA-256 differ; push both of one export");
        }
        ByteBuffer buffer = ByteBuffer.allocateDirect(packed.modelLength).order(ByteOrder.nativeOrder());
        buffer.put(content, 0, packed.modelLength);
        buffer.rewind();
        return new LoadedModel(request.model, info, buffer, sha256);
    }

    JSONObject toJson() throws JSONException {
        JSONObject json = new JSONObject().put("file", name).put("sha256", sha256).put("bytes", content.capacity());
        boolean known = info != null;
        return json.put("network", known ? info.network : UNKNOWN)
                .put("trained", known && info.trained != null ? info.trained : JSONObject.NULL)
                .put("input", known ? new JSONArray().put(info.width).put(info.height) : JSONObject.NULL)
                .put("input_type", known ? info.input.dtype : UNKNOWN)
                .put("precision", known ? info.precision : UNKNOWN);
    }

    private static String sha256(byte[] content, int length) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            digest.update(content, 0, length);
            StringBuilder hex = new StringBuilder();
            for (byte part : digest.digest()) {
                hex.append(String.format(Locale.ROOT, "%02x", part & 255));
            }
            return hex.toString();
        } catch (NoSuchAlgorithmException error) {
            throw new IllegalStateException(error);
        }
    }
}
