package org.posedistill.bench;

import java.util.Collections;
import java.util.List;
import org.posedistill.pose.Letterbox;
import org.posedistill.pose.Person;
import org.posedistill.pose.Photograph;
import org.posedistill.pose.TensorInfo;

/** Any other model, which is fed with noise once: its times only. */
final class NoisePipeline extends Pipeline {
    NoisePipeline(Engine engine) {
        super(engine);
        for (TensorInfo input : engine.inputs()) {
            input.writeNoise(inputs[input.position]);
        }
    }

    @Override
    Letterbox prepare(Photograph photograph) {
        return null;
    }

    @Override
    List<Person> decode(Letterbox letterbox) {
        return Collections.emptyList();
    }

    @Override
    boolean isComplete() {
        return false;
    }
}
