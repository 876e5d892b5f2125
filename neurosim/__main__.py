"""`python -m neurosim` is the command `neurosim`."""

import os
import sys
from contextlib import suppress

# `python -m` puts the working folder first. There it would come before Python's own modules, and a user's `random.py`
# would be run; so it comes last, unless this package itself lies there.
with suppress(FileNotFoundError):  # of a working folder that was removed
    if not sys.flags.safe_path and sys.path[:1] == [os.getcwd()] and not os.path.isdir("neurosim"):
        sys.path.append(sys.path.pop(0))

from neurosim.cli import entry

entry()
