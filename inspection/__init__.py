"""Where inspectors go and what chance sends them to: the draw, the week's plan, what a normal unit would have cost, the ladder of units."""
