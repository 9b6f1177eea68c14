package org.posedistill.bench;

import android.annotation.SuppressLint;
import android.content.Context;
import android.graphics.ImageFormat;
import android.hardware.camera2.CameraAccessException;
import android.hardware.camera2.CameraCaptureSession;
import android.hardware.camera2.CameraCharacteristics;
import android.hardware.camera2.CameraDevice;
import android.hardware.camera2.CameraManager;
import android.hardware.camera2.CaptureRequest;
import android.hardware.camera2.params.StreamConfigurationMap;
import android.media.Image;
import android.media.ImageReader;
import android.os.Handler;
import android.os.HandlerThread;
import android.util.Size;
import java.io.Closeable;
import java.nio.ByteBuffer;
import java.util.Collections;
import org.posedistill.pose.Photograph;
import org.posedistill.pose.YuvFrame;

/** Frames of the back camera, or of the first there is; a frame that comes while one is looked at is dropped. */
final class Camera implements Closeable {
    private static final int PIXELS = 640 * 480;

    /** Hears of frames on the camera's own thread, and of what goes wrong. */
    interface Listener {
        /** {@code taken} is when the frame was there, before it was converted and turned, by {@code System.nanoTime()}. */
        void onFrame(Photograph frame, long taken);

        void onTrouble(String message);

        /** How far the screen is turned now, degrees. */
        int displayDegrees();
    }

    private final HandlerThread thread = new HandlerThread("camera");
    private final Listener listener;
    private final Handler handler;
    private ImageReader reader;
    private CameraDevice device;
    private boolean closed;

    Camera(Listener listener) {
        this.listener = listener;
        thread.start();
        handler = new Handler(thread.getLooper());
    }

    /** Begin; the permission has been granted. */
    @SuppressLint("MissingPermission")
    void open(Context context) {
        CameraManager manager = context.getSystemService(CameraManager.class);
        try {
            String id = choose(manager);
            if (id == null) {
                listener.onTrouble("This device has no camera.");
                return;
            }
            CameraCharacteristics characteristics = manager.getCameraCharacteristics(id);
            reader = readerFor(characteristics);
            manager.openCamera(id, new Opened(), handler);
        } catch (CameraAccessException | RuntimeException error) {
            listener.onTrouble("The camera cannot be opened: " + error.getMessage());
        }
    }

    private static String choose(CameraManager manager) throws CameraAccessException {
        String[] ids = manager.getCameraIdList();
        for (String id : ids) {
            if (faces(manager.getCameraCharacteristics(id), CameraCharacteristics.LENS_FACING_BACK)) {
                return id;
            }
        }
        return ids.length == 0 ? null : ids[0];
    }

    private static boolean faces(CameraCharacteristics characteristics, int direction) {
        Integer facing = characteristics.get(CameraCharacteristics.LENS_FACING);
        return facing != null && facing == direction;
    }

    /**
     * By how much a frame must be turned clockwise to stand upright on the screen.
     *
     * @param sensor how far the camera's own picture is turned in the phone held upright, degrees
     * @param display how far the screen is turned against the phone, degrees
     */
    static int turn(int sensor, boolean front, int display) {
        return (sensor + (front ? display : 360 - display)) % 360;
    }

    private ImageReader readerFor(CameraCharacteristics characteristics) {
        StreamConfigurationMap map = characteristics.get(CameraCharacteristics.SCALER_STREAM_CONFIGURATION_MAP);
        Size[] sizes = map == null ? null : map.getOutputSizes(ImageFormat.YUV_420_888);
        Size best = new Size(640, 480);
        int worst = Integer.MAX_VALUE;
        for (Size size : sizes == null ? new Size[0] : sizes) {
            int off = Math.abs(size.getWidth() * size.getHeight() - PIXELS);
            if (off < worst) {
                worst = off;
                best = size;
            }
        }
        Integer orientation = characteristics.get(CameraCharacteristics.SENSOR_ORIENTATION);
        final int sensor = orientation == null ? 0 : orientation;
        final boolean front = faces(characteristics, CameraCharacteristics.LENS_FACING_FRONT);
        ImageReader frames = ImageReader.newInstance(best.getWidth(), best.getHeight(), ImageFormat.YUV_420_888, 2);
        frames.setOnImageAvailableListener(new ImageReader.OnImageAvailableListener() {
            @Override
            public void onImageAvailable(ImageReader source) {
                // Asked for each frame: a phone turned by half tells its apps nothing.
                pass(source, turn(sensor, front, listener.displayDegrees()));
            }
        }, handler);
        return frames;
    }

    private void pass(ImageReader source, int degrees) {
        synchronized (this) {
            if (closed) {
                return;
            }
        }
        try (Image image = source.acquireLatestImage()) {
            long taken = System.nanoTime();
            if (image != null) {
                listener.onFrame(toFrame(image).turned(degrees), taken);
            }
        } catch (RuntimeException | OutOfMemoryError error) {
            listener.onTrouble(BenchmarkException.of(error).getMessage());
        }
    }

    private static YuvFrame toFrame(Image image) {
        Image.Plane[] planes = image.getPlanes();
        ByteBuffer[] buffers = new ByteBuffer[planes.length];
        int[] rows = new int[planes.length];
        int[] pixels = new int[planes.length];
        for (int i = 0; i < planes.length; i++) {
            buffers[i] = planes[i].getBuffer();
            rows[i] = planes[i].getRowStride();
            pixels[i] = planes[i].getPixelStride();
        }
        return new YuvFrame(image.getWidth(), image.getHeight(), buffers, rows, pixels);
    }

    @Override
    public synchronized void close() {
        closed = true;
        if (device != null) {
            device.close();
        }
        final ImageReader frames = reader;
        if (frames != null) {
            // On the camera's own thread, so that no frame is being read while its memory goes.
            handler.post(new Runnable() {
                @Override
                public void run() {
                    frames.close();
                }
            });
        }
        thread.quitSafely();
    }

    private final class Opened extends CameraDevice.StateCallback {
        @Override
        @SuppressWarnings("deprecation")
        public void onOpened(CameraDevice opened) {
            synchronized (Camera.this) {
                if (closed) {
                    opened.close();
                    return;
                }
                device = opened;
            }
            try {
                // The session API that replaces this one begins with Android 9.
                opened.createCaptureSession(Collections.singletonList(reader.getSurface()), new Configured(opened), handler);
            } catch (CameraAccessException | RuntimeException error) {
                listener.onTrouble("The camera gives no pictures: " + error.getMessage());
            }
        }

        @Override
        public void onDisconnected(CameraDevice lost) {
            lost.close();
            listener.onTrouble("Another app has taken the camera.");
        }

        @Override
        public void onError(CameraDevice failed, int code) {
            failed.close();
            listener.onTrouble("The camera failed with error " + code + ".");
        }
    }

    private final class Configured extends CameraCaptureSession.StateCallback {
        private final CameraDevice opened;

        Configured(CameraDevice opened) {
            this.opened = opened;
        }

        @Override
        public void onConfigured(CameraCaptureSession session) {
            try {
                CaptureRequest.Builder builder = opened.createCaptureRequest(CameraDevice.TEMPLATE_PREVIEW);
                builder.addTarget(reader.getSurface());
                session.setRepeatingRequest(builder.build(), null, handler);
            } catch (CameraAccessException | RuntimeException error) {
                listener.onTrouble("The camera gives no pictures: " + error.getMessage());
            }
        }

        @Override
        public void onConfigureFailed(CameraCaptureSession session) {
            listener.onTrouble("The camera refuses pictures of this size.");
        }
    }
}
