"""Skeletons, geometry, peaks, grouping: arrays in, arrays out."""
