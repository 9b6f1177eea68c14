package org.posedistill.pose;

import java.util.Arrays;

/**
 * Optimal assignment of rows to columns by successive shortest augmenting paths.
 *
 * <p>Crouse, On implementing 2D rectangular assignment algorithms (IEEE Transactions on Aerospace and
 * Electronic Systems, 2016).
 */
final class Assignment {
    private final double[][] cost;
    private final int columns;
    private final double[] rowPrice;
    private final double[] columnPrice;
    private final int[] rowOfColumn;
    private final int[] columnOfRow;

    private Assignment(double[][] cost) {
        this.cost = cost;
        columns = cost[0].length;
        rowPrice = new double[cost.length];
        columnPrice = new double[columns];
        rowOfColumn = new int[columns];
        columnOfRow = new int[cost.length];
        Arrays.fill(rowOfColumn, -1);
        Arrays.fill(columnOfRow, -1);
    }

    /**
     * The column of each row at the least total cost.
     *
     * @param cost finite, rows x columns, at least as many columns as rows
     */
    static int[] solve(double[][] cost) {
        if (cost.length == 0) {
            return new int[0];
        }
        Assignment assignment = new Assignment(cost);
        for (int row = 0; row < cost.length; row++) {
            assignment.augment(row);
        }
        return assignment.columnOfRow;
    }

    /** Give a further row a column, moving others where that is cheaper. */
    private void augment(int start) {
        double[] distance = new double[columns];
        int[] rowBefore = new int[columns];
        boolean[] rowReached = new boolean[cost.length];
        boolean[] columnReached = new boolean[columns];
        int[] open = new int[columns];
        for (int i = 0; i < columns; i++) {
            open[i] = columns - 1 - i;
        }
        Arrays.fill(distance, Double.POSITIVE_INFINITY);
        int opened = columns;
        int row = start;
        double reached = 0;
        int end = -1;
        while (end < 0) {
            rowReached[row] = true;
            int nearest = -1;
            double least = Double.POSITIVE_INFINITY;
            for (int i = 0; i < opened; i++) {
                int column = open[i];
                double length = reached + cost[row][column] - rowPrice[row] - columnPrice[column];
                if (length < distance[column]) {
                    distance[column] = length;
                    rowBefore[column] = row;
                }
                if (distance[column] < least || (distance[column] == least && rowOfColumn[column] < 0)) {
                    least = distance[column];
                    nearest = i;
                }
            }
            reached = least;
            int column = open[nearest];
            columnReached[column] = true;
            open[nearest] = open[--opened];
            if (rowOfColumn[column] < 0) {
                end = column;
            } else {
                row = rowOfColumn[column];
            }
        }
        reprice(start, reached, distance, rowReached, columnReached);
        follow(start, end, rowBefore);
    }

    private void reprice(int start, double reached, double[] distance, boolean[] rowReached, boolean[] columnReached) {
        rowPrice[start] += reached;
        for (int row = 0; row < cost.length; row++) {
            if (rowReached[row] && row != start) {
                rowPrice[row] += reached - distance[columnOfRow[row]];
            }
        }
        for (int column = 0; column < columns; column++) {
            if (columnReached[column]) {
                columnPrice[column] -= reached - distance[column];
            }
        }
    }

    private void follow(int start, int end, int[] rowBefore) {
        int column = end;
        int row;
        do {
            row = rowBefore[column];
            rowOfColumn[column] = row;
            int freed = columnOfRow[row];
            columnOfRow[row] = column;
            column = freed;
        } while (row != start);
    }
}
