package org.posedistill.bench;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import org.json.JSONObject;
import org.junit.Test;

public final class StatisticsTest {
    @Test
    public void figuresOfTheFirstTenNumbers() throws Exception {
        JSONObject json = new Statistics(new double[] {10, 3, 1, 2, 9, 4, 8, 5, 7, 6}).toJson();
        assertEquals(10, json.getInt("runs"));
        assertEquals(1, json.getDouble("min"), 0);
        assertEquals(5.5, json.getDouble("mean"), 0);
        assertEquals(5.5, json.getDouble("median"), 0);
        assertEquals(9.1, json.getDouble("p90"), 1e-9);
        assertEquals(9.55, json.getDouble("p95"), 1e-9);
        assertTrue(json.isNull("p99"));
        assertEquals(10, json.getJSONArray("samples").getDouble(0), 0);
        assertEquals(10, json.getDouble("max"), 0);
        assertEquals(2.872, json.getDouble("std"), 0);
    }

    @Test
    public void oneRunIsAllOfThem() throws Exception {
        JSONObject json = new Statistics(new double[] {2.5}).toJson();
        for (String name : new String[] {"min", "mean", "median", "p90", "p95", "max"}) {
            assertEquals(name, 2.5, json.getDouble(name), 0);
        }
        assertEquals(0, json.getDouble("std"), 0);
    }

    @Test
    public void theLastPercentNeedsFiveHundredRuns() throws Exception {
        double[] times = new double[500];
        for (int i = 0; i < times.length; i++) {
            times[i] = i;
        }
        assertEquals(494.01, new Statistics(times).toJson().getDouble("p99"), 1e-9);
    }

    @Test
    public void timesAreLeftAsTheyWere() {
        double[] times = {3, 1, 2};
        assertEquals(2, new Statistics(times).median(), 0);
        assertEquals(3, times[0], 0);
    }

    @Test
    public void noRunsHaveNone() {
        assertThrows(IllegalArgumentException.class, () -> new Statistics(new double[0]));
    }

    @Test
    public void roundedToMicroseconds() {
        assertEquals(1.235, Statistics.round(1.23456), 0);
    }
}
