"""What people look at: figures of a chip, reports, the gain explorer, and the scope of a run as it goes.

Each figure is a function that returns a matplotlib Figure, which a notebook shows and `figure.savefig` writes.
"""

import lazy_loader

# Imported when first used: the page of the scope is a process of its own, which is to start without Numba.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
