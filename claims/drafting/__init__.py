"""A draft of a mapping for a source nobody knows yet; each line says how sure it is and why."""
