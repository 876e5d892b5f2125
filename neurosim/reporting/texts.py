"""Texts from outside, made such that what is seen is what they are."""


def visible(text: str) -> str:
    r"""Return a text with escapes, such as \u202e, in place of what is not seen but changes how the rest is shown."""
    return "".join(sign if sign.isprintable() or sign in " \n" else ascii(sign)[1:-1] for sign in text)
