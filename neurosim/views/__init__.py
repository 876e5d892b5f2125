"""What people look at: figures of a chip, reports, the gain explorer, and the scope of a run as it goes."""
