"""How fast the machine could be at best, and how near a layer comes to it."""
