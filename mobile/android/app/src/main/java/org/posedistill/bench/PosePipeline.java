package org.posedistill.bench;

import java.util.List;
import org.posedistill.pose.Decoder;
import org.posedistill.pose.Letterbox;
import org.posedistill.pose.ModelInfo;
import org.posedistill.pose.Person;
import org.posedistill.pose.Photograph;
import org.posedistill.pose.PoseException;

/** A model that its JSON describes: from a photograph to its persons. */
final class PosePipeline extends Pipeline {
    private final ModelInfo model;
    private final Decoder decoder;
    private final byte[] pixels;

    PosePipeline(ModelInfo model, Engine engine) throws PoseException {
        super(engine);
        model.check(engine.inputs(), engine.outputs());
        this.model = model;
        decoder = new Decoder(model);
        pixels = new byte[model.input.elements()];
    }

    @Override
    Letterbox prepare(Photograph photograph) {
        Letterbox letterbox = new Letterbox(photograph.fullWidth, photograph.fullHeight, model.width, model.height);
        letterbox.fill(photograph, model.padding, pixels);
        model.input.write(pixels, inputs[0]);
        return letterbox;
    }

    @Override
    List<Person> decode(Letterbox letterbox) {
        return decoder.decode(outputs, letterbox);
    }

    @Override
    boolean isComplete() {
        return true;
    }
}
