package org.tensorflow.lite.nnapi;

import org.tensorflow.lite.Delegate;
import org.tensorflow.lite.Interpreter;

/** A stand-in, see {@link Interpreter}. */
public class NnApiDelegate implements Delegate {
    public static Options lastOptions;

    public NnApiDelegate(Options options) {
        lastOptions = options;
        Interpreter.happen("nnapi");
    }

    @Override
    public long getNativeHandle() {
        return 0;
    }

    @Override
    public void close() {
        Interpreter.happen("close nnapi");
    }

    /** Keeps what was set. */
    public static final class Options {
        public static final int EXECUTION_PREFERENCE_FAST_SINGLE_ANSWER = 1;
        public static final int EXECUTION_PREFERENCE_SUSTAINED_SPEED = 2;

        public Boolean nnapiCpu;
        public Boolean fp16;
        public int preference = -1;
        public String cacheDir;
        public String token;

        public Options setUseNnapiCpu(boolean use) {
            nnapiCpu = use;
            return this;
        }

        public Options setAllowFp16(boolean allow) {
            fp16 = allow;
            return this;
        }

        public Options setExecutionPreference(int value) {
            preference = value;
            return this;
        }

        public Options setCacheDir(String folder) {
            cacheDir = folder;
            return this;
        }

        public Options setModelToken(String name) {
            token = name;
            return this;
        }
    }
}
