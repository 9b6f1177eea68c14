package org.posedistill.bench;

import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** The joints of a model, how they are joined and in which order grouping visits them. */
final class Skeleton {
    final String[] joints;
    /** Pairs of joint numbers. */
    final int[][] limbs;
    final int[] groupingOrder;

    Skeleton(JSONObject json) throws JSONException {
        JSONArray names = json.getJSONArray("joints");
        joints = new String[names.length()];
        for (int i = 0; i < joints.length; i++) {
            joints[i] = names.getString(i);
        }
        JSONArray pairs = json.getJSONArray("limb_index");
        limbs = new int[pairs.length()][];
        for (int i = 0; i < limbs.length; i++) {
            limbs[i] = numbers(pairs.getJSONArray(i));
        }
        groupingOrder = numbers(json.getJSONArray("grouping_index"));
    }

    private int[] numbers(JSONArray json) throws JSONException {
        int[] numbers = new int[json.length()];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = json.getInt(i);
            if (numbers[i] < 0 || numbers[i] >= joints.length) {
                throw new JSONException("skeleton names joint " + numbers[i] + " of " + joints.length);
            }
        }
        return numbers;
    }
}
