"""What exported models cost and lose."""
