package org.posedistill.bench;

import android.graphics.Bitmap;
import android.graphics.BitmapFactory;

/** Pixels of a photograph, 0xAARRGGBB, row by row. */
final class Photograph {
    final int width;
    final int height;
    final int[] pixels;

    Photograph(int width, int height, int[] pixels) {
        if (pixels.length != width * height) {
            throw new IllegalArgumentException(pixels.length + " pixels are not " + width + " x " + height);
        }
        this.width = width;
        this.height = height;
        this.pixels = pixels;
    }

    /** Decode a PNG, JPEG or WebP; {@code name} is for the error. */
    static Photograph decode(byte[] content, String name) throws BenchmarkException {
        BitmapFactory.Options options = new BitmapFactory.Options();
        options.inPreferredConfig = Bitmap.Config.ARGB_8888;
        options.inScaled = false;
        Bitmap bitmap = BitmapFactory.decodeByteArray(content, 0, content.length, options);
        if (bitmap == null) {
            throw new BenchmarkException(BenchmarkException.Kind.PHOTOGRAPH,
                    "photograph " + name + " is no picture that Android can read; push a JPEG or PNG");
        }
        int[] pixels = new int[bitmap.getWidth() * bitmap.getHeight()];
        bitmap.getPixels(pixels, 0, bitmap.getWidth(), 0, 0, bitmap.getWidth(), bitmap.getHeight());
        Photograph photograph = new Photograph(bitmap.getWidth(), bitmap.getHeight(), pixels);
        bitmap.recycle();
        return photograph;
    }

    Bitmap toBitmap() {
        return Bitmap.createBitmap(pixels, width, height, Bitmap.Config.ARGB_8888);
    }
}
