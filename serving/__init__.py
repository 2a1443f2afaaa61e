"""Risk becomes work for people."""
