"""The text that a function does the same by: its syntax, the same in all versions of Python, or else its bytecode."""

import ast
import linecache
import warnings
from collections.abc import Iterator
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any

# Fields of a syntax tree that change nothing, or that some versions of Python lack.
IDLE = {"decorator_list", "returns", "annotation", "type_comment", "type_params", "kind", "ctx"}


def syntax(function: FunctionType) -> str | None:
    """Return a function's syntax as text, without name, docstring, decorators, annotations and its own defaults.

    None if its source cannot be read, or is not what was compiled: the file may have been edited since.
    """
    code = function.__code__
    linecache.checkcache(code.co_filename)
    text = "".join(linecache.getlines(code.co_filename, function.__globals__))
    parsed = _parsed(text, code.co_filename) if text else None
    if parsed is None or not any(other == code for other in _codes(parsed[1])):
        return None
    nodes = [node for node in ast.walk(parsed[0]) if _first_line(node) == code.co_firstlineno and _named(node, code)]
    return _function_text(nodes[0]) if len(nodes) == 1 else None


def bytecode(code: CodeType) -> str:
    """Return compiled code as text, constants and inner functions included; another version of Python has another."""
    counts = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags
    names = code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars
    constants = [bytecode(value) if isinstance(value, CodeType) else _constant(value) for value in code.co_consts]
    return f"code({counts} {names} {constants} {code.co_code.hex()} {code.co_exceptiontable.hex()})"


def inner_codes(code: CodeType) -> Iterator[CodeType]:
    """Give the code of a function and of all functions within it."""
    yield code
    for value in code.co_consts:
        if isinstance(value, CodeType):
            yield from inner_codes(value)


@lru_cache(maxsize=8)  # a file has several rules
def _parsed(text: str, name: str) -> tuple[ast.Module, CodeType] | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what there is to warn of was said when the file was run
            return ast.parse(text), compile(text, name, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _codes(module: CodeType) -> Iterator[CodeType]:
    return (code for code in inner_codes(module) if code is not module)


def _first_line(node: ast.AST) -> int | None:
    decorators = getattr(node, "decorator_list", None)
    return decorators[0].lineno if decorators else getattr(node, "lineno", None)


def _named(node: ast.AST, code: CodeType) -> bool:
    if isinstance(node, ast.Lambda):
        return code.co_name == "<lambda>"
    return isinstance(node, ast.FunctionDef) and node.name == code.co_name


def _function_text(node: Any) -> str:
    """Return the text of a function or lambda; what its defaults are worth is for the caller to find out."""
    arguments = ast.arguments(**{**dict(ast.iter_fields(node.args)), "defaults": [], "kw_defaults": []})
    body = node.body
    if isinstance(node, ast.FunctionDef) and ast.get_docstring(node, clean=False) is not None:
        body = body[1:]
    return f"function({_text(arguments)} {_text(body)})"


def _text(value: Any) -> str:
    """Return a syntax tree as text; `ast.dump` writes another in each version of Python."""
    if isinstance(value, ast.AST):
        fields = [(name, field) for name, field in ast.iter_fields(value) if name not in IDLE]
        inner = " ".join(f"{name}={_text(field)}" for name, field in fields if field is not None and field != [])
        return f"{type(value).__name__}({inner})"
    if isinstance(value, list):
        return f"[{' '.join(_text(item) for item in value)}]"
    return _constant(value)


def _constant(value: Any) -> str:
    """Return a constant with its type: 1, 1.0 and True are equal, and do not behave so."""
    if isinstance(value, tuple):
        return f"({' '.join(_constant(item) for item in value)})"
    if isinstance(value, frozenset):
        return f"{{{' '.join(sorted(_constant(item) for item in value))}}}"
    return f"{type(value).__name__}:{value!r}"
