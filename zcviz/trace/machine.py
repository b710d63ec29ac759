"""Loads, stores and calls at addresses, for functions that numba compiles, and the compiler.

What is compiled with these is kept on disk, and numba looks only at the file of the function that
it kept: whoever changes something here has to touch `counting` too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["add", "call", "compiled", "inner", "lift", "load", "publish", "store", "swap"]

_COMPILER: Any = numba
_TOOLS: Any = cgutils
_TYPES: Any = types
_I64 = ir.IntType(64)


def _at(builder: Any, address: Any, word: Any) -> Any:
    pointer = builder.inttoptr(address, _I64.as_pointer())
    return builder.gep(pointer, [word])


def _primitive(function: Callable[..., Any]) -> Any:
    """Let numba call `function(builder, address, …)`, which writes LLVM; all are integers."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        address, more = values
        arguments = [address, *_TOOLS.unpack_tuple(builder, more)]
        return function(builder, *arguments) or ir.Constant(_I64, 0)

    @intrinsic
    def typed(typing: Any, address: Any, *more: Any) -> Any:
        number = _TYPES.int64
        return number(number, _TYPES.UniTuple(number, len(more))), generate

    return typed


@_primitive
def load(builder: Any, address: Any, word: Any) -> Any:
    """Return the word at an address."""
    return builder.load(_at(builder, address, word))


@_primitive
def store(builder: Any, address: Any, word: Any, value: Any) -> None:
    """Write a word."""
    builder.store(value, _at(builder, address, word))


@_primitive
def publish(builder: Any, address: Any, word: Any, value: Any) -> None:
    """Write a word after all that was written before."""
    builder.store_atomic(value, _at(builder, address, word), "release", 8)


@_primitive
def add(builder: Any, address: Any, word: Any, value: Any) -> Any:
    """Add to a word that other threads add to."""
    return builder.atomic_rmw("add", _at(builder, address, word), value, "monotonic")


@_primitive
def lift(builder: Any, address: Any, word: Any, value: Any) -> Any:
    """Make a word `value`, if that is more."""
    return builder.atomic_rmw("max", _at(builder, address, word), value, "monotonic")


@_primitive
def swap(builder: Any, address: Any, word: Any, old: Any, new: Any) -> Any:
    """Put `new` in the place of `old`; return 0 if something else was there."""
    place = _at(builder, address, word)
    pair = builder.cmpxchg(place, old, new, "acq_rel", "monotonic")
    return builder.zext(builder.extract_value(pair, 1), _I64)


@_primitive
def call(builder: Any, function: Any, *arguments: Any) -> Any:
    """Call a C function."""
    kind = ir.FunctionType(_I64, [_I64] * len(arguments))
    return builder.call(builder.inttoptr(function, kind.as_pointer()), arguments)


def inner(function: Callable[..., Any]) -> Any:
    """Compile `function` into those that call it."""
    # Nobody else calls it, it owns no memory, and a call would take longer than what it does.
    how = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "forceinline": True}
    return _COMPILER.njit(error_model="numpy", _nrt=False, **how)(function)


def compiled(function: Callable[..., Any], arity: int, returns: bool = True) -> Any:
    """Make a C function of `arity` integers, kept on disk where possible."""
    result = _TYPES.int64 if returns else _TYPES.void
    signature = result(*[_TYPES.int64] * arity)
    how = {"error_model": "numpy", "_nrt": False}
    try:
        return _COMPILER.cfunc(signature, cache=True, **how)(function)
    except RuntimeError:  # a read-only install and no writable home: no place for a cache
        return _COMPILER.cfunc(signature, **how)(function)
