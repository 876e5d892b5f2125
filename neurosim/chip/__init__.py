"""A chip: layers in order, what goes in and what comes out."""
