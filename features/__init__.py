"""Tables become numbers with reasons."""
