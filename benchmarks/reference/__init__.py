"""The same numbers written plainly: what the declared SQL is checked against, and how long it would take without it."""
