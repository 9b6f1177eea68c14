package org.posedistill.bench;

import java.io.Closeable;
import java.nio.ByteBuffer;
import java.util.List;
import org.posedistill.pose.Letterbox;
import org.posedistill.pose.ModelInfo;
import org.posedistill.pose.Person;
import org.posedistill.pose.Photograph;
import org.posedistill.pose.PoseException;
import org.posedistill.pose.TensorInfo;

/** A loaded model with the buffers that are used again and again: prepare, infer, decode. */
abstract class Pipeline implements Closeable {
    private final Engine engine;
    final ByteBuffer[] inputs;
    final ByteBuffer[] outputs;

    Pipeline(Engine engine) {
        this.engine = engine;
        inputs = allocate(engine.inputs());
        outputs = allocate(engine.outputs());
    }

    private static ByteBuffer[] allocate(List<TensorInfo> tensors) {
        ByteBuffer[] buffers = new ByteBuffer[tensors.size()];
        for (int i = 0; i < buffers.length; i++) {
            buffers[i] = tensors.get(i).allocate();
        }
        return buffers;
    }

    /**
     * The way of a photograph through a model; the pipeline closes the engine, also where it cannot be made.
     *
     * @param model null for a model that nothing describes, which is fed with noise and finds nobody
     */
    static Pipeline of(ModelInfo model, Engine engine) throws PoseException {
        boolean made = false;
        try {
            Pipeline pipeline = model == null ? new NoisePipeline(engine) : new PosePipeline(model, engine);
            made = true;
            return pipeline;
        } finally {
            if (!made) {
                engine.close();
            }
        }
    }

    /** Fill the input. */
    abstract Letterbox prepare(Photograph photograph);

    /** Persons in pixels of the photograph that was prepared. */
    abstract List<Person> decode(Letterbox letterbox);

    /** Whether preparing and decoding are what an app would do, so that their times mean something. */
    abstract boolean isComplete();

    /** Run the model and read its outputs. */
    void infer() throws BenchmarkException {
        engine.run(inputs, outputs);
    }

    /** See {@link Engine#lastInvocation()}. */
    double lastInvocation() {
        return engine.lastInvocation();
    }

    @Override
    public void close() {
        engine.close();
    }
}
