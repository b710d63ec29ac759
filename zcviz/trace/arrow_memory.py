"""Where the buffers of Arrow data lie, read from the C structures that libraries exchange.

Sources: "The Arrow C data interface" (structures, format strings), "The Arrow C stream interface",
"The Arrow PyCapsule Interface" and "Arrow Columnar Format" (buffers of each layout). No library is
needed, and nothing is imported, for that.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any, NamedTuple

__all__ = ["Range", "exported_array", "exported_stream"]

_MOST_CHUNKS = 1 << 16


class Range(NamedTuple):
    """Bytes of one buffer: what they are, where they lie, and what keeps them there."""

    label: str
    address: int
    nbytes: int
    keeps: object


class _Schema(ctypes.Structure):
    pass


class _Array(ctypes.Structure):
    pass


class _Stream(ctypes.Structure):
    pass


_LONG, _POINTER = ctypes.c_int64, ctypes.c_void_p
_Schema._fields_ = [
    ("format", ctypes.c_char_p), ("name", ctypes.c_char_p), ("metadata", _POINTER),
    ("flags", _LONG), ("n_children", _LONG),
    ("children", ctypes.POINTER(ctypes.POINTER(_Schema))), ("dictionary", ctypes.POINTER(_Schema)),
    ("release", _POINTER), ("private_data", _POINTER),
]  # fmt: skip
_Array._fields_ = [
    ("length", _LONG), ("null_count", _LONG), ("offset", _LONG),
    ("n_buffers", _LONG), ("n_children", _LONG), ("buffers", ctypes.POINTER(_POINTER)),
    ("children", ctypes.POINTER(ctypes.POINTER(_Array))), ("dictionary", ctypes.POINTER(_Array)),
    ("release", _POINTER), ("private_data", _POINTER),
]  # fmt: skip
_Stream._fields_ = [
    (name, _POINTER)
    for name in ("get_schema", "get_next", "get_last_error", "release", "private_data")
]

_WIDTHS = {
    "b": 1, "c": 8, "C": 8, "s": 16, "S": 16, "e": 16, "i": 32, "I": 32, "f": 32, "l": 64,
    "L": 64, "g": 64, "tdD": 32, "tdm": 64, "tts": 32, "ttm": 32, "ttu": 64, "ttn": 64,
    "tiM": 32, "tiD": 64, "tin": 128,
}  # fmt: skip
_OFFSETS = {"z": 4, "u": 4, "Z": 8, "U": 8, "+l": 4, "+L": 8, "+m": 4}  # size of one
_VIEWS = {"+vl": 4, "+vL": 8}


def exported_array(capsules: Any) -> list[Range]:
    """Return where the array lies that ``__arrow_c_array__()`` gave.

    Raises
    ------
    TypeError, ValueError
        These are no such capsules, or what is in them contradicts itself.
    """
    schema, array = capsules
    return list(_ranges(_opened(schema, _Schema), _opened(array, _Array), capsules))


def exported_stream(capsule: Any) -> list[Range]:
    """Return where the chunks lie that ``__arrow_c_stream__()`` gave: as `exported_array`."""
    stream = _opened(capsule, _Stream)
    schema = _Owned(_Schema)
    _call(stream, stream.get_schema, schema.value)
    found: list[Range] = []
    for number in range(_MOST_CHUNKS):
        chunk = _Owned(_Array)
        _call(stream, stream.get_next, chunk.value)
        if not chunk.value.release:
            return found
        named = _ranges(schema.value, chunk.value, chunk)
        found += [each._replace(label=f"chunk {number} {each.label}") for each in named]
    raise ValueError(f"it has more than {_MOST_CHUNKS:,} chunks")


class _Owned:
    # A structure that somebody else fills; who filled it is told when nobody needs it any more.
    def __init__(self, kind: type[ctypes.Structure]) -> None:
        self.value: Any = kind()

    def __del__(self) -> None:
        if self.value.release:
            release = ctypes.CFUNCTYPE(None, _POINTER)(self.value.release)
            release(ctypes.addressof(self.value))


def _opened(capsule: Any, kind: type[ctypes.Structure]) -> Any:
    name = {_Schema: b"arrow_schema", _Array: b"arrow_array", _Stream: b"arrow_array_stream"}[kind]
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    value: Any = kind.from_address(get(capsule, name))
    if not value.release:
        raise ValueError("it was released")
    return value


def _call(stream: Any, function: int, value: ctypes.Structure) -> None:
    kind = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, _POINTER)
    failed = kind(function)(ctypes.addressof(stream), ctypes.addressof(value))
    if failed:
        raise ValueError(f"its stream fails with error {failed}")


def _ranges(
    schema: Any, array: Any, keeps: object, where: str = "", part: tuple[int, int] | None = None
) -> Iterator[Range]:
    # `part`: first row and number of rows that the array above shows of this one.
    first, count = (0, array.length) if part is None else part
    start = array.offset + first
    kind = schema.format.decode()
    if min(first, count, start) < 0 or first + count > max(array.length, 0):
        raise ValueError(f"it has {array.length} rows at {array.offset}, of which {count} are used")
    if not 0 <= array.n_buffers <= _MOST_CHUNKS or not 0 <= array.n_children <= _MOST_CHUNKS:
        raise ValueError(f"it has {array.n_buffers} buffers and {array.n_children} children")
    buffers = [array.buffers[number] or 0 for number in range(array.n_buffers)]
    for label, number, low, high in _extents(kind, buffers, start, count):
        if number < len(buffers) and buffers[number] and high > low:
            yield Range(f"{where}{label}", buffers[number] + low, high - low, keeps)
    for number in range(array.n_children):
        child = schema.children[number].contents
        rows = _rows_below(kind, buffers, start, count)
        name = (child.name or b"").decode(errors="replace")
        label = f"{where}[{name!r}] " if kind == "+s" else f"{where}{name or number} "
        values = array.children[number].contents
        yield from _ranges(child, values, keeps, label, rows and _within(rows, values))
    if array.dictionary:
        values = array.dictionary.contents
        yield from _ranges(schema.dictionary.contents, values, keeps, f"{where}dictionary ")


def _within(rows: tuple[int, int], array: Any) -> tuple[int, int]:
    first = min(rows[0], array.length)
    return first, min(rows[1], array.length - first)


def _extents(
    kind: str, buffers: list[int], start: int, count: int
) -> Iterator[tuple[str, int, int, int]]:
    # Of each buffer: what it is, its number, its first byte and the one after its last.
    bits = ("validity", 0, start // 8, (start + count + 7) // 8 if count else start // 8)
    if kind[:2] in ("+u", "+r") or kind == "n":
        dense = kind.startswith("+ud")
        if kind.startswith("+u"):
            yield "types", 0, start, start + count
        if dense:
            yield "offsets", 1, start * 4, (start + count) * 4
        return
    yield bits
    if kind in _OFFSETS:
        size = _OFFSETS[kind]
        yield "offsets", 1, start * size, (start + count + bool(count)) * size
        if not kind.startswith("+"):
            low, rows = _slots(buffers, size, start, count)
            yield "data", 2, low, low + rows
    elif kind in _VIEWS:
        size = _VIEWS[kind]
        yield "offsets", 1, start * size, (start + count) * size
        yield "sizes", 2, start * size, (start + count) * size
    elif kind in ("vu", "vz"):
        yield "views", 1, start * 16, (start + count) * 16
        long = len(buffers) - 3 if buffers[-1] else 0
        for number in range(long):  # how many bytes each has, the last buffer says
            yield f"text {number}", number + 2, 0, _integer(buffers[-1], 8, number)
    elif not kind.startswith("+"):
        width = _width(kind)
        yield "data", 1, start * width // 8, -(-(start + count) * width // 8)


def _rows_below(kind: str, buffers: list[int], start: int, count: int) -> tuple[int, int] | None:
    # Which rows of a child are used; None: all, or only a look at each row could tell.
    if kind == "+s" or kind.startswith("+us"):
        return start, count
    if kind in _OFFSETS:
        return _slots(buffers, _OFFSETS[kind], start, count)
    if kind.startswith("+w:"):
        return start * int(kind[3:]), count * int(kind[3:])
    return None


def _slots(buffers: list[int], size: int, start: int, count: int) -> tuple[int, int]:
    if not count or not buffers[1]:
        return 0, 0
    low, high = (_integer(buffers[1], size, number) for number in (start, start + count))
    return low, max(0, high - low)


def _integer(address: int, size: int, number: int) -> int:
    kind = ctypes.c_int32 if size == 4 else ctypes.c_int64
    return kind.from_address(address + number * size).value


def _width(kind: str) -> int:
    # Of one value, in bits.
    if kind in _WIDTHS:
        return _WIDTHS[kind]
    if kind[:2] in ("ts", "tD"):
        return 64
    if kind.startswith("w:"):
        return 8 * int(kind[2:])
    if kind.startswith("d:"):
        digits = kind[2:].split(",")
        return int(digits[2]) if len(digits) > 2 else 128
    raise ValueError(f"its format is {kind!r}, which is not known")
