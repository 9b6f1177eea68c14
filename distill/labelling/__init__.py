"""Soft labels: which teacher, the teacher pass, and what becomes of its labels."""
