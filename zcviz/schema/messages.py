"""The messages of a schema: blocks of fields, groups in them, variable data after them.

A template becomes an ordinary `Message` that begins with the fields of the message header, and
the entry of a group one named after both. Names are the schema's own, except in headers, where they
are put into snake_case. What is no name for an
attribute is made one: other characters become ``_``; leading underscores go; ``x`` stands before a
digit; a keyword, or a name that views of messages have for themselves, gets a ``_`` at its end; and
of equal names in one block the second is ``name_2``.
"""

from __future__ import annotations

import keyword
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from ..errors import SpecError
from ..spec import Field, Group, Message, Protocol, VarData, WireType
from ..spec.fields import Order
from .element import MOST_BYTES, Element, parse
from .encodings import MOST_SIZE, Encodings, Part

__all__ = ["RESERVED", "clocked", "read_schema"]

RESERVED = frozenset({"is_aimed", "message", "renew", "revoke", "to_dict", "to_record", "wrap"})
"""Names that views of messages have for themselves."""

_MOST_FIELDS = 50_000
_DEEPEST = 8
_COUNTERS = {
    "block_length", "template_id", "schema_id", "version", "num_in_group", "num_groups",
    "num_var_data_fields",
}  # fmt: skip
_TEXTS = {"string", "encodedtext", "xmldata"}


def read_schema(source: str | os.PathLike[str] | bytes, base: Protocol | None = None) -> Protocol:
    """Read an SBE message schema, of version 1.0 or 2.0 and of their release candidates.

    Parameters
    ----------
    source : path-like or bytes
        The XML, or where it lies.
    base : Protocol, optional
        Whose framings, name and title to keep: a schema does not say what messages come in.

    Returns
    -------
    Protocol
        Each template is a message; its `tag` is the template's number.

    Raises
    ------
    SpecError
        It is no schema, contradicts itself, goes beyond what SBE can say, or its message header is
        not the one of `base`. The error names the line.
    OSError
        The file cannot be read.

    Notes
    -----
    Memory: the XML of the newest 32 schemas is kept, and the same XML gives the same `Protocol`:
    what is made for a message, such as the class of its views, is made once.

    References
    ----------
    FIX Simple Binary Encoding, technical standard 1.0 (November 2020) and 2.0 RC3: chapters
    "Field encoding", "Message structure", "Message schema", "Schema extension mechanism".
    """
    if isinstance(source, bytes):
        return _read(source, "schema", base)
    path = Path(source)
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    return _read(content, path.name, base)


@lru_cache(maxsize=32)
def _read(content: bytes, name: str, base: Protocol | None) -> Protocol:
    return _Reader(parse(content, name)).protocol(base)


def clocked(message: Message, units: Mapping[str, str]) -> Message:
    """Return a message, or the entry of a group, whose fields say the clocks that they are."""
    fields = tuple(
        replace(each, unit=units[each.name], clock=each.clock or "Unix epoch, UTC")
        if each.name in units
        else each
        for each in message.fields
    )
    groups = tuple(replace(each, entry=clocked(each.entry, units)) for each in message.groups)
    return replace(message, fields=fields, groups=groups)


