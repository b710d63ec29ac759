"""Every error that zcviz raises on bad input, and nothing else.

::

    ZcvizError
    ├── SpecError (ValueError)               a wrong declaration, found when its table is imported
    ├── DecodeError (ValueError)             bytes that are not what the specification says
    │   ├── TruncatedError (EOFError)
    │   ├── BadMagicError
    │   └── LengthMismatchError
    ├── SelectionError (LookupError)         a filter names what the feed does not hold
    │   └── FieldError (KeyError)
    ├── BufferLifetimeError (RuntimeError)   memory used after, or released before, its time
    └── MissingExtraError (ImportError)      an optional library is not installed

A gap in a sequence and a heartbeat are events, not errors. Damage *inside* a file does not raise
either: it is reported as :class:`Problem` entries beside everything that could be decoded.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "BadMagicError",
    "BufferLifetimeError",
    "DecodeError",
    "FieldError",
    "LengthMismatchError",
    "MissingExtraError",
    "Problem",
    "SelectionError",
    "SpecError",
    "TruncatedError",
    "ZcvizError",
]


class ZcvizError(Exception):
    """The root of every error raised on bad input."""


class SpecError(ZcvizError, ValueError):
    """A protocol table contradicts itself."""


class DecodeError(ZcvizError, ValueError):
    """Bytes are not what the specification says.

    Parameters
    ----------
    what : str
        What was being read, such as ``itch50.add_order.price``.
    offset : int [bytes]
        Where it starts, counted in the (decompressed) stream.
    expected, found : object
        What should have been there, and what was.
    buffer : memoryview, optional
        The bytes around the place, kept for `hexdump`. Shared, not copied.
    """

    def __init__(
        self,
        what: str,
        *,
        offset: int,
        expected: object,
        found: object,
        buffer: memoryview | None = None,
    ) -> None:
        self.what = what
        self.offset = offset
        self.expected = expected
        self.found = found
        self.buffer = buffer
        super().__init__(f"{what} at byte {offset}: expected {expected}, found {found}")

    def hexdump(self, before: int = 16, after: int = 48) -> str:
        """Return the bytes around the offset, sixteen a line, the offending line marked."""
        if self.buffer is None:
            return "(the bytes are not at hand)"
        start = max(0, self.offset - before) & ~15
        stop = min(len(self.buffer), self.offset + after)
        lines = []
        for at in range(start, stop, 16):
            row = bytes(self.buffer[at : at + 16])
            mark = ">" if at <= self.offset < at + 16 else " "
            text = "".join(chr(b) if 32 <= b < 127 else "." for b in row)
            lines.append(f"{mark} {at:08x}  {row.hex(' '):<47}  {text}")
        return "\n".join(lines)


class TruncatedError(DecodeError, EOFError):
    """The bytes end before the thing that should be read does."""


class BadMagicError(DecodeError):
    """The content is of no format that zcviz reads."""


class LengthMismatchError(DecodeError):
    """A length on the wire contradicts the documented size."""


class SelectionError(ZcvizError, LookupError):
    """A filter names a symbol, message or field that the feed does not have."""


class FieldError(SelectionError, KeyError):
    """No field of that name."""

    __str__ = Exception.__str__  # KeyError would show the message as a quoted literal


class BufferLifetimeError(ZcvizError, RuntimeError):
    """Memory was read after it was released, or is still in use when it should be."""


class MissingExtraError(ZcvizError, ImportError):
    """An optional library is needed and not installed; the message names the extra."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Damage found inside a stream: what, where, and what was expected instead.

    Attributes
    ----------
    offset : int [bytes]
        Counted in the decompressed stream.
    what : str
    expected, found : int or str
        Integers are bytes.
    """

    offset: int
    what: str
    expected: int | str
    found: int | str

    def __str__(self) -> str:
        return f"{self.what} at byte {self.offset}: expected {self.expected}, found {self.found}"
