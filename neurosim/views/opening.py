"""Open a page in the user's browser, where there is one with windows."""

import os
import sys
import webbrowser

DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")


def open_in_browser(address: str) -> bool:
    """Open an address in the default browser; return whether one was started.

    None is started in a session without a display: a browser of text would take the terminal.
    """
    if sys.platform.startswith("linux") and not any(map(os.environ.get, DISPLAYS)):
        return False
    try:
        return webbrowser.open(address)
    except (webbrowser.Error, OSError):
        return False
