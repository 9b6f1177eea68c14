"""What a run and its models came to, as one page for a browser."""
