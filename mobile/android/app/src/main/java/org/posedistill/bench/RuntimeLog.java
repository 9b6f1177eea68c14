package org.posedistill.bench;

import android.os.Process;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.text.SimpleDateFormat;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Locale;

/** What native code of this process logs from a moment on; an app may read its own lines. */
final class RuntimeLog {
    private final String since;

    private RuntimeLog(String since) {
        this.since = since;
    }

    static RuntimeLog fromNow() {
        return new RuntimeLog(new SimpleDateFormat("MM-dd HH:mm:ss.SSS", Locale.ROOT).format(new Date()));
    }

    /** The lines so far; none where the log cannot be read. */
    List<String> lines() {
        List<String> lines = new ArrayList<>();
        java.lang.Process logcat = null;
        try {
            logcat = new ProcessBuilder("logcat", "-d", "-v", "raw", "-T", since, "--pid=" + Process.myPid())
                    .redirectErrorStream(true)
                    .start();
            BufferedReader reader =
                    new BufferedReader(new InputStreamReader(logcat.getInputStream(), StandardCharsets.UTF_8));
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                lines.add(line);
            }
        } catch (IOException error) {
            lines.clear();
        } finally {
            if (logcat != null) {
                logcat.destroy();
            }
        }
        return lines;
    }
}
