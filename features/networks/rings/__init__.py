"""Groups of cards that move together, their members, meetings and honest explanations."""
