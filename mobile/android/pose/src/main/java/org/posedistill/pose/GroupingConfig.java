package org.posedistill.pose;

import org.json.JSONException;
import org.json.JSONObject;

/** How peaks become joints and joints become persons; the names are those of the model's JSON. */
final class GroupingConfig {
    /** Most persons of a photograph, and most peaks of a joint that are looked at. */
    final int maxPersons;
    /** Heatmap value that a peak must exceed. */
    final float detectionThreshold;
    /** Distance of tags under which a peak may join a person. */
    final double tagThreshold;
    /** Side of the window in which only the highest cell is a peak, cells; odd. */
    final int nmsKernel;
    /** Move each joint a quarter cell towards its higher neighbours. */
    final boolean adjust;
    /** Fill the joints that a person lacks where heatmap and tags speak most for them. */
    final boolean refine;
    /** Instead of a quarter cell, move to the vertex of the parabola through the logarithms. */
    final boolean subcell;

    GroupingConfig(JSONObject json) throws JSONException {
        maxPersons = json.getInt("max_persons");
        detectionThreshold = (float) json.getDouble("detection_threshold");
        tagThreshold = json.getDouble("tag_threshold");
        nmsKernel = json.getInt("nms_kernel");
        adjust = json.getBoolean("adjust");
        refine = json.getBoolean("refine");
        subcell = json.getBoolean("subcell");
        if (maxPersons < 1 || nmsKernel < 1 || nmsKernel % 2 == 0) {
            throw new JSONException("grouping: max_persons " + maxPersons + " must be at least 1 and nms_kernel "
                    + nmsKernel + " odd");
        }
    }
}
