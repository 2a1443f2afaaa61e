"""The commands, a file a room; xiezhi/command.py puts them together."""
