"""Kinds of data sets, one a file."""
