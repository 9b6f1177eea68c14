package org.posedistill.bench;

import java.io.Closeable;
import java.nio.ByteBuffer;
import java.util.List;

/** From a photograph to its persons in three steps, with the buffers that are used again and again. */
final class Pipeline implements Closeable {
    private final ModelInfo model;
    private final Engine engine;
    private final Decoder decoder;
    private final byte[] pixels;
    private final ByteBuffer input;
    private final ByteBuffer[] outputs;

    private Pipeline(ModelInfo model, Engine engine) {
        this.model = model;
        this.engine = engine;
        decoder = new Decoder(model);
        pixels = new byte[model.width * model.height * 3];
        input = model.input.allocate();
        outputs = new ByteBuffer[model.outputs.size()];
        for (TensorInfo output : model.outputs) {
            outputs[output.position] = output.allocate();
        }
    }

    /** The pipeline closes the engine, also where it cannot be made. */
    static Pipeline of(ModelInfo model, Engine engine) {
        try {
            return new Pipeline(model, engine);
        } catch (RuntimeException | OutOfMemoryError error) {
            engine.close();
            throw error;
        }
    }

    /** Fill the input. */
    Letterbox prepare(Photograph photograph) {
        Letterbox letterbox = new Letterbox(photograph.width, photograph.height, model.width, model.height);
        letterbox.fill(photograph, model.padding, pixels);
        model.input.write(pixels, input);
        return letterbox;
    }

    /** Run the model and read its outputs. */
    void infer() throws BenchmarkException {
        engine.run(input, outputs);
    }

    /** Persons in pixels of the photograph that was prepared. */
    List<Person> decode(Letterbox letterbox) {
        return decoder.decode(outputs, letterbox);
    }

    @Override
    public void close() {
        engine.close();
    }
}
