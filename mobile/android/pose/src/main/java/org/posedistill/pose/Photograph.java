package org.posedistill.pose;

import android.graphics.Bitmap;
import android.graphics.BitmapFactory;
import android.media.ExifInterface;
import java.io.ByteArrayInputStream;
import java.io.IOException;

/** Pixels of a photograph, 0xAARRGGBB, row by row. */
public final class Photograph {
    /** 64 MB in memory; a canvas draws up to 100 MB. */
    static final int MOST_PIXELS = 16_000_000;

    /** Of the pixels that are here. */
    public final int width;
    /** Of the pixels that are here. */
    public final int height;
    /** The pixels, 0xAARRGGBB, row by row. */
    public final int[] pixels;
    /** Of the photograph itself, in whose pixels persons are given. */
    public final int fullWidth;
    /** Of the photograph itself. */
    public final int fullHeight;
    /** Pixels of the photograph itself to a pixel here, along a side. */
    public final int reduction;

    /**
     * A photograph whose pixels are all here.
     *
     * @param width in pixels
     * @param height in pixels
     * @param pixels 0xAARRGGBB, row by row
     */
    public Photograph(int width, int height, int[] pixels) {
        this(width, height, pixels, width, height, 1);
    }

    private Photograph(int width, int height, int[] pixels, int fullWidth, int fullHeight, int reduction) {
        if (pixels.length != width * height) {
            throw new IllegalArgumentException(pixels.length + " pixels are not " + width + " x " + height);
        }
        this.width = width;
        this.height = height;
        this.pixels = pixels;
        this.fullWidth = fullWidth;
        this.fullHeight = fullHeight;
        this.reduction = reduction;
    }

    /**
     * Decode a PNG, JPEG or WebP and turn it as its EXIF says.
     *
     * <p>One of more than 16 million pixels is decoded at a half, a quarter, ... of its sides.
     *
     * @param content the file
     * @param name for the error
     * @return the photograph, upright
     * @throws PoseException it is no picture that Android can read
     */
    public static Photograph decode(byte[] content, String name) throws PoseException {
        BitmapFactory.Options options = new BitmapFactory.Options();
        options.inJustDecodeBounds = true;
        BitmapFactory.decodeByteArray(content, 0, content.length, options);
        int fullWidth = options.outWidth;
        int fullHeight = options.outHeight;
        options.inJustDecodeBounds = false;
        options.inPreferredConfig = Bitmap.Config.ARGB_8888;
        options.inScaled = false;
        options.inSampleSize = sampleSize(fullWidth, fullHeight);
        Bitmap bitmap = BitmapFactory.decodeByteArray(content, 0, content.length, options);
        if (bitmap == null) {
            throw new PoseException(PoseException.Kind.PHOTOGRAPH,
                    "photograph " + name + " is no picture that Android can read; push a JPEG or PNG");
        }
        int[] pixels = new int[bitmap.getWidth() * bitmap.getHeight()];
        bitmap.getPixels(pixels, 0, bitmap.getWidth(), 0, 0, bitmap.getWidth(), bitmap.getHeight());
        Photograph photograph = new Photograph(bitmap.getWidth(), bitmap.getHeight(), pixels, fullWidth, fullHeight,
                options.inSampleSize);
        bitmap.recycle();
        return photograph.oriented(orientation(content));
    }

    static int sampleSize(int width, int height) {
        int size = 1;
        while ((long) (width / size) * (height / size) > MOST_PIXELS) {
            size *= 2;
        }
        return size;
    }

    private static int orientation(byte[] content) {
        try {
            return new ExifInterface(new ByteArrayInputStream(content))
                    .getAttributeInt(ExifInterface.TAG_ORIENTATION, ExifInterface.ORIENTATION_NORMAL);
        } catch (IOException | RuntimeException none) {
            return ExifInterface.ORIENTATION_NORMAL;
        }
    }

    /** As EXIF's orientations 1 to 8 want it seen; another number is none. */
    Photograph oriented(int orientation) {
        if (orientation < 2 || orientation > 8) {
            return this;
        }
        boolean sideways = orientation >= 5;
        int newWidth = sideways ? height : width;
        int newHeight = sideways ? width : height;
        boolean mirrored = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
        boolean upsideDown = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
        int[] turned = new int[pixels.length];
        for (int y = 0; y < newHeight; y++) {
            for (int x = 0; x < newWidth; x++) {
                int column = sideways ? y : x;
                int row = sideways ? x : y;
                column = mirrored ? width - 1 - column : column;
                row = upsideDown ? height - 1 - row : row;
                turned[y * newWidth + x] = pixels[row * width + column];
            }
        }
        return new Photograph(newWidth, newHeight, turned, sideways ? fullHeight : fullWidth,
                sideways ? fullWidth : fullHeight, reduction);
    }

    /** Half as large, each pixel the mean of two by two; an odd side's last pixel counts twice. */
    Photograph halved() {
        int halfWidth = (width + 1) / 2;
        int halfHeight = (height + 1) / 2;
        int[] half = new int[halfWidth * halfHeight];
        for (int y = 0; y < halfHeight; y++) {
            int top = 2 * y * width;
            int bottom = Math.min(2 * y + 1, height - 1) * width;
            for (int x = 0; x < halfWidth; x++) {
                int left = 2 * x;
                int right = Math.min(left + 1, width - 1);
                int mean = 0;
                for (int shift = 16; shift >= 0; shift -= 8) {
                    int four = (pixels[top + left] >> shift & 255) + (pixels[top + right] >> shift & 255)
                            + (pixels[bottom + left] >> shift & 255) + (pixels[bottom + right] >> shift & 255);
                    mean |= four + 2 >> 2 << shift;
                }
                half[y * halfWidth + x] = 0xff000000 | mean;
            }
        }
        return new Photograph(halfWidth, halfHeight, half, fullWidth, fullHeight, 2 * reduction);
    }

    /**
     * The pixels as Android shows them.
     *
     * @return a new bitmap
     */
    public Bitmap toBitmap() {
        return Bitmap.createBitmap(pixels, width, height, Bitmap.Config.ARGB_8888);
    }
}
