"""What an expression, or a call, can reach without being given it: names, attributes, closures."""

from __future__ import annotations

import ast
import gc
from collections.abc import Iterable, Mapping
from contextlib import suppress
from inspect import getclosurevars
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

__all__ = ["Named", "behind_of", "mentioned"]

Named = tuple[str, Any]
_SILENT = (  # they lead everywhere, or nowhere, or show their members themselves
    ModuleType, type, BuiltinFunctionType, MethodType, list, tuple, dict, set, str
)  # fmt: skip


def mentioned(node: ast.AST, namespace: Mapping[str, Any]) -> tuple[Named, ...]:
    """Return the names that an expression mentions anywhere, and members of modules, with values.

    Those come first that stand first.
    """
    found = [each for each in ast.walk(node) if isinstance(each, ast.Name | ast.Attribute)]
    found.sort(key=lambda each: (each.lineno, each.col_offset))
    values = {ast.unparse(each): _looked_up(each, namespace) for each in found}
    return tuple((name, value) for name, value in values.items() if value is not None)


def _looked_up(node: ast.expr, namespace: Mapping[str, Any]) -> Any:
    match node:
        case ast.Name(name):
            return namespace.get(name)
        case ast.Attribute(owner, name):
            held = _looked_up(owner, namespace)
            return vars(held).get(name) if isinstance(held, ModuleType) else None
    return None


def behind_of(given: Iterable[Named]) -> tuple[Named, ...]:
    """Return what could be reached through objects and functions by now, with the names it goes by.

    Attributes and parts go by the name of their object, what a function uses by its own.
    """
    found: list[Named] = []
    for label, value in given:
        function = value.__func__ if isinstance(value, MethodType) else value
        if isinstance(function, FunctionType):
            with suppress(ValueError):  # a variable that has no value yet
                used = getclosurevars(function)
                found += [*used.nonlocals.items(), *used.globals.items()]
        elif hasattr(type(value), "__zcviz_parts__"):
            found.append((label, list(value.__zcviz_parts__.values())))
        elif not isinstance(value, _SILENT):
            found.append((label, [_as_it_is(each) for each in gc.get_referents(value)]))
    return tuple(found)


def _as_it_is(value: object, depth: int = 2) -> object:
    # What a step computes and keeps, as an attribute or in a cache beside them, was not there.
    if type(value) is not dict or not depth:
        return value
    return {key: _as_it_is(each, depth - 1) for key, each in value.items()}
