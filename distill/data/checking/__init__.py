"""What a set holds, and what looks wrong with it."""
