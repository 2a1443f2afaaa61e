"""What the whole graph says about one card, unit or doctor."""
