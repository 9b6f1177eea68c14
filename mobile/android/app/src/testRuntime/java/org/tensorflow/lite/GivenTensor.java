package org.tensorflow.lite;

import java.nio.ByteBuffer;

/** A tensor that only says what it is. */
final class GivenTensor implements Tensor {
    private final String name;
    private final int[] shape;
    private final DataType type;
    private final QuantizationParams quantisation;

    GivenTensor(String name, int[] shape, DataType type, float scale, int zeroPoint) {
        this.name = name;
        this.shape = shape;
        this.type = type;
        quantisation = new QuantizationParams(scale, zeroPoint);
    }

    @Override
    public DataType dataType() {
        return type;
    }

    @Override
    public int numDimensions() {
        return shape.length;
    }

    @Override
    public int numBytes() {
        throw new UnsupportedOperationException();
    }

    @Override
    public int numElements() {
        throw new UnsupportedOperationException();
    }

    @Override
    public int[] shape() {
        return shape;
    }

    @Override
    public int[] shapeSignature() {
        return shape;
    }

    @Override
    public int index() {
        return 0;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public QuantizationParams quantizationParams() {
        return quantisation;
    }

    @Override
    public ByteBuffer asReadOnlyBuffer() {
        throw new UnsupportedOperationException();
    }
}
