"""Teacher-student distillation for multi-person 2D human pose."""

__version__ = "0.1.0"
