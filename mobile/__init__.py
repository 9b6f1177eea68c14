"""From a student to .tflite, and the LiteRT runtime."""
