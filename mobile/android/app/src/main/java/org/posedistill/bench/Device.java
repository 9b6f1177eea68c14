package org.posedistill.bench;

import android.content.Context;
import android.content.Intent;
import android.content.IntentFilter;
import android.content.pm.ApplicationInfo;
import android.os.BatteryManager;
import android.os.Build;
import android.os.PowerManager;
import android.os.Process;
import android.system.Os;
import android.system.OsConstants;
import java.io.BufferedReader;
import java.io.FileReader;
import java.io.FileWriter;
import java.io.IOException;
import org.json.JSONException;
import org.json.JSONObject;

/** What can be told of the phone and of this process. */
final class Device {
    private static final String[] THERMAL =
            {"none", "light", "moderate", "severe", "critical", "emergency", "shutdown"};
    private static final String UNKNOWN = "unknown";

    private Device() {}

    static JSONObject describe(Context context) throws JSONException {
        return new JSONObject()
                .put("manufacturer", Build.MANUFACTURER)
                .put("model", Build.MODEL)
                .put("soc", soc())
                .put("android", Build.VERSION.RELEASE)
                .put("api_level", Build.VERSION.SDK_INT)
                .put("abi", abi())
                .put("cores", Runtime.getRuntime().availableProcessors())
                .put("page_size", pageSize())
                .put("debuggable", (context.getApplicationInfo().flags & ApplicationInfo.FLAG_DEBUGGABLE) != 0);
    }

    /** Bytes of a memory page, or `unknown`; a runtime that is aligned to 4 KB may not load where they are larger. */
    static Object pageSize() {
        try {
            long size = Os.sysconf(OsConstants._SC_PAGESIZE);
            return size > 0 ? (Object) size : UNKNOWN;
        } catch (RuntimeException | LinkageError error) {
            return UNKNOWN;
        }
    }

    private static String soc() {
        return Build.VERSION.SDK_INT >= 31 ? Build.SOC_MANUFACTURER + " " + Build.SOC_MODEL : Build.HARDWARE;
    }

    private static String abi() {
        String[] possible = Process.is64Bit() ? Build.SUPPORTED_64_BIT_ABIS : Build.SUPPORTED_32_BIT_ABIS;
        return possible.length == 0 ? UNKNOWN : possible[0];
    }

    /** How warm the phone says it is. */
    static JSONObject thermal(Context context) throws JSONException {
        String status = UNKNOWN;
        if (Build.VERSION.SDK_INT >= 29) {
            int number = context.getSystemService(PowerManager.class).getCurrentThermalStatus();
            status = number >= 0 && number < THERMAL.length ? THERMAL[number] : UNKNOWN;
        }
        Intent battery = context.registerReceiver(null, new IntentFilter(Intent.ACTION_BATTERY_CHANGED));
        int tenths = battery == null ? -1 : battery.getIntExtra(BatteryManager.EXTRA_TEMPERATURE, -1);
        return new JSONObject()
                .put("status", status)
                .put("battery_celsius", tenths < 0 ? (Object) UNKNOWN : (Object) (tenths / 10.0));
    }

    /** Let the peak of the memory begin anew; whether the kernel did so, which an app must be profileable for. */
    static boolean resetPeakMemory() {
        try (FileWriter writer = new FileWriter("/proc/self/clear_refs")) {
            writer.write("5");
        } catch (IOException error) {
            return false;
        }
        Object now = memory();
        Object peak = peakMemory();
        return now instanceof Long && peak instanceof Long && (Long) peak <= (Long) now + (1 << 22);
    }

    /** Resident memory of this process in bytes, or `unknown`. */
    static Object memory() {
        return status("VmRSS:");
    }

    /** Highest resident memory of this process in bytes, or `unknown`. */
    static Object peakMemory() {
        return status("VmHWM:");
    }

    private static Object status(String field) {
        try (BufferedReader reader = new BufferedReader(new FileReader("/proc/self/status"))) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                if (line.startsWith(field)) {
                    return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
                }
            }
        } catch (IOException | NumberFormatException error) {
            return UNKNOWN;
        }
        return UNKNOWN;
    }
}
