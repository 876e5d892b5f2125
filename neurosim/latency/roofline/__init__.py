"""How fast the machine could run a layer at best, and how close the layer comes to that."""
