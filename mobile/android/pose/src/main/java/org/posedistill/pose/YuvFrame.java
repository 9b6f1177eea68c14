package org.posedistill.pose;

import java.nio.ByteBuffer;

/** A camera picture as Android gives it: brightness Y, and colours U and V at half its size (BT.601, full range). */
public final class YuvFrame {
    private final int width;
    private final int height;
    private final ByteBuffer[] planes;
    private final int[] rowStrides;
    private final int[] pixelStrides;

    /**
     * A frame over the camera's own buffers.
     *
     * @param width in pixels
     * @param height in pixels
     * @param planes Y, U, V
     * @param rowStrides bytes from row to row, by plane
     * @param pixelStrides bytes from pixel to pixel, by plane
     */
    public YuvFrame(int width, int height, ByteBuffer[] planes, int[] rowStrides, int[] pixelStrides) {
        this.width = width;
        this.height = height;
        this.planes = planes;
        this.rowStrides = rowStrides;
        this.pixelStrides = pixelStrides;
    }

    /**
     * The picture, turned.
     *
     * @param degrees clockwise, 0, 90, 180 or 270
     * @return a photograph of its own, which stays when the camera takes its buffers back
     */
    public Photograph turned(int degrees) {
        boolean upright = degrees % 180 == 0;
        int newWidth = upright ? width : height;
        int newHeight = upright ? height : width;
        int[] pixels = new int[width * height];
        for (int y = 0; y < newHeight; y++) {
            for (int x = 0; x < newWidth; x++) {
                int column = degrees == 0 ? x : degrees == 90 ? y : degrees == 180 ? width - 1 - x : width - 1 - y;
                int row = degrees == 0 ? y : degrees == 90 ? height - 1 - x : degrees == 180 ? height - 1 - y : x;
                pixels[y * newWidth + x] = pixel(column, row);
            }
        }
        return new Photograph(newWidth, newHeight, pixels);
    }

    private int pixel(int column, int row) {
        int y = sample(0, column, row);
        int u = sample(1, column / 2, row / 2) - 128;
        int v = sample(2, column / 2, row / 2) - 128;
        // The factors of BT.601 in 16 bits behind the point.
        int red = y + (91881 * v + 32768 >> 16);
        int green = y - (22554 * u + 46802 * v + 32768 >> 16);
        int blue = y + (116130 * u + 32768 >> 16);
        return 0xff000000 | clip(red) << 16 | clip(green) << 8 | clip(blue);
    }

    private int sample(int plane, int column, int row) {
        return planes[plane].get(row * rowStrides[plane] + column * pixelStrides[plane]) & 255;
    }

    private static int clip(int value) {
        return Math.max(0, Math.min(255, value));
    }
}
