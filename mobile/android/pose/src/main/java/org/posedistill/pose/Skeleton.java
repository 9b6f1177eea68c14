package org.posedistill.pose;

import java.util.ArrayList;
import java.util.List;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** The joints of a model, how they are joined and in which order grouping visits them. */
public final class Skeleton {
    /** Names, such as left_shoulder. */
    public final String[] joints;
    /** Pairs of joint numbers. */
    public final int[][] limbs;
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

    /**
     * Edges from parent to child that reach every joint, breadth first along the limbs from the first joint of the
     * grouping order on; a joint that no limb leads to hangs from the one before it in that order.
     */
    int[][] tree() {
        List<Integer> reached = new ArrayList<>();
        List<int[]> edges = new ArrayList<>();
        reached.add(groupingOrder[0]);
        while (true) {
            for (int at = 0; at < reached.size(); at++) {
                int parent = reached.get(at);
                for (int[] limb : limbs) {
                    int child = limb[0] == parent ? limb[1] : limb[1] == parent ? limb[0] : parent;
                    if (!reached.contains(child)) {
                        reached.add(child);
                        edges.add(new int[] {parent, child});
                    }
                }
            }
            if (reached.size() == joints.length) {
                return edges.toArray(new int[0][]);
            }
            int at = 0;
            while (reached.contains(groupingOrder[at])) {
                at++;
            }
            edges.add(new int[] {groupingOrder[at - 1], groupingOrder[at]});
            reached.add(groupingOrder[at]);
        }
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
