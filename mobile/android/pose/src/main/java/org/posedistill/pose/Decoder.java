package org.posedistill.pose;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** From a model's outputs to persons in the photograph. */
public final class Decoder {
    private final ModelInfo model;
    private final Grouping grouping;

    /**
     * A decoder of a model's outputs.
     *
     * @param model what its JSON says
     */
    public Decoder(ModelInfo model) {
        this.model = model;
        grouping = new Grouping(model.skeleton, model.grouping);
    }

    /**
     * Persons in pixels of the photograph, highest scores first; at most one where the model gives no tags,
     * centres or offsets.
     *
     * @param outputs as the runtime stores them, by position
     * @param letterbox how the photograph was fitted into the input
     * @return the persons
     */
    public List<Person> decode(ByteBuffer[] outputs, Letterbox letterbox) {
        if (model.peakColumns > 0) {
            return inPhotograph(ofPeaks(outputs), model.peakColumns, letterbox);
        }
        Maps heatmaps = Maps.average(maps("heatmaps", outputs));
        return inPhotograph(ofMaps(heatmaps, outputs), heatmaps.width, letterbox);
    }

    private List<Person> ofPeaks(ByteBuffer[] outputs) {
        float[] values = values("peak_values", outputs);
        float[] cells = values("peak_cells", outputs);
        float[] shifts = values("peak_shifts", outputs);
        int joints = model.skeleton.joints.length;
        if (model.find("peak_tags").isEmpty()) {
            return SinglePerson.of(values, cells, shifts, joints, model.peakColumns, model.grouping);
        }
        Peaks peaks = Peaks.of(values, cells, values("peak_tags", outputs), shifts, joints, model.grouping);
        return grouping.group(peaks, model.peakColumns);
    }

    private List<Person> ofMaps(Maps heatmaps, ByteBuffer[] outputs) {
        List<Maps> centres = maps("centre", outputs);
        if (!centres.isEmpty()) {
            Maps resized = centres.get(0).resized(heatmaps.height, heatmaps.width);
            return Centres.find(heatmaps, resized, model.grouping);
        }
        List<Maps> offsets = maps("offsets", outputs);
        if (!offsets.isEmpty()) {
            Maps resized = offsets.get(0).resized(heatmaps.height, heatmaps.width);
            return Offsets.find(heatmaps, resized, model.skeleton.tree(), model.grouping);
        }
        List<Maps> tags = maps("tags", outputs);
        if (tags.isEmpty()) {
            return SinglePerson.find(heatmaps, model.grouping);
        }
        return grouping.group(heatmaps, tags.get(0).resized(heatmaps.height, heatmaps.width));
    }

    private float[] values(String kind, ByteBuffer[] outputs) {
        TensorInfo output = model.find(kind).get(0);
        return output.read(outputs[output.position]);
    }

    private List<Maps> maps(String kind, ByteBuffer[] outputs) {
        List<Maps> maps = new ArrayList<>();
        for (TensorInfo output : model.find(kind)) {
            maps.add(Maps.fromOutput(output.shape, output.read(outputs[output.position])));
        }
        return maps;
    }

    private List<Person> inPhotograph(List<Person> persons, int columns, Letterbox letterbox) {
        double stride = (double) model.width / columns;
        for (Person person : persons) {
            for (int joint = 0; joint < person.value.length; joint++) {
                if (person.value[joint] > 0) {
                    person.x[joint] = (float) letterbox.toPhotographX(person.x[joint] * stride);
                    person.y[joint] = (float) letterbox.toPhotographY(person.y[joint] * stride);
                } else {
                    person.x[joint] = 0;
                    person.y[joint] = 0;
                }
            }
        }
        return persons;
    }
}
