"""Losses beside those that every output brings along, one file each."""
