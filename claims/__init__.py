"""What the bureau sends becomes canonical tables."""
