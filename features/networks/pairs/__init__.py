"""Pairs of cards that visit together more often than chance explains."""
