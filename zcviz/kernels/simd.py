"""What a processor does in an instruction or two and Python has no word for, as functions.

Each is defined here in plain Python, which is what it means and what runs without numba, and once
more below as the machine code that numba puts in its place. None checks a bound: the kernels do.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache, wraps
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ._jit import COMPILED

__all__ = [
    "LANES",
    "byte",
    "features",
    "get",
    "load",
    "pack",
    "packs",
    "prefetch",
    "put",
    "reversed_bytes",
    "store",
]

Bytes = NDArray[Any]
F = TypeVar("F", bound=Callable[..., Any])
Whole = int | np.integer[Any]


def prefetch(data: Bytes, at: Whole) -> None:
    """Ask for the cache line at ``data[at]``, which may lie anywhere: no byte is read.

    A chain of lengths waits for memory at each step unless the bytes are on their way already.
    """


def byte(data: Bytes, at: Whole) -> int:
    """Return ``data[at]`` where `at` is known not to be negative."""
    return data[at]  # type: ignore[no-any-return]


def get(array: Bytes, at: Whole) -> int:
    """Return ``array[at]``, of any integers, where `at` is known not to be negative."""
    return array[at]  # type: ignore[no-any-return]


def put(out: Bytes, at: Whole, value: Whole) -> None:
    """Set ``out[at]`` where `at` is known not to be negative."""
    out[at] = value


def load(data: Bytes, at: Whole) -> int:
    """Return eight bytes as an integer, the first byte lowest."""
    return int.from_bytes(data[at : at + 8], "little")


def store(out: Bytes, at: Whole, value: Whole) -> None:
    """Write eight bytes, the lowest of `value` first."""
    for i in range(8):
        out[at + i] = int(value) >> 8 * i & 0xFF


def reversed_bytes(value: Whole) -> int:
    """Return an integer of eight bytes with their order turned round."""
    return int.from_bytes(int(value).to_bytes(8, "little"), "big")


LANES = 32
"""The most values that `pack` handles."""


def pack(values: Bytes, at: Whole, tags: Bytes, tag: Whole, out: Bytes, to: Whole) -> int:
    """Write, next to each other, those of 64 bytes of values whose tag is `tag`; return how many.

    As many are overwritten in `out` as are looked at. Only where `packs` says so.
    """
    found = 0
    for i in range(at, at + 64 // values.itemsize):
        if tags[i] == tag:
            out[to + found] = values[i]
            found += 1
    return found


@cache
def features() -> frozenset[str]:
    """Return what the processor has that code is generated for; numba's settings may restrict it.

    None where there is no code, or where bytes stand the other way round than it expects.
    """
    if not COMPILED or sys.byteorder != "little":
        return frozenset()
    from numba.core.registry import cpu_target

    found = cpu_target.target_context.codegen().magic_tuple()[2].split(",")
    return frozenset(each[1:] for each in found if each.startswith("+"))


def packs(size: int) -> bool:
    """Return whether this processor has an instruction for `pack`, for values of `size` bytes."""
    needed = {"avx512f", "avx512bw", "avx512vl"} | ({"avx512vbmi2"} if size == 2 else set())
    return size in (2, 4, 8) and features() >= needed


if COMPILED:
    from llvmlite import ir
    from numba.core import cgutils, types
    from numba.extending import lower_builtin, type_callable

    _BYTE, _INT, _WORD = (ir.IntType(bits) for bits in (8, 32, 64))
    AT, _VALUE = types.int64, types.uint64

    def means(function: Any, typer: Any) -> Callable[[F], F]:
        # Decorates the machine code of `function`; `typer` says its types, given arguments' types.
        # It is told of pointers only: arrays with gaps between their items are not for it.
        @wraps(typer)
        def checked(*given: Any) -> Any:
            gaps = any(isinstance(each, types.Array) and each.layout == "A" for each in given)
            return None if gaps else typer(*given)

        type_callable(function)(lambda context: checked)
        return lower_builtin(function, *[types.Any] * typer.__code__.co_argcount)  # type: ignore[no-any-return, no-untyped-call]

    def pointer(context: Any, builder: Any, kind: Any, array: Any, at: Any) -> Any:
        start = context.make_array(kind)(context, builder, array).data
        return builder.gep(builder.bitcast(start, _BYTE.as_pointer()), [at])

    def read(builder: Any, pointer: Any, kind: Any) -> Any:
        value = builder.load(builder.bitcast(pointer, kind.as_pointer()))
        value.align = 1
        return value

    def write(builder: Any, pointer: Any, value: Any) -> None:
        builder.store(value, builder.bitcast(pointer, value.type.as_pointer())).align = 1

    def call(builder: Any, name: str, answer: Any, *given: Any) -> Any:
        kind = ir.FunctionType(answer, [each.type for each in given])
        function = cgutils.get_or_insert_function(builder.module, kind, name)  # type: ignore[no-untyped-call]
        return builder.call(function, given)

    @means(prefetch, lambda data, at: types.void(data, AT))
    def _prefetch(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        place = pointer(context, builder, signature.args[0], *given)
        how = (_INT(0), _INT(3), _INT(1))  # to read; to be kept in all caches; data, not code
        call(builder, "llvm.prefetch.p0", ir.VoidType(), place, *how)
        return context.get_dummy_value()

    @means(byte, lambda data, at: types.int64(data, AT))
    def _byte(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        place = pointer(context, builder, signature.args[0], *given)
        return builder.zext(read(builder, place, _BYTE), _WORD)

    @means(get, lambda array, at: array.dtype(array, AT))
    def _get(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        start = context.make_array(signature.args[0])(context, builder, given[0]).data
        return builder.load(builder.gep(start, [given[1]]))

    @means(put, lambda out, at, value: types.void(out, AT, out.dtype))
    def _put(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        start = context.make_array(signature.args[0])(context, builder, given[0]).data
        builder.store(given[2], builder.gep(start, [given[1]]))
        return context.get_dummy_value()

    @means(load, lambda data, at: _VALUE(data, AT))
    def _load(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return read(builder, pointer(context, builder, signature.args[0], *given), _WORD)

    @means(store, lambda out, at, value: types.void(out, AT, _VALUE))
    def _store(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        *where, value = given
        write(builder, pointer(context, builder, signature.args[0], *where), value)
        return context.get_dummy_value()

    @means(pack, lambda values, at, tags, tag, out, to: types.int64(values, AT, tags, AT, out, AT))
    def _pack(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        number, letter = (context.get_data_type(signature.args[i].dtype) for i in (0, 2))
        lanes = 512 // number.width
        numbers, letters = ir.VectorType(number, lanes), ir.VectorType(letter, lanes)
        values, tags, out = (
            builder.gep(context.make_array(kind)(context, builder, array).data, [place])
            for kind, array, place in zip(
                signature.args[::2], given[::2], (given[1], given[1], given[5]), strict=True
            )
        )
        wanted, tag = ir.Constant(letters, ir.Undefined), builder.trunc(given[3], letter)
        for i in range(lanes):
            wanted = builder.insert_element(wanted, tag, _INT(i))
        chosen = builder.icmp_unsigned("==", read(builder, tags, letters), wanted)
        some = read(builder, values, numbers)
        name = f"llvm.x86.avx512.mask.compress.v{lanes}i{number.width}"
        write(builder, out, call(builder, name, numbers, some, numbers([0] * lanes), chosen))
        mask = builder.bitcast(chosen, ir.IntType(lanes))
        return builder.zext(builder.ctpop(mask), _WORD)

    @means(reversed_bytes, lambda value: _VALUE(_VALUE))
    def _reversed(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return builder.bswap(given[0])
