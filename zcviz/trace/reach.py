"""What an expression, or a call, can reach without being given it: names, attributes, closures."""

from __future__ import annotations

import ast
import gc
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from inspect import getclosurevars
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, MethodType, ModuleType
from typing import Any

__all__ = ["Named", "behind_of", "mentioned", "names_of"]

Named = tuple[str, Any]
_DEEPEST = 3  # objects held by objects; what containers hold is no deeper than they are
_MOST = 100_000  # objects that are looked at
_CONTAINERS = (dict, list, tuple, set, frozenset)
_SILENT = (  # they lead everywhere, or nowhere
    ModuleType, type, FunctionType, BuiltinFunctionType, MethodType, FrameType, CodeType
)  # fmt: skip


def names_of(node: ast.AST) -> list[ast.Name | ast.Attribute]:
    """Return the names that stand in source, and the attributes, the first ones first."""
    found = [each for each in ast.walk(node) if isinstance(each, ast.Name | ast.Attribute)]
    return sorted(found, key=lambda each: (each.lineno, each.col_offset))


def mentioned(node: ast.AST, namespace: Mapping[str, Any]) -> tuple[Named, ...]:
    """Return the names that an expression mentions anywhere, and members of modules and classes.

    With their values. Those come first that stand first.
    """
    values = {ast.unparse(each): _looked_up(each, namespace) for each in names_of(node)}
    return tuple((name, value) for name, value in values.items() if value is not None)


def _looked_up(node: ast.expr, namespace: Mapping[str, Any]) -> Any:
    match node:
        case ast.Name(name):
            return namespace.get(name)
        case ast.Attribute(owner, name):
            held = _looked_up(owner, namespace)
            return vars(held).get(name) if isinstance(held, ModuleType | type) else None
    return None


def behind_of(given: Iterable[Named]) -> tuple[Named, ...]:
    """Return what could be reached through objects and functions by now, with the names it goes by.

    Attributes, members and parts go by the name of their object, what a function uses by its own.

    Notes
    -----
    Attributes are not asked for, which might run code: it is what the objects hold, three deep.
    """
    known = list(given)
    used = [each for _, value in known for each in _variables(value)]
    held = [(name, each) for name, value in (*known, *used) for each in _held_by(value)]
    return (*used, *held)


def _variables(value: Any) -> Iterator[Named]:
    function = value.__func__ if isinstance(value, MethodType) else value
    if isinstance(function, FunctionType):
        with suppress(ValueError):  # a variable that has no value yet
            used = getclosurevars(function)
            yield from (*used.nonlocals.items(), *used.globals.items())


def _held_by(value: Any) -> list[Any]:
    found = list(value.__zcviz_parts__.values()) if hasattr(type(value), "__zcviz_parts__") else []
    seen = set(map(id, [value, *found]))
    waiting = deque([] if isinstance(value, _SILENT) else [(value, 0)])
    while waiting and len(found) < _MOST:
        holder, depth = waiting.popleft()
        for each in gc.get_referents(holder):
            if id(each) in seen or isinstance(each, _SILENT):
                continue
            seen.add(id(each))
            found.append(each)
            deeper = depth + (not isinstance(each, _CONTAINERS))
            if deeper < _DEEPEST:
                waiting.append((each, deeper))
    return found
