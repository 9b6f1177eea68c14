"""Networks that make soft labels, and the reading of their published weights."""
