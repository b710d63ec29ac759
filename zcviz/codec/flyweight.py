"""The lazy decoder: one object per message *type*, moved from message to message.

Reading an attribute reads just that field's bytes. Nothing is decoded, and no object is made, for
a field that nobody asks for. Over the entries of a group, in SBE, a view of an entry moves just so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache, partial
from struct import Struct
from typing import Any

from ..buffers import Buffer, as_view
from ..errors import BufferLifetimeError
from ..spec import Field, Message
from .layout import HALVES, Value, absent, codes_of, extent_of
from .parts import Place, after, data_at, extent_within, group_at, place_of
from .record import Record, record_of

__all__ = ["BlockFlyweight", "Entries", "Flyweight", "reader", "view_of"]


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

    def wrap(self, buffer: Buffer, at: int = 0, size: int | None = None) -> Flyweight:
        """Aim at the message that starts at byte `at` of `buffer`; return self.

        Only messages of variable length ask for the `size`; see `BlockFlyweight`.
        """
        self._buffer = buffer
        self._at = at
        return self

    def renew(self, buffer: Buffer) -> None:
        """Read from another view of the same memory, if there is a message to read."""
        if self.is_aimed:
            self._buffer = buffer

    def revoke(self) -> None:
        """Let go of the buffer; reading a field raises `BufferLifetimeError` from now on."""
        # `suppress` takes twice as long, and after each batch all views are revoked.
        try:  # noqa: SIM105
            del self._buffer
        except AttributeError:  # aimed at nothing already
            pass

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

    def to_dict(self) -> dict[str, Any]:
        """Return a copy of the message as a dictionary, in wire order."""
        return self._fields()

    def _fields(self) -> dict[str, Value]:
        return {field.name: getattr(self, field.name) for field in self.message.fields}

    @property
    def __zcviz_owner__(self) -> object:
        return self._buffer

    def __zcviz_range__(self) -> tuple[int, int]:
        """Offset into the owner and size, both in bytes."""
        return self._at, self.message.size

    def __getattr__(self, name: str) -> Any:
        if name in ("_buffer", "_extent", "_place", "_stop"):
            raise BufferLifetimeError(
                f"this {type(self).__name__} view is aimed at nothing: "
                "its feed was closed, or wrap() was never called"
            )
        raise AttributeError(f"{type(self).__name__} has no field {name!r}")

    def __repr__(self) -> str:
        try:
            values = " ".join(f"{name}={value!r}" for name, value in self._fields().items())
        except BufferLifetimeError:
            values = "aimed at nothing"
        return f"<{type(self).__name__} view: {values}>"


class BlockFlyweight(Flyweight):
    """A view of an SBE message, or of the entry of a group: fields, groups, variable data.

    Fields that the message ends before read as their null. A group is an attribute that gives
    `Entries`, var-data one that gives a memoryview.

    Notes
    -----
    Memory: view of the wrapped buffer, keeps it alive until it is wrapped anew or revoked; so do
    the views of entries, and the memoryviews of var-data for as long as they live.
    """

    __slots__ = ("_children", "_extent", "_place", "_stop")
    _extent_within: Callable[[Buffer, int, int], int]
    _extent: int
    _place: Place | None
    _stop: int

    def __init__(self) -> None:
        self._children: dict[int, BlockFlyweight] = {}

    def wrap(self, buffer: Buffer, at: int = 0, size: int | None = None) -> BlockFlyweight:
        """Aim at the message that starts at byte `at` of `buffer`; return self.

        Parameters
        ----------
        buffer : bytes-like
        at : int [bytes]
        size : int, optional [bytes]
            Of the message, with all its parts; nothing beyond it is read. By default it may reach
            to the end of the buffer. Of a lone entry of a group: of its fixed part.

        Raises
        ------
        TruncatedError
            The header or the fixed part does not fit.
        """
        room: int = len(buffer)  # type: ignore[arg-type]
        stop = room if size is None else min(room, at + size)
        self._extent = self._extent_within(buffer, at, stop)
        self._stop = stop
        self._place = None
        self._buffer = buffer
        self._at = at
        return self

    def _aim(self, buffer: Buffer, at: int, place: Place) -> BlockFlyweight:
        self._buffer = buffer
        self._at = at
        self._place = place
        self._extent = place.block
        return self

    def _parts(self) -> Place:
        if self._place is None:  # made for who asks
            make = place_of(self.message)
            self._place = make(self._buffer, self._at, self._extent, self._stop)
        return self._place

    def renew(self, buffer: Buffer) -> None:
        """Read from another view of the same memory, in the views of entries too."""
        super().renew(buffer)
        for child in self._children.values():
            child.renew(buffer)

    def revoke(self) -> None:
        """Let go of the buffer, in the views of entries too."""
        super().revoke()
        with suppress(AttributeError):
            del self._extent
        for child in self._children.values():
            child.revoke()

    def to_record(self) -> Record:
        """Return a copy of the fields that owns its values; groups and var-data are left out."""
        return record_of(self.message)(self._buffer, self._at, self._extent - self.message.block)

    def to_dict(self) -> dict[str, Any]:
        """Return a copy of the message: fields, then groups as lists of such, then var-data."""
        whole: dict[str, Any] = self._fields()
        for group in self.message.groups:
            whole[group.name] = [entry.to_dict() for entry in getattr(self, group.name)]
        for data in self.message.data:
            whole[data.name] = bytes(getattr(self, data.name))
        return whole

    def __zcviz_range__(self) -> tuple[int, int]:
        """Offset into the owner and size of the fixed part, both in bytes."""
        return self._at, self._extent

    def _entries(self, number: int) -> Entries:
        if number not in self._children:
            made: Any = view_of(self.message.groups[number].entry)()
            self._children[number] = made
        return Entries(self, number)

    def _data(self, number: int) -> memoryview:
        buffer = self._buffer
        start, length = data_at(self.message, self._parts(), self._at, number, buffer)
        return as_view(buffer)[start : start + length]


class Entries:
    """The entries of a group: iterating moves one view from entry to entry.

    Keep an entry with ``entry.to_record()`` or ``entry.to_dict()``. Two loops over the same group
    of the same view move the same entry.

    Notes
    -----
    Memory: nothing is copied. It lasts until its message's view is wrapped anew.
    """

    __slots__ = ("_place", "_view", "_whole")

    def __init__(self, whole: BlockFlyweight, number: int) -> None:
        self._whole = whole
        self._view = whole._children[number]
        self._place = group_at(whole.message, whole._parts(), whole._at, number, whole._buffer)

    def __len__(self) -> int:
        return self._place.entries

    def __iter__(self) -> Iterator[BlockFlyweight]:
        view, place, at = self._view, self._place, self._place.at
        for _ in range(place.entries):
            end = after(view.message, place, at, self._whole._buffer)
            yield view._aim(self._whole._buffer, at, place)
            at = end

    def __repr__(self) -> str:
        return f"<{len(self)} entries of {type(self._view).__name__}>"


@cache
def reader(message: Message, name: str) -> Callable[[Buffer, int], Any]:
    """Compile a function that reads one field of the message starting at a given byte.

    Returns
    -------
    callable (buffer, at) -> int, float or bytes
        Of the entry of a group, it takes all fields to be there.
    """
    field = message[name]
    null, end = absent(field), field.end
    if field.constant is not None:
        return lambda buffer, at: null
    read = _reader(message, field)
    if 0 < message.block < end:
        extent = extent_of(message)
        return lambda buffer, at: read(buffer, at) if extent(buffer, at) >= end else null
    return read


def _reader(message: Message, field: Field) -> Callable[[Buffer, int], Any]:
    offset = field.offset
    unpack, high_first = _unpacker(message, field)
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

    Returns
    -------
    type
        A `Flyweight`; of an SBE message or entry, a `BlockFlyweight`.

    Examples
    --------
    >>> from zcviz.protocols.itch50 import ORDER_DELETE
    >>> view = view_of(ORDER_DELETE)().wrap(b"D" + bytes(17) + b"\x07")
    >>> view.order_reference_number
    7
    """
    body: dict[str, object] = {"__slots__": (), "message": message}
    if message.block < 0:
        body |= {field.name: _attribute(message, field) for field in message.fields}
        return type(message.class_name, (Flyweight,), body)
    body["_extent_within"] = staticmethod(extent_within(message))
    body |= {field.name: _block_attribute(message, field) for field in message.fields}
    for number, group in enumerate(message.groups):
        body[group.name] = property(partial(BlockFlyweight._entries, number=number), doc=group.doc)
    for number, data in enumerate(message.data):
        body[data.name] = property(partial(BlockFlyweight._data, number=number), doc=data.doc)
    return type(message.class_name, (BlockFlyweight,), body)


def _attribute(message: Message, field: Field) -> property:
    # One bound unpack and one closure: measured as fast as generated source, and debuggable.
    # `reader` is not called from here: that second call would cost a quarter of the time.
    offset = field.offset
    unpack, high_first = _unpacker(message, field)
    if high_first is None:
        return property(lambda self: unpack(self._buffer, self._at + offset)[0], doc=field.doc)
    read = _reader(message, field)
    return property(lambda self: read(self._buffer, self._at), doc=field.doc)


def _block_attribute(message: Message, field: Field) -> property:
    null, offset, end = absent(field), field.offset, field.end
    if field.constant is not None:
        return property(lambda self: (self._buffer, null)[1], doc=field.doc)
    unpack, high_first = _unpacker(message, field)
    if high_first is None:
        return property(
            lambda self: (
                unpack(self._buffer, self._at + offset)[0] if self._extent >= end else null
            ),
            doc=field.doc,
        )
    read = _reader(message, field)
    return property(
        lambda self: read(self._buffer, self._at) if self._extent >= end else null, doc=field.doc
    )
