package org.posedistill.pose;

/**
 * How a photograph is fitted into a model's input: scaled with its aspect kept, centred, the rest padded.
 *
 * <p>Continuous pixels: x_input = scale * x_photograph + offset; pixel i covers i to i + 1.
 */
public final class Letterbox {
    private static final double LARGEST_STEP = 0.25;

    /** Of the input, pixels. */
    public final int width;
    /** Of the input, pixels. */
    public final int height;
    /** Pixels of the input to a pixel of the photograph. */
    public final double scale;
    /** Of the photograph's left edge in the input, pixels. */
    public final double offsetX;
    /** Of the photograph's upper edge in the input, pixels. */
    public final double offsetY;

    /**
     * How a photograph of one size goes into an input of another; sizes in pixels.
     *
     * @param photographWidth of the photograph itself, also where it was decoded smaller
     * @param photographHeight of the photograph itself
     * @param width of the input
     * @param height of the input
     */
    public Letterbox(int photographWidth, int photographHeight, int width, int height) {
        this.width = width;
        this.height = height;
        scale = Math.min((double) width / photographWidth, (double) height / photographHeight);
        offsetX = (width - scale * photographWidth) / 2;
        offsetY = (height - scale * photographHeight) / 2;
    }

    /**
     * From the input to the photograph.
     *
     * @param x in the input, pixels
     * @return in the photograph, pixels
     */
    public double toPhotographX(double x) {
        return (x - offsetX) / scale;
    }

    /**
     * From the input to the photograph.
     *
     * @param y in the input, pixels
     * @return in the photograph, pixels
     */
    public double toPhotographY(double y) {
        return (y - offsetY) / scale;
    }

    /**
     * Sample the photograph bilinearly once for each pixel of the input.
     *
     * <p>One that is four times as large as is needed, or more, is halved first until it no longer is: between the four
     * pixels that bilinear sampling looks at would else lie too many that it does not.
     *
     * @param given the photograph
     * @param padding red, green, blue of what the photograph does not cover
     * @param out receives height x width x RGB, each 0..255, or RGBA, opaque, where it has room for that
     */
    public void fill(Photograph given, int[] padding, byte[] out) {
        boolean hasAlpha = out.length == 4 * width * height;
        Photograph photograph = given;
        while (scale * photograph.reduction <= LARGEST_STEP) {
            photograph = photograph.halved();
        }
        double share = 1.0 / photograph.reduction;
        int[] column = new int[width];
        float[] columnShare = new float[width];
        for (int i = 0; i < width; i++) {
            double x = share * toPhotographX(i + 0.5) - 0.5;
            column[i] = (int) Math.floor(x);
            columnShare[i] = (float) (x - column[i]);
        }
        int beside = 0xff000000 | padding[0] << 16 | padding[1] << 8 | padding[2];
        int at = 0;
        for (int j = 0; j < height; j++) {
            double y = share * toPhotographY(j + 0.5) - 0.5;
            int row = (int) Math.floor(y);
            float rowShare = (float) (y - row);
            for (int i = 0; i < width; i++) {
                int topLeft = pixel(photograph, column[i], row, beside);
                int topRight = pixel(photograph, column[i] + 1, row, beside);
                int bottomLeft = pixel(photograph, column[i], row + 1, beside);
                int bottomRight = pixel(photograph, column[i] + 1, row + 1, beside);
                for (int shift = 16; shift >= 0; shift -= 8) {
                    float top = mix(topLeft >> shift & 255, topRight >> shift & 255, columnShare[i]);
                    float bottom = mix(bottomLeft >> shift & 255, bottomRight >> shift & 255, columnShare[i]);
                    out[at++] = (byte) (int) Math.rint(mix(top, bottom, rowShare));
                }
                if (hasAlpha) {
                    out[at++] = (byte) 255;
                }
            }
        }
    }

    private static float mix(float before, float after, float share) {
        return before + share * (after - before);
    }

    private static int pixel(Photograph photograph, int x, int y, int beside) {
        boolean inside = x >= 0 && y >= 0 && x < photograph.width && y < photograph.height;
        return inside ? photograph.pixels[y * photograph.width + x] : beside;
    }
}
