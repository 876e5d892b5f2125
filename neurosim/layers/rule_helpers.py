"""The functions that a rule or competition of the user's own calls, compiled anew with it.

Numba fixes global numbers in a function when it is first compiled. A function that was compiled before a number changed
would go on with the old one, while the rule is known by the new one.
"""

import dis
from collections.abc import Callable, Iterable
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

from neurosim.errors import ConfigError
from neurosim.layers.function_text import inner_codes


def with_fresh_helpers(function: Callable[..., Any], rule: str, **options: Any) -> FunctionType:
    """Return a function with the compiled functions that it calls replaced by copies that are not compiled yet.

    Copies divide as rules do: by zero gives infinity or NaN.

    Parameters
    ----------
    function : callable
    rule : str
        What errors call it: "rule" or "competition", and its name.
    **options
        Of `numba.jit`, with which the copies are compiled besides their own.

    Raises
    ------
    ConfigError
        If one of them has `raise` or `assert`.
    """
    return _Copies(rule, options).function(function)


def _refuse_raising(code: CodeType, rule: str) -> None:
    """Refuse code that has `raise` or `assert`."""
    if any(step.opname in ("RAISE_VARARGS", "LOAD_ASSERTION_ERROR") for step in dis.get_instructions(code)):
        what, _, name = rule.partition(" ")
        where = "one" if name == code.co_name else f"one in {code.co_name}"
        instead = "return (1, 0)" if what == "rule" else "write zeros"
        raise ConfigError(rule, "without raise and assert", where, f"the loop has nobody to catch it: {instead}")


class _Copies:
    """Copies of functions, each made once, so that functions that call one another come to an end."""

    def __init__(self, rule: str, options: dict[str, Any]) -> None:
        self._rule, self._options = rule, {**options, "error_model": "numpy"}
        self._made: dict[int, Any] = {}

    def function(self, function: Any) -> FunctionType:
        """Return a copy of a function."""
        copy = _empty_copy(function)
        self._fill(function, copy)
        return copy

    def _fill(self, function: Any, copy: FunctionType) -> None:
        """Give a copy what the function uses from outside."""
        _refuse_raising(function.__code__, self._rule)
        scope = copy.__globals__
        names = {name for code in inner_codes(function.__code__) for name in code.co_names}
        for name in names & scope.keys():
            scope[name] = self._fresh(scope[name], names)
        for old, new in zip(function.__closure__ or (), copy.__closure__ or (), strict=True):
            new.cell_contents = self._fresh(old.cell_contents, names)

    def _fresh(self, value: Any, names: set[str]) -> Any:
        """Return a copy of a function compiled by numba.njit or numba.extending.register_jitable, else the value.

        Functions of a module that are among `names` are no copies: they are compiled anew.
        """
        from numba import jit
        from numba.core.dispatcher import Dispatcher

        if id(value) in self._made:
            return self._made[id(value)]
        signatures: list[Any] = []
        if isinstance(value, ModuleType):
            _compile_anew(value, names)
        if isinstance(value, Dispatcher):
            options, function = {**value.targetoptions, "locals": value.locals}, value.py_func
            signatures = fixed_signatures(value)
        elif isinstance(value, FunctionType) and (jitable := jitable_options(value)) is not None:
            options, function = jitable, value
        else:
            return value
        copy = _empty_copy(function)
        compiled = jit(**{**options, **self._options})(copy)
        self._made[id(value)] = compiled  # before it is filled: a function may call itself
        self._fill(function, copy)
        for signature in signatures:
            compiled.compile(signature)
        if signatures:
            compiled.disable_compile()
        return compiled


def _compile_anew(module: ModuleType, names: Iterable[str]) -> None:
    """Let functions of a module that are compiled already be compiled with what they use now."""
    from numba.core.dispatcher import Dispatcher

    for name in names:
        function = getattr(module, name, None)
        if isinstance(function, Dispatcher) and function.overloads and module.__name__.partition(".")[0] != "numba":
            function.recompile()


def _empty_copy(function: Any) -> FunctionType:
    """Return a copy with a scope of its own, whose free names have no values yet."""
    closure = tuple(CellType() for _ in function.__closure__ or ())
    code, scope = function.__code__, dict(function.__globals__)
    copy = FunctionType(code, scope, function.__name__, function.__defaults__, closure)
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


def fixed_signatures(dispatcher: Any) -> list[Any]:
    """Return the types that a function of numba.njit was declared for; none if it takes any."""
    return [] if getattr(dispatcher, "_can_compile", True) else list(dispatcher.overloads)


def overloads(function: FunctionType) -> list[tuple[Any, Any]]:
    """Return what Numba compiles in place of a plain function (numba.extending): templates, and their functions."""
    from numba.core.registry import cpu_target

    context = cpu_target.typing_context
    context.refresh()
    try:
        known = context.resolve_value_type(function)
    except Exception:  # Numba's own errors: it compiles nothing in place of this one
        return []
    templates = getattr(known, "templates", ())
    return [(each, each._overload_func) for each in templates if getattr(each, "_overload_func", None) is not None]


def is_of_numba(overload: Any) -> bool:
    """Tell whether a function was put in place by numba.extending.register_jitable, which is the function itself."""
    return bool(overload.__module__ == "numba.core.extending")


def jitable_options(function: FunctionType) -> dict[str, Any] | None:
    """Return the options of numba.extending.register_jitable; None if the function is not marked by it."""
    for template, overload in overloads(function):
        if is_of_numba(overload):
            kept = {name: value for name, value in template._jit_options.items() if name != "no_cpython_wrapper"}
            return {"nopython": True, **kept}
    return None
