package org.posedistill.pose;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/** The JSON that an export packs behind a .tflite, as a zip archive that the runtime does not look at. */
public final class PackedMetadata {
    /** Name of the JSON in the archive. */
    public static final String ENTRY = "pose.json";
    private static final int END_SIGNATURE = 0x06054b50;
    private static final int END_SIZE = 22;
    private static final int LARGEST = 1 << 24;

    /** Bytes of the model alone. */
    public final int modelLength;
    /** Null for a model that carries none. */
    public final String json;

    private PackedMetadata(int modelLength, String json) {
        this.modelLength = modelLength;
        this.json = json;
    }

    /**
     * Take a .tflite apart.
     *
     * @param content the whole file
     * @return how far the model goes, and the JSON behind it
     */
    public static PackedMetadata of(byte[] content) {
        ByteBuffer bytes = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN);
        int end = content.length - END_SIZE;
        if (end >= 0 && bytes.getInt(end) == END_SIGNATURE) {
            long start = end - (bytes.getInt(end + 12) & 0xffffffffL) - (bytes.getInt(end + 16) & 0xffffffffL);
            String json = start < 0 ? null : read(content, (int) start);
            if (json != null) {
                return new PackedMetadata((int) start, json);
            }
        }
        return new PackedMetadata(content.length, null);
    }

    private static String read(byte[] content, int start) {
        try (ZipInputStream zip = new ZipInputStream(new ByteArrayInputStream(content, start, content.length - start))) {
            ZipEntry entry = zip.getNextEntry();
            if (entry == null || !entry.getName().equals(ENTRY)) {
                return null;
            }
            ByteArrayOutputStream text = new ByteArrayOutputStream();
            byte[] part = new byte[1 << 14];
            for (int count = zip.read(part); count >= 0 && text.size() < LARGEST; count = zip.read(part)) {
                text.write(part, 0, count);
            }
            return new String(text.toByteArray(), StandardCharsets.UTF_8);
        } catch (IOException damaged) {
            return null;
        }
    }
}
