"""Sets made of sets: written in another format, joined, divided."""
