"""Procedurally drawn scenes with people, in COCO format."""
