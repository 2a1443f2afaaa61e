"""Outcomes become a better model."""
