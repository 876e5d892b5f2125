"""Digests of rules as older versions wrote them into state files, of words alone: to compare with those files."""

import hashlib
import inspect
import io
import textwrap
import tokenize
from collections.abc import Callable
from typing import Any

import numpy as np


def old_digest(function: Callable[..., Any]) -> str:
    """Return a hash of the names, numbers and operators of a function's source; empty if there is no source."""
    try:
        source = textwrap.dedent(inspect.getsource(function))
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (OSError, SyntaxError, tokenize.TokenError, TypeError):
        return ""
    words = [token.string for token in tokens if token.type in (tokenize.NAME, tokenize.NUMBER, tokenize.OP)]
    words = words[words.index("def") if "def" in words else 0 :]  # without decorators
    for name, value in sorted(_used(function).items()):
        if isinstance(value, int | float | np.number):
            words.append(f"{name}={float(value)!r}")
        elif inspect.isfunction(getattr(value, "py_func", None)) and value.py_func is not function:
            words.append(f"{name}={old_digest(value.py_func)}")
    return hashlib.sha256(" ".join(words).encode()).hexdigest()[:16]


def _used(function: Callable[..., Any]) -> dict[str, Any]:
    """Return what a function refers to outside of itself."""
    code = function.__code__
    names = {name: function.__globals__[name] for name in code.co_names if name in function.__globals__}
    cells = zip(code.co_freevars, function.__closure__ or (), strict=True)
    return names | {name: cell.cell_contents for name, cell in cells}
