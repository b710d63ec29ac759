"""What a processor does in an instruction or two and Python has no word for, as functions.

Each is defined here in plain Python, which is what it means and what runs without numba, and once
more below as the machine code that numba puts in its place. None checks a bound: the kernels do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ._jit import COMPILED

__all__ = [
    "PIECES",
    "REACH",
    "ZERO",
    "byte",
    "get",
    "load",
    "permute",
    "prefetch",
    "put",
    "reversed_bytes",
    "store",
]

Bytes = NDArray[Any]
F = TypeVar("F", bound=Callable[..., Any])
Whole = int | np.integer[Any]

REACH = 80
"""How many bytes `permute` may touch on either side."""
ZERO = 0x80
"""In a table of `permute`: no byte of the source, but a zero."""
PIECES = 4
"""How many pieces a row has at least, in a table of the form that has pieces."""


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


def permute(data: Bytes, at: Whole, table: Bytes, row: Whole, out: Bytes, to: Whole) -> None:
    """Write ``data[at + table[row, i]]``, or 0 where that entry is `ZERO`, to ``out[to + i]``.

    For each `i` below 64. Tables come in three forms, for three kinds of processor, told apart by
    their number of dimensions; this is what one of two dimensions means. Up to `REACH` bytes from
    `at` are read, whatever the table says, and up to `REACH` from `to` written.
    """
    for i in range(64):
        out[to + i] = 0 if table[row, i] == ZERO else data[at + table[row, i]]


if COMPILED:
    from llvmlite import ir
    from numba.core import cgutils, types
    from numba.extending import lower_builtin, type_callable

    _BYTE, _INT, _WORD, _FLAG = (ir.IntType(bits) for bits in (8, 32, 64, 1))
    _AT, _VALUE = types.int64, types.uint64

    def _means(function: Any, typer: Any) -> Callable[[F], F]:
        # Decorates the machine code of `function`; `typer` says its types, given arguments' types.
        type_callable(function)(lambda context: typer)
        return lower_builtin(function, *[types.Any] * typer.__code__.co_argcount)  # type: ignore[no-any-return, no-untyped-call]

    def _pointer(context: Any, builder: Any, kind: Any, array: Any, at: Any) -> Any:
        start = context.make_array(kind)(context, builder, array).data
        return builder.gep(builder.bitcast(start, _BYTE.as_pointer()), [at])

    def _read(builder: Any, pointer: Any, kind: Any) -> Any:
        value = builder.load(builder.bitcast(pointer, kind.as_pointer()))
        value.align = 1
        return value

    def _write(builder: Any, pointer: Any, value: Any) -> None:
        builder.store(value, builder.bitcast(pointer, value.type.as_pointer())).align = 1

    def _call(builder: Any, name: str, answer: Any, *given: Any) -> Any:
        kind = ir.FunctionType(answer, [each.type for each in given])
        function = cgutils.get_or_insert_function(builder.module, kind, name)  # type: ignore[no-untyped-call]
        return builder.call(function, given)

    @_means(prefetch, lambda data, at: types.void(data, _AT))
    def _prefetch(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], *given)
        how = (_INT(0), _INT(3), _INT(1))  # to read; to be kept in all caches; data, not code
        _call(builder, "llvm.prefetch.p0", ir.VoidType(), pointer, *how)
        return context.get_dummy_value()

    @_means(byte, lambda data, at: types.int64(data, _AT))
    def _byte(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], *given)
        return builder.zext(_read(builder, pointer, _BYTE), _WORD)

    @_means(get, lambda array, at: array.dtype(array, _AT))
    def _get(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        start = context.make_array(signature.args[0])(context, builder, given[0]).data
        return builder.load(builder.gep(start, [given[1]]))

    @_means(put, lambda out, at, value: types.void(out, _AT, out.dtype))
    def _put(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        start = context.make_array(signature.args[0])(context, builder, given[0]).data
        builder.store(given[2], builder.gep(start, [given[1]]))
        return context.get_dummy_value()

    @_means(load, lambda data, at: _VALUE(data, _AT))
    def _load(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return _read(builder, _pointer(context, builder, signature.args[0], *given), _WORD)

    @_means(store, lambda out, at, value: types.void(out, _AT, _VALUE))
    def _store(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        *where, value = given
        _write(builder, _pointer(context, builder, signature.args[0], *where), value)
        return context.get_dummy_value()

    @_means(reversed_bytes, lambda value: _VALUE(_VALUE))
    def _reversed(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return builder.bswap(given[0])

    @_means(
        permute, lambda data, at, table, row, out, to: types.void(data, _AT, table, _AT, out, _AT)
    )
    def _permute(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        data, table, out = (
            _pointer(context, builder, signature.args[i], given[i], at)
            for i, at in ((0, given[1]), (2, _WORD(0)), (4, given[5]))
        )
        kind = signature.args[2]
        strides = context.make_array(kind)(context, builder, given[2]).strides
        step = cgutils.unpack_tuple(builder, strides, kind.ndim)[0]  # type: ignore[no-untyped-call]
        row = builder.gep(table, [builder.mul(given[3], step)])
        _FORMS[kind.ndim](builder, data, row, out)
        return context.get_dummy_value()

    def _at_once(builder: Any, data: Any, row: Any, out: Any) -> None:
        # AVX-512 VBMI. Row: of each byte, which one it is.
        bytes_64 = ir.VectorType(_BYTE, 64)
        which = _read(builder, row, bytes_64)
        found = _call(
            builder,
            "llvm.x86.avx512.permvar.qi.512",
            bytes_64,
            _read(builder, data, bytes_64),
            which,
        )
        kept = builder.icmp_signed(">=", which, bytes_64([0] * 64))
        _write(builder, out, builder.select(kept, found, bytes_64([0] * 64)))

    def _in_pieces(builder: Any, data: Any, row: Any, out: Any) -> None:
        # SSSE3. Row: of each piece, which ones of sixteen bytes; where those start, where the piece
        # goes, and how many pieces there are. The next one overwrites what is too much.
        bytes_16 = ir.VectorType(_BYTE, 16)

        def number(at: Any, i: int) -> Any:
            value = _read(builder, builder.gep(row, [builder.add(at, _WORD(16 + i))]), _BYTE)
            return builder.zext(value, _WORD)

        def place(at: Any) -> None:
            which = _read(builder, builder.gep(row, [at]), bytes_16)
            some = _read(builder, builder.gep(data, [number(at, 0)]), bytes_16)
            moved = _call(builder, "llvm.x86.ssse3.pshuf.b.128", bytes_16, some, which)
            _write(builder, builder.gep(out, [number(at, 1)]), moved)

        for i in range(PIECES):  # nearly all messages have no more
            place(_WORD(32 * i))
        with cgutils.for_range_slice(builder, _WORD(PIECES), number(_WORD(0), 2), _WORD(1)) as (
            i,
            _,
        ):
            place(builder.mul(i, _WORD(32)))

    def _field_by_field(builder: Any, data: Any, row: Any, out: Any) -> None:
        # Any processor. Row: how many fields; of each, from where, to where, how many bits of a
        # word it lacks, whether to turn it round. A word is written for each; the next field, or
        # the next row, overwrites what is too much.
        def entry(at: Any) -> Any:
            return builder.zext(_read(builder, builder.gep(row, [at]), _BYTE), _WORD)

        with cgutils.for_range(builder, entry(_WORD(0))) as loop:
            first = builder.mul(builder.add(loop.index, _WORD(1)), _WORD(4))
            source, target, lacks, turn = (entry(builder.add(first, _WORD(i))) for i in range(4))
            word = _read(builder, builder.gep(data, [source]), _WORD)
            turned = builder.lshr(builder.bswap(word), lacks)
            cut = builder.lshr(builder.shl(word, lacks), lacks)
            value = builder.select(builder.trunc(turn, _FLAG), turned, cut)
            _write(builder, builder.gep(out, [target]), value)

    _FORMS = {2: _at_once, 4: _in_pieces, 3: _field_by_field}
