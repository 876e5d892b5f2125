"""Run a file of the user's own for its recipes, rules of plasticity and competitions."""

import runpy
import traceback
from pathlib import Path
from typing import Any

from neurosim.errors import ConfigError, NeurosimError
from neurosim.layers.dense import DenseWTA
from neurosim.layers.own_functions import OwnFunction
from neurosim.recipes import named


def rules_in(file: str | None) -> list[OwnFunction]:
    """Return the rules and competitions that a file defines."""
    return [] if file is None else [value for value in _run(file).values() if isinstance(value, OwnFunction)]


def split(recipe: str) -> tuple[str | None, str]:
    """Return the file, if there is one, and the name of `FILE.py:NAME` or `NAME`."""
    file, colon, name = recipe.rpartition(".py:")
    return (file + ".py", name) if colon else (None, recipe)


def layer_of(recipe: str, neurons: int, **constants: Any) -> DenseWTA:
    """Return the layer of a recipe: one of the package's by name, or a function of a file."""
    file, name = split(recipe)
    if file is None:
        return named(name, neurons, **constants)
    function = _run(file).get(name)
    if not callable(function):
        raise ConfigError("recipe", f"a function in {file}", name)
    if isinstance(function, OwnFunction):
        advice = f"write a function of neurons that returns a DenseWTA with {function.what}={name}(...)"
        raise ConfigError("recipe", "a function that returns a layer", f"{name}, a {function.what}", advice)
    try:
        layer = function(neurons, **constants)
    except NeurosimError:
        raise
    except (Exception, SystemExit) as error:
        raise ConfigError(
            "recipe", "a function of neurons and of the constants given", recipe, _located(error, file)
        ) from error
    if not isinstance(layer, DenseWTA):
        raise ConfigError(f"what the recipe {name} returns", "a DenseWTA", layer)
    return layer


def _run(file: str) -> dict[str, Any]:
    """Run a file and return its global names."""
    if not Path(file).is_file():
        raise ConfigError("file of recipes or rules", "there", file)
    try:
        return runpy.run_path(file)
    except NeurosimError:
        raise
    except (Exception, SystemExit) as error:
        raise ConfigError("file of recipes or rules", "Python that runs", file, _located(error, file)) from error


def _located(error: BaseException, file: str) -> str:
    """Return an error as text, after the line of the file that it comes from."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    where = f"line {frames[-1].lineno}: {frames[-1].line}: " if frames else ""
    return f"{where}{type(error).__name__}: {error}"
