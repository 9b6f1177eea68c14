"""The soft-label store."""
