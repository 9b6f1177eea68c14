"""Processes, signals, devices, atomic files, plain values and errors."""
