"""Sizes of iniVation's cameras, by the names that headers of AEDAT have."""

import re

SIZES = {  # width, height
    "dvs128": (128, 128),
    "davis128": (128, 128),
    "davis192": (208, 192),
    "davis208": (208, 192),
    "davis240": (240, 180),
    "dvs240": (240, 180),
    "davis346": (346, 260),
    "davis640": (640, 480),
    "davishet640": (640, 480),
    "dvs132s": (132, 104),
    "dvxplorer": (640, 480),
}


def camera(text: str) -> str | None:
    """Return the camera that a text of a header names, as `SIZES` has it; None if it names none."""
    name = re.sub(r"[^a-z0-9]", "", text.lower())
    return next((camera for camera in SIZES if camera in name), None)
