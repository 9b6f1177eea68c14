package androidx.camera.core;

/** See {@link ImageProxy}. */
public final class ImageAnalysis {
    private ImageAnalysis() {}

    /** Hears of frames. */
    public interface Analyzer {
        void analyze(ImageProxy image);
    }
}
