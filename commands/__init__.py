"""The commands, a file a room; xiezhi.py puts them together."""
