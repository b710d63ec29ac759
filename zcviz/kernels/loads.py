"""Integers of the wire, each read by one instruction and turned by another.

The index has to be in bounds: nothing here checks. A chain of shifts over single bytes says the
same, but compiles for longer, and pays for the indices that Python counts from the end.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Any

from numpy.typing import NDArray

from ._jit import COMPILED

__all__ = ["u8", "u16", "u32", "u64"]

Load = Callable[[NDArray[Any], int, bool], int]


def _plain(size: int) -> Load:
    code = {1: "B", 2: "H", 4: "I", 8: "Q"}[size]
    from_big, from_little = (Struct(order + code).unpack_from for order in "><")

    def load(data: NDArray[Any], at: int, big: bool) -> int:
        return (from_big if big else from_little)(data, at)[0]  # type: ignore[no-any-return]

    return load


def _compiled(size: int) -> Load:
    from llvmlite import ir
    from numba import types
    from numba.extending import intrinsic

    whole, wide = ir.IntType(8 * size), ir.IntType(64)

    @intrinsic
    def load(typing: Any, data: Any, at: Any, big: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            array = context.make_array(signature.args[0])(context, builder, given[0])
            place = builder.gep(array.data, [given[1]])
            value = builder.load(builder.bitcast(place, whole.as_pointer()))
            value.align = 1
            if size > 1:  # the machine is little-endian
                value = builder.select(given[2], builder.bswap(value), value)
            return value if size == 8 else builder.zext(value, wide)

        return types.int64(data, at, big), generate

    return load  # type: ignore[return-value]


_make = _compiled if COMPILED else _plain

u8, u16, u32, u64 = map(_make, (1, 2, 4, 8))
"""Return the unsigned integer at ``data[at]``, most significant byte first if `big`.

One of 64 bits wraps to a negative number when compiled; stored into an array of uint64 it is right.
"""
