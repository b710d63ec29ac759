"""Messages and headers: fields in wire order, and the parts that repeat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType

from ..errors import SpecError
from .fields import Field, Order, WireType

__all__ = ["Group", "Message", "VarData", "tag_text"]


def tag_text(key: int) -> str:
    """Return a one-byte tag as text: itself where printable, else ``0xNN``."""
    return chr(key) if 0x20 <= key < 0x7F else f"0x{key:02X}"


@dataclass(frozen=True, eq=False)
class VarData:
    """A length and as many bytes, after the groups of an SBE message or entry.

    Attributes
    ----------
    name : str
    length : WireType
        How the length is written.
    text : bool
        Whether the bytes are text.
    """

    name: str
    length: WireType
    text: bool = True
    since: int = 0
    doc: str = ""


@dataclass(frozen=True, eq=False)
class Group:
    """A repeating part of an SBE message: a header that counts entries, then the entries.

    Attributes
    ----------
    name : str
    dimension : Message
        Layout of the header, with the fields ``block_length`` and ``num_in_group`` (and, where the
        venue adds them, ``num_groups`` and ``num_var_data_fields`` of each entry).
    entry : Message
        One entry, with the groups and the data that follow its fixed part.
    since : int
        Version of the schema that brought the group: older messages have none.
    """

    name: str
    dimension: Message
    entry: Message
    since: int = 0
    doc: str = ""


@dataclass(frozen=True, eq=False)
class Message:
    """A fixed-size layout: a message of a feed, or a protocol header.

    Attributes
    ----------
    name : str
        In snake_case; it names export files.
    size : int [bytes]
        As documented. A table whose fields add up to another size raises `SpecError`; only an SBE
        block may be longer than its fields.
    fields : tuple of Field
        In wire order; their offsets are filled in here.
    source : str
        Document and section.
    tag : bytes, int or None
        The value that announces this message on the wire: a character, or a template's number.
    order : {">", "<"}
        Byte order of its integers.
    block : int
        Of an SBE message: size of the header that its fields begin with [bytes]; the field
        ``block_length`` in it says how many bytes of the others are really there. 0 for the entry
        of a group, of which the group's header says it. -1 for layouts that are whole wherever
        they occur.
    groups : tuple of Group
        After the fixed part.
    data : tuple of VarData
        After the groups.
    """

    name: str
    size: int
    source: str
    fields: tuple[Field, ...]
    tag: bytes | int | None = None
    order: Order = ">"
    doc: str = ""
    block: int = -1
    groups: tuple[Group, ...] = ()
    data: tuple[VarData, ...] = ()

    def __post_init__(self) -> None:
        at = 0
        placed = []
        for each in self.fields:
            placed.append(replace(each, offset=at + each.padding))
            at = placed[-1].end
        if at != self.size and (self.block < 0 or at > self.size):
            raise SpecError(f"{self.name}: fields end at byte {at}, documented size {self.size}")
        if len({each.name for each in placed}) != len(placed):
            raise SpecError(f"{self.name}: two fields share a name")
        object.__setattr__(self, "fields", tuple(placed))

    @property
    def key(self) -> int:
        """The tag as the index stores it; -1 for a layout that has none."""
        if self.tag is None:
            return -1
        return self.tag if isinstance(self.tag, int) else self.tag[0]

    @property
    def tag_text(self) -> str:
        """The tag as people write it: ``A``, ``32``; empty for a layout that has none."""
        if self.tag is None:
            return ""
        return str(self.tag) if isinstance(self.tag, int) else tag_text(self.tag[0])

    @cached_property
    def by_name(self) -> Mapping[str, Field]:
        """Field name to field."""
        return MappingProxyType({each.name: each for each in self.fields})

    @property
    def class_name(self) -> str:
        """The name in CapWords, as generated classes carry it."""
        return "".join(word[:1].upper() + word[1:] for word in self.name.split("_"))

    def __getitem__(self, name: str) -> Field:
        try:
            return self.by_name[name]
        except KeyError:
            known = ", ".join(self.by_name)
            raise SpecError(f"{self.name} has no field {name!r}; it has {known}") from None

    def __repr__(self) -> str:
        return f"<Message {self.name} tag={self.tag!r} size={self.size}>"