class _Reader:
    def __init__(self, schema: Element) -> None:
        if schema.tag != "messageSchema":
            raise schema.wrong(f"expected <messageSchema>, found <{schema.tag[:40]}>")
        orders: dict[str, Order] = {"littleEndian": "<", "bigEndian": ">"}
        order = schema.get("byteOrder", "littleEndian")
        if order not in orders:
            raise schema.wrong(f"expected littleEndian or bigEndian, found {order[:40]!r}")
        self.schema = schema
        self.order = orders[order]
        self.encodings = Encodings(schema)
        self.count = 0
        self._headers: dict[str, Message] = {}
        self.head_type = schema.get("headerType", "messageHeader")
        needed = ("block_length", "template_id", "schema_id", "version")
        self.head = self._header(self.head_type, schema, needed)

    def protocol(self, base: Protocol | None) -> Protocol:
        """Return all messages, on top of `base`."""
        schema = self.schema
        number = schema.integer("id", -1)
        made = [
            self._message(each)
            for parent in (schema, *schema.all("messages"))
            for each in parent.all("message")
        ]
        package = schema.get("package") or "sbe"
        if base is None:
            base = Protocol(package, f"{package}, version {schema.get('version', '0')}")
        elif base.head is not None and _shape(base.head) != _shape(self.head):
            raise schema.wrong(f"its message header is not the one of {base.name}")
        try:
            return replace(
                base,
                messages=tuple(clocked(each, base.clocks) for each in made),
                head=self.head,
                schema_id=number if number >= 0 else base.schema_id,
            )
        except SpecError as error:
            raise schema.wrong(str(error)) from None

    def _message(self, element: Element) -> Message:
        tag = element.to_integer(element.need("id"), 0, MOST_SIZE)
        head = self.head.fields
        self._count(element, len(head))
        names = _Names({*self.head.by_name, *_COUNTERS})
        return self._block(element, _identifier(element.need("name")), names, head, tag=tag)

    def _block(
        self,
        element: Element,
        name: str,
        names: _Names,
        head: tuple[Field, ...] = (),
        *,
        tag: int | None = None,
        depth: int = 0,
    ) -> Message:
        # The fixed part of a message or of a group's entry, and what follows it.
        if depth > _DEEPEST:
            raise element.wrong(f"more than {_DEEPEST} groups inside another")
        fields, end = self._fields(element, names)
        size = element.integer("blockLength", end)
        if size < end:
            raise element.wrong(f"expected a block of {end} bytes at least, found {size}")
        start = self.head.size if head else 0
        return Message(
            name,
            start + size,
            element.where,
            head + fields,
            tag,
            self.order,
            element.get("description"),
            block=start,
            groups=tuple(self._group(each, name, names, depth) for each in element.all("group")),
            data=tuple(self._data(each, names) for each in element.all("data")),
        )

    def _fields(self, element: Element, names: _Names) -> tuple[tuple[Field, ...], int]:
        made: list[Field] = []
        at = 0
        for number, each in enumerate(element.all("field")):
            if not number and each.get("type") == self.head_type:
                continue  # some list the header as the first field: it is the one before the block
            start = each.integer("offset", at)
            if start < at:
                raise each.wrong(f"begins at byte {start}, inside the field before it")
            parts = self.encodings.field(each)
            self._count(each, len(parts))
            for part in parts:
                name = names.take("_".join([each.need("name"), *part.path]))
                if not part.field.type.size:
                    made.append(replace(part.field, name=name))
                    continue
                made.append(replace(part.field, name=name, padding=start + part.at - at))
                at = start + part.end
            if at > MOST_SIZE:
                raise each.wrong(f"ends at byte {at}, and no block is longer than {MOST_SIZE}")
        return tuple(made), at

    def _group(self, element: Element, within: str, names: _Names, depth: int) -> Group:
        name = names.take(element.need("name"))
        dimension = self._header(
            element.get("dimensionType", "groupSizeEncoding"),
            element,
            ("block_length", "num_in_group"),
        )
        entry = self._block(element, f"{within}_{name}", _Names(), depth=depth + 1)
        since, doc = element.integer("sinceVersion", 0), element.get("description")
        self._count(element, 1)
        return Group(name, dimension, entry, since, doc)

    def _data(self, element: Element, names: _Names) -> VarData:
        kind = element.need("type")
        declared = self.encodings.element(kind, element)
        members = list(declared.all("type", "ref"))
        if declared.tag != "composite" or len(members) != 2:
            raise declared.wrong(f"{kind[:40]}: expected a length and data")
        length, content = members
        size = _counter(self.encodings.parts(length), length)
        if content.integer("offset", size.size) != size.size:
            raise content.wrong("expected the data right after their length")
        text = (
            content.get("primitiveType") == "char"
            or bool(content.get("characterEncoding"))
            or (element.get("semanticType") or content.get("semanticType")).lower() in _TEXTS
            or "string" in kind.lower()
        )
        self._count(element, 1)
        return VarData(
            names.take(element.need("name")),
            size,
            text,
            element.integer("sinceVersion", 0),
            element.get("description"),
        )

    def _header(self, kind: str, by: Element, needed: tuple[str, ...]) -> Message:
        # The message header, or the one of a group.
        if kind not in self._headers:
            element = self.encodings.element(kind, by)
            at, fields = 0, []
            for part in self.encodings.named(kind, by):
                name = _snake("_".join(part.path))
                if name in _COUNTERS:
                    _counter((part,), element)
                fields.append(replace(part.field, name=name, padding=part.at - at))
                at = part.end
            self._headers[kind] = Message(
                _identifier(kind), at, element.where, tuple(fields), None, self.order
            )
        made = self._headers[kind]
        if missing := [name for name in needed if name not in made.by_name]:
            raise by.wrong(f"{kind[:40]} has no {', '.join(missing)}")
        return made

    def _count(self, element: Element, fields: int) -> None:
        self.count += fields
        if self.count > _MOST_FIELDS:
            raise element.wrong(f"more than {_MOST_FIELDS} fields")


class _Names:
    """Names in one block, no two of them equal."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._seen = dict.fromkeys(taken, 1)

    def take(self, name: str) -> str:
        """Return the name to use for `name`."""
        name = wanted = _identifier(name)
        while wanted in self._seen:
            self._seen[name] += 1
            wanted = f"{name}_{self._seen[name]}"
        self._seen[wanted] = 1
        return wanted


def _identifier(name: str) -> str:
    made = re.sub(r"[^0-9A-Za-z_]", "_", name).lstrip("_")
    if not made or made[0].isdigit():
        made = "x" + made
    return made + "_" if keyword.iskeyword(made) or made in RESERVED else made


def _snake(name: str) -> str:
    return _identifier(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower())


def _counter(parts: tuple[Part, ...], element: Element) -> WireType:
    # Lengths and counts: 2**32 is far beyond any message, and leaves room to multiply two of them.
    kind = parts[0].field.type
    if len(parts) != 1 or kind.kind != "uint" or kind.size not in (1, 2, 4):
        raise element.wrong(f"expected an unsigned integer of at most 32 bits, found {kind}")
    return kind


def _shape(head: Message) -> tuple[object, ...]:
    return head.order, [(each.name, each.offset, each.type) for each in head.fields]
