"""What an expression, or a call, can reach without being given it: names, attributes, closures."""

from __future__ import annotations

import ast
import gc
from collections.abc import Iterable, Mapping
from inspect import getclosurevars
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

__all__ = ["Named", "behind_of", "names_in"]

Named = tuple[str, Any]
_SILENT = (  # they lead everywhere, or nowhere, or show their members themselves
    ModuleType, type, BuiltinFunctionType, MethodType, list, tuple, dict, set, str
)  # fmt: skip


def names_in(node: ast.AST, namespace: Mapping[str, Any]) -> tuple[Named, ...]:
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
    """Return what could be reached through objects and functions, under the names it goes by.

    Attributes go by the name of their object, what a function uses by its own.
    """
    found: list[Named] = []
    for label, value in given:
        function = value.__func__ if isinstance(value, MethodType) else value
        if isinstance(function, FunctionType):
            used = getclosurevars(function)
            found += [*used.nonlocals.items(), *used.globals.items()]
        elif not isinstance(value, _SILENT):
            # Dicts are copied: an attribute that the step computes and keeps was not there before.
            refers = gc.get_referents(value)
            found.append((label, [dict(e) if type(e) is dict else e for e in refers]))
    return tuple(found)
