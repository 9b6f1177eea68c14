package org.posedistill.bench;

import android.content.Context;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileNotFoundException;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.json.JSONException;
import org.json.JSONObject;

/** Files that adb pushed, files inside the APK, and results. */
final class Storage {
    private static final String SCENES = "scenes";
    /** Where adb may push what the app's own folder does not take; other paths are nobody's to name. */
    private static final String PUSHED = "/data/local/tmp/pose-distill-bench/";

    private final Context context;

    Storage(Context context) {
        this.context = context;
    }

    /** Folder that adb reads and writes, null while the shared storage is not there. */
    File folder() {
        return context.getExternalFilesDir(null);
    }

    /**
     * A whole file: of that name among the pushed files, or inside the APK, or of a path below `PUSHED`.
     *
     * @param kind what to call it in the error when there is none
     */
    byte[] read(String name, BenchmarkException.Kind kind) throws BenchmarkException {
        try (InputStream stream = open(name)) {
            ByteArrayOutputStream content = new ByteArrayOutputStream();
            byte[] part = new byte[1 << 16];
            for (int count = stream.read(part); count >= 0; count = stream.read(part)) {
                content.write(part, 0, count);
            }
            return content.toByteArray();
        } catch (FileNotFoundException error) {
            throw new BenchmarkException(kind, "there is no " + name + " in " + folder() + " nor in the app; push it with adb",
                    error);
        } catch (IOException error) {
            throw new BenchmarkException(kind, name + " cannot be read: " + error.getMessage(), error);
        }
    }

    /** Whether there is such a file. */
    boolean has(String name) {
        try (InputStream stream = open(name)) {
            return stream != null;
        } catch (IOException | BenchmarkException missing) {
            return false;
        }
    }

    private InputStream open(String name) throws IOException, BenchmarkException {
        if (Arrays.asList(name.split("/")).contains("..") || (name.startsWith("/") && !name.startsWith(PUSHED))) {
            throw new BenchmarkException(BenchmarkException.Kind.REQUEST,
                    name + " is no name of a pushed file; push it into " + folder() + " or " + PUSHED);
        }
        File pushed = name.startsWith("/") ? new File(name) : new File(folder(), name);
        return pushed.isFile() ? new FileInputStream(pushed) : context.getAssets().open(name);
    }

    /** Names of the photographs inside the APK. */
    List<String> scenes() {
        List<String> names = new ArrayList<>();
        try {
            String[] files = context.getAssets().list(SCENES);
            Arrays.sort(files);
            for (String file : files) {
                names.add(SCENES + "/" + file);
            }
        } catch (IOException error) {
            names.clear();
        }
        return names;
    }

    /** Write a result; a name that is taken gets a number, so that nothing is overwritten. */
    File writeResult(String name, JSONObject result) throws BenchmarkException {
        try {
            return write(name, ByteBuffer.wrap((result.toString(2) + "\n").getBytes(StandardCharsets.UTF_8)));
        } catch (JSONException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** Write buffers one after the other among the results, under a temporary name that is then changed. */
    File write(String name, ByteBuffer... content) throws BenchmarkException {
        File results = new File(folder(), "results");
        File temporary = new File(results, "." + name + ".partial");
        try {
            if (folder() == null || !(results.isDirectory() || results.mkdirs())) {
                throw new IOException("the folder " + results + " cannot be made");
            }
            try (FileOutputStream stream = new FileOutputStream(temporary)) {
                for (ByteBuffer part : content) {
                    part.rewind();
                    while (part.hasRemaining()) {
                        stream.getChannel().write(part);
                    }
                }
                stream.getFD().sync();
            }
            File file = free(results, name);
            if (!temporary.renameTo(file)) {
                throw new IOException(temporary.getName() + " cannot be renamed");
            }
            return file;
        } catch (IOException error) {
            throw new BenchmarkException(BenchmarkException.Kind.STORAGE,
                    "result " + new File(results, name) + " cannot be written: " + error.getMessage(), error);
        } finally {
            temporary.delete();
        }
    }

    private static File free(File folder, String name) {
        int dot = name.lastIndexOf('.');
        File file = new File(folder, name);
        for (int number = 2; file.exists(); number++) {
            file = new File(folder, name.substring(0, dot) + "-" + number + name.substring(dot));
        }
        return file;
    }

    /** Folder for what a delegate compiles. */
    File cache() {
        return context.getCacheDir();
    }
}
