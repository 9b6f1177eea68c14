"""What formats share when they read a set: findings, repairs, categories, outlines, photographs by name."""
