"""A model on one's own pictures and videos: sources, tracks, smoothing, and what is written."""
