package org.posedistill.bench;

import android.content.Context;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileNotFoundException;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.json.JSONException;
import org.json.JSONObject;

/** Files that adb pushed, files inside the APK, and results. */
final class Storage {
    private static final String SCENES = "scenes";

    private final Context context;

    Storage(Context context) {
        this.context = context;
    }

    /** Folder that adb reads and writes, null while the shared storage is not there. */
    private File folder() {
        return context.getExternalFilesDir(null);
    }

    /**
     * A whole file: of that absolute path, or of that name among the pushed files, or inside the APK.
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

    private InputStream open(String name) throws IOException {
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

    /** Write a result under a temporary name and rename it. */
    File writeResult(String name, JSONObject result) throws BenchmarkException {
        File results = new File(folder(), "results");
        File file = new File(results, name);
        File temporary = new File(results, "." + name + ".partial");
        try {
            if (folder() == null || !(results.isDirectory() || results.mkdirs())) {
                throw new IOException("the folder " + results + " cannot be made");
            }
            try (FileOutputStream stream = new FileOutputStream(temporary)) {
                stream.write((result.toString(2) + "\n").getBytes(StandardCharsets.UTF_8));
                stream.getFD().sync();
            }
            if (!temporary.renameTo(file)) {
                throw new IOException(temporary.getName() + " cannot be renamed");
            }
            return file;
        } catch (IOException | JSONException error) {
            throw new BenchmarkException(BenchmarkException.Kind.STORAGE,
                    "result " + file + " cannot be written: " + error.getMessage(), error);
        } finally {
            temporary.delete();
        }
    }
}
