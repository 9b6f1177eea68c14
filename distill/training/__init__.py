"""From data and labels to a trained network."""
