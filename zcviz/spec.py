"""A protocol as frozen data: wire types, fields, messages.

A table is written in wire order, one field a line, exactly as the exchange's document lists it.
Offsets are derived from that order and checked against the documented size, so a slip of the pen
is found when the table is imported. Everything that reads or writes bytes (``zcviz.codec``) is a
function of these tables, and so is their documentation (``zcviz.tables``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from types import MappingProxyType
from typing import Literal

from .errors import SelectionError, SpecError

__all__ = [
    "Field",
    "Message",
    "Protocol",
    "WireType",
    "alpha",
    "char",
    "i32",
    "i64",
    "raw",
    "tag_text",
    "u8",
    "u16",
    "u32",
    "u48",
    "u64",
]

Order = Literal[">", "<"]


@dataclass(frozen=True, slots=True)
class WireType:
    """How a field's bytes are read.

    Attributes
    ----------
    kind : {"uint", "int", "alpha", "raw"}
        ``alpha`` is padded text, ``raw`` opaque bytes; both decode to `bytes`, padding kept.
    size : int [bytes]
    """

    kind: Literal["uint", "int", "alpha", "raw"]
    size: int

    @property
    def is_number(self) -> bool:
        """Whether a value of this type is an integer."""
        return self.kind in ("uint", "int")

    def __str__(self) -> str:
        return {"uint": "u", "int": "i", "alpha": "alpha ", "raw": "bytes "}[self.kind] + str(
            self.size * 8 if self.is_number else self.size
        )


@dataclass(frozen=True, eq=False)
class Field:
    """One field: where its bytes lie and what they mean.

    Attributes
    ----------
    name : str
    type : WireType
    offset : int [bytes]
        From the first byte of the message; derived by `Message`.
    unit : str or None
        What one unit of the *scaled* value is, such as ``"USD"`` or ``"ns"``.
    scale : int
        Decimal places that the integer on the wire carries: 4 reads 3201400 as 320.14.
    clock : str or None
        For times: what they count from.
    codes : mapping
        Value on the wire to its meaning.
    doc : str
    """

    name: str
    type: WireType
    offset: int = -1
    unit: str | None = None
    scale: int = 0
    clock: str | None = None
    codes: Mapping[bytes | int, str] = field(default_factory=dict)
    doc: str = ""

    @property
    def end(self) -> int:
        """Offset of the first byte after the field [bytes]."""
        return self.offset + self.type.size


def _copy(codes: Mapping[int, str] | Mapping[bytes, str] | None) -> Mapping[bytes | int, str]:
    return {value: meaning for value, meaning in (codes or {}).items()}  # noqa: C416 (widens)


def _number(
    kind: Literal["uint", "int"],
    size: int,
    name: str,
    *,
    unit: str | None = None,
    scale: int = 0,
    clock: str | None = None,
    codes: Mapping[int, str] | None = None,
    doc: str = "",
) -> Field:
    return Field(name, WireType(kind, size), -1, unit, scale, clock, _copy(codes), doc)


u8 = partial(_number, "uint", 1)
u16 = partial(_number, "uint", 2)
u32 = partial(_number, "uint", 4)
u48 = partial(_number, "uint", 6)
u64 = partial(_number, "uint", 8)
i32 = partial(_number, "int", 4)
i64 = partial(_number, "int", 8)


def alpha(
    name: str, size: int, *, codes: Mapping[bytes, str] | None = None, doc: str = ""
) -> Field:
    """Declare a text field of `size` bytes, left-justified and padded with spaces."""
    return Field(name, WireType("alpha", size), codes=_copy(codes), doc=doc)


def char(name: str, *, codes: Mapping[bytes, str] | None = None, doc: str = "") -> Field:
    """Declare a one-byte text field."""
    return alpha(name, 1, codes=codes, doc=doc)


def raw(name: str, size: int, *, doc: str = "") -> Field:
    """Declare a field of `size` opaque bytes."""
    return Field(name, WireType("raw", size), doc=doc)


@dataclass(frozen=True, eq=False)
class Message:
    """A fixed-size layout: a message of a feed, or a protocol header.

    Attributes
    ----------
    name : str
        In snake_case; it names export files.
    size : int [bytes]
        As documented. A table whose fields add up to another size raises `SpecError`.
    fields : tuple of Field
        In wire order; their offsets are filled in here.
    source : str
        Document and section.
    tag : bytes or None
        The value that announces this message on the wire.
    order : {">", "<"}
        Byte order of its integers.
    """

    name: str
    size: int
    source: str
    fields: tuple[Field, ...]
    tag: bytes | None = None
    order: Order = ">"
    doc: str = ""

    def __post_init__(self) -> None:
        at = 0
        placed = []
        for each in self.fields:
            placed.append(replace(each, offset=at))
            at += each.type.size
        if at != self.size:
            raise SpecError(f"{self.name}: fields end at byte {at}, documented size {self.size}")
        if len({each.name for each in placed}) != len(placed):
            raise SpecError(f"{self.name}: two fields share a name")
        object.__setattr__(self, "fields", tuple(placed))

    @cached_property
    def by_name(self) -> Mapping[str, Field]:
        """Field name to field."""
        return MappingProxyType({each.name: each for each in self.fields})

    @property
    def class_name(self) -> str:
        """The name in CapWords, as generated classes carry it."""
        return "".join(word.capitalize() for word in self.name.split("_"))

    def __getitem__(self, name: str) -> Field:
        try:
            return self.by_name[name]
        except KeyError:
            known = ", ".join(self.by_name)
            raise SpecError(f"{self.name} has no field {name!r}; it has {known}") from None

    def __repr__(self) -> str:
        return f"<Message {self.name} tag={self.tag!r} size={self.size}>"


@dataclass(frozen=True, eq=False)
class Protocol:
    """A set of messages told apart by a tag.

    Attributes
    ----------
    name : str
        Short name, as the command line takes it.
    title : str
        Title and edition of the document.
    messages : tuple of Message
    """

    name: str
    title: str
    messages: tuple[Message, ...]
    _by_key: dict[str | bytes, Message] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        keys: dict[str | bytes, Message] = {}
        for message in self.messages:
            names: list[str | bytes] = [message.name]
            if message.tag is not None:
                names += [message.tag, tag_text(message.tag[0])]
            for key in names:
                if key in keys:
                    raise SpecError(f"{self.name}: {key!r} names two messages")
                keys[key] = message
        object.__setattr__(self, "_by_key", keys)

    def __iter__(self) -> Iterator[Message]:
        return iter(self.messages)

    def __len__(self) -> int:
        return len(self.messages)

    def __contains__(self, key: object) -> bool:
        return key in self._by_key

    def __getitem__(self, key: str | bytes) -> Message:
        """Return a message by tag (``"A"`` or ``b"A"``) or by name (``"add_order"``)."""
        try:
            return self._by_key[key]
        except KeyError:
            tags = " ".join(tag_text(m.tag[0]) for m in self.messages if m.tag is not None)
            raise SelectionError(f"{self.name} has no message {key!r}; it has {tags}") from None

    def __repr__(self) -> str:
        return f"<Protocol {self.name}: {len(self)} messages>"


def tag_text(tag: int) -> str:
    """Return a one-byte tag as text: itself where printable, else ``0xNN``."""
    return chr(tag) if 0x20 <= tag < 0x7F else f"0x{tag:02X}"
