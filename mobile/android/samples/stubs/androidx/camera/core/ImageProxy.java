package androidx.camera.core;

import java.nio.ByteBuffer;

/** What the sample uses of CameraX 1.3, which is not on Maven Central; only to compile against. */
public interface ImageProxy extends AutoCloseable {
    @Override
    void close();

    int getWidth();

    int getHeight();

    PlaneProxy[] getPlanes();

    ImageInfo getImageInfo();

    /** A plane. */
    interface PlaneProxy {
        int getRowStride();

        int getPixelStride();

        ByteBuffer getBuffer();
    }
}
