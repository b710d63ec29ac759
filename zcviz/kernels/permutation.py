"""The bytes of a message, moved all at once: what native rows are made with; and columns of them.

As in ``simd``, functions stand here as plain Python, which is what they mean, and as machine code:
`permute` in three forms, for three kinds of processor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ._jit import COMPILED
from .simd import Bytes, Whole

__all__ = ["PIECES", "REACH", "ZERO", "permute", "stack1", "stack2", "stack4", "stack8"]

REACH = 80
"""How many bytes `permute` may touch on either side."""
ZERO = 0x80
"""In a table of `permute`: no byte of the source, but a zero."""
PIECES = 4
"""How many pieces a row has at least, in a table of the form that has pieces."""


def permute(data: Bytes, at: Whole, table: Bytes, row: Whole, out: Bytes, to: Whole) -> None:
    """Write ``data[at + table[row, i]]``, or 0 where that entry is `ZERO`, to ``out[to + i]``.

    For each `i` below 64. Tables come in three forms, for three kinds of processor, told apart by
    their number of dimensions; this is what one of two dimensions means. Up to `REACH` bytes from
    `at` are read, whatever the table says, and up to `REACH` from `to` written.
    """
    for i in range(64):
        out[to + i] = 0 if table[row, i] == ZERO else data[at + table[row, i]]


def _stack(size: int) -> Callable[[Bytes, Whole, Whole, Bytes, Whole], None]:
    def stack(rows: Bytes, at: Whole, width: Whole, out: Bytes, to: Whole) -> None:
        """Write eight values that are `width` bytes apart one after the other."""
        for i in range(8 * size):
            out[to + i] = rows[at + i // size * width + i % size]

    return stack


stack1, stack2, stack4, stack8 = map(_stack, (1, 2, 4, 8))  # by the size of a value


if COMPILED:
    from llvmlite import ir
    from numba.core import cgutils, types

    from .simd import AT, call, means, pointer, read, write

    _BYTE, _WORD, _FLAG = (ir.IntType(bits) for bits in (8, 64, 1))

    @means(permute, lambda data, at, table, row, out, to: types.void(data, AT, table, AT, out, AT))
    def _permute(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        data, table, out = (
            pointer(context, builder, signature.args[i], given[i], at)
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
        which, whole = read(builder, row, bytes_64), read(builder, data, bytes_64)
        found = call(builder, "llvm.x86.avx512.permvar.qi.512", bytes_64, whole, which)
        kept = builder.icmp_signed(">=", which, bytes_64([0] * 64))
        write(builder, out, builder.select(kept, found, bytes_64([0] * 64)))

    def _in_pieces(builder: Any, data: Any, row: Any, out: Any) -> None:
        # SSSE3. Row: of each piece, which ones of sixteen bytes; where those start, where the piece
        # goes, and how many pieces there are. The next one overwrites what is too much.
        bytes_16 = ir.VectorType(_BYTE, 16)

        def number(at: Any, i: int) -> Any:
            value = read(builder, builder.gep(row, [builder.add(at, _WORD(16 + i))]), _BYTE)
            return builder.zext(value, _WORD)

        def place(at: Any) -> None:
            which = read(builder, builder.gep(row, [at]), bytes_16)
            some = read(builder, builder.gep(data, [number(at, 0)]), bytes_16)
            moved = call(builder, "llvm.x86.ssse3.pshuf.b.128", bytes_16, some, which)
            write(builder, builder.gep(out, [number(at, 1)]), moved)

        for i in range(PIECES):  # nearly all messages have no more
            place(_WORD(32 * i))
        pieces = number(_WORD(0), 2)
        with cgutils.for_range_slice(builder, _WORD(PIECES), pieces, _WORD(1)) as (i, _):
            place(builder.mul(i, _WORD(32)))

    def _field_by_field(builder: Any, data: Any, row: Any, out: Any) -> None:
        # Any processor. Row: how many fields; of each, from where, to where, how many bits of a
        # word it lacks, whether to turn it round. A word is written for each; the next field, or
        # the next row, overwrites what is too much.
        def entry(at: Any) -> Any:
            return builder.zext(read(builder, builder.gep(row, [at]), _BYTE), _WORD)

        with cgutils.for_range(builder, entry(_WORD(0))) as loop:
            first = builder.mul(builder.add(loop.index, _WORD(1)), _WORD(4))
            source, target, lacks, turn = (entry(builder.add(first, _WORD(i))) for i in range(4))
            word = read(builder, builder.gep(data, [source]), _WORD)
            turned = builder.lshr(builder.bswap(word), lacks)
            cut = builder.lshr(builder.shl(word, lacks), lacks)
            value = builder.select(builder.trunc(turn, _FLAG), turned, cut)
            write(builder, builder.gep(out, [target]), value)

    _FORMS = {2: _at_once, 4: _in_pieces, 3: _field_by_field}

    def _stacks(function: Any, size: int) -> None:
        value, values = ir.IntType(8 * size), ir.VectorType(ir.IntType(8 * size), 8)

        @means(function, lambda rows, at, width, out, to: types.void(rows, AT, AT, out, AT))
        def _code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            rows, at, width, out, to = given
            first = pointer(context, builder, signature.args[0], rows, at)
            stacked = ir.Constant(values, ir.Undefined)
            for i in range(8):
                place = builder.gep(first, [builder.mul(width, _WORD(i))])
                stacked = builder.insert_element(stacked, read(builder, place, value), _WORD(i))
            write(builder, pointer(context, builder, signature.args[3], out, to), stacked)
            return context.get_dummy_value()

    for _function, _size in ((stack1, 1), (stack2, 2), (stack4, 4), (stack8, 8)):
        _stacks(_function, _size)
