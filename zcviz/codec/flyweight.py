"""The lazy decoder: one object per message *type*, moved from message to message.

Reading an attribute reads just that field's bytes. Nothing is decoded, and no object is made, for
a field that nobody asks for.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from struct import Struct
from typing import Any

from ..buffers import Buffer
from ..errors import BufferLifetimeError
from ..spec import Field, Message
from .layout import HALVES, codes_of
from .record import Record, record_of

__all__ = ["Flyweight", "reader", "view_of"]


class Flyweight:
    """A view of one message that `wrap` aims at another place.

    Notes
    -----
    Memory: view of the wrapped buffer, keeps it alive until it is wrapped anew or revoked.
    """

    # The buffer's slot is *empty* while there is nothing to read. Reading a field then finds no
    # attribute, ends in __getattr__ below, and costs nothing while all is well.
    __slots__ = ("__weakref__", "_at", "_buffer")
    message: Message
    _at: int
    _buffer: Buffer

    def wrap(self, buffer: Buffer, at: int = 0) -> Flyweight:
        """Aim at the message that starts at byte `at` of `buffer`; return self."""
        self._buffer = buffer
        self._at = at
        return self

    def revoke(self) -> None:
        """Let go of the buffer; reading a field raises `BufferLifetimeError` from now on."""
        with suppress(AttributeError):  # aimed at nothing already
            del self._buffer

    @property
    def is_aimed(self) -> bool:
        """Whether there is a message to read."""
        try:
            self._buffer  # noqa: B018
        except BufferLifetimeError:
            return False
        return True

    def to_record(self) -> Record:
        """Return a copy of the message that owns its values."""
        return record_of(self.message)(self._buffer, self._at)

    def to_dict(self) -> dict[str, int | bytes]:
        """Return a copy of the message as a dictionary, in wire order."""
        return {field.name: getattr(self, field.name) for field in self.message.fields}

    @property
    def __zcviz_owner__(self) -> object:
        return self._buffer

    def __zcviz_range__(self) -> tuple[int, int]:
        """Offset into the owner and size, both in bytes."""
        return self._at, self.message.size

    def __getattr__(self, name: str) -> Any:
        if name == "_buffer":
            raise BufferLifetimeError(
                f"this {type(self).__name__} view is aimed at nothing: "
                "its feed was closed, or wrap() was never called"
            )
        raise AttributeError(f"{type(self).__name__} has no field {name!r}")

    def __repr__(self) -> str:
        try:
            values = " ".join(f"{name}={value!r}" for name, value in self.to_dict().items())
        except BufferLifetimeError:
            values = "aimed at nothing"
        return f"<{type(self).__name__} view: {values}>"


@cache
def reader(message: Message, name: str) -> Callable[[Buffer, int], Any]:
    """Compile a function that reads one field of the message starting at a given byte.

    Returns
    -------
    callable (buffer, at) -> int or bytes
    """
    offset = message[name].offset
    unpack, high_first = _unpacker(message, message[name])
    if high_first is None:
        return lambda buffer, at: unpack(buffer, at + offset)[0]

    def read_halves(buffer: Buffer, at: int) -> int:
        one, two = unpack(buffer, at + offset)
        return one << 32 | two if high_first else two << 32 | one  # type: ignore[no-any-return]

    return read_halves


def _unpacker(message: Message, field: Field) -> tuple[Callable[..., Any], bool | None]:
    # A bound unpack, and for a 48-bit integer whether the first of its two values is the high one.
    codes = codes_of(field, message.order)
    unpack = Struct(message.order + codes).unpack_from
    return unpack, message.order == ">" if codes in HALVES.values() else None


@cache
def view_of(message: Message) -> type[Flyweight]:
    r"""Compile the flyweight class of one message type.

    Examples
    --------
    >>> from zcviz.protocols.itch50 import ORDER_DELETE
    >>> view = view_of(ORDER_DELETE)().wrap(b"D" + bytes(17) + b"\x07")
    >>> view.order_reference_number
    7
    """
    body: dict[str, object] = {"__slots__": (), "message": message}
    body |= {field.name: _attribute(message, field) for field in message.fields}
    return type(message.class_name, (Flyweight,), body)


def _attribute(message: Message, field: Field) -> property:
    # One bound unpack and one closure: measured as fast as generated source, and debuggable.
    # `reader` is not called from here: that second call would cost a quarter of the time.
    offset = field.offset
    unpack, high_first = _unpacker(message, field)
    if high_first is None:
        return property(lambda self: unpack(self._buffer, self._at + offset)[0], doc=field.doc)

    def read_halves(self: Flyweight) -> int:
        one, two = unpack(self._buffer, self._at + offset)
        return one << 32 | two if high_first else two << 32 | one  # type: ignore[no-any-return]

    return property(read_halves, doc=field.doc)
