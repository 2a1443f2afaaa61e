"""Who keeps company with whom: pairs, rings, and what they say about one card, unit or doctor."""
