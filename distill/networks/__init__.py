"""Every network by name and options, and checkpoints."""
