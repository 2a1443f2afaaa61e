"""The road of one batch: matched, parsed, checked, versioned, staged and published; what cannot be taken in is set
aside with its reason."""
