"""The ``<types>`` of a schema: encodings, taken apart into fields.

A composite has no place in a table of fixed fields, so it is flattened: of `PRICE`, made of a
mantissa and a constant exponent, one scaled field is left; of one with several members on the
wire, a field each. Arrays of characters are text, arrays of ``uint8`` are raw bytes, and of an
array of anything else each item is a field: ``name_0``, ``name_1`` …
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from ..spec import Field, WireType
from .element import Element

__all__ = ["MOST_SIZE", "Encodings", "Part"]

MOST_SIZE = 0xFFFF
"""No encoding and no block is longer: that is what the length of a block can say [bytes]."""
_MOST_PARTS = 1_000
_DEEPEST = 24
_LONGEST_NAME = 200

_NUMBERS: dict[str, tuple[Literal["uint", "int", "float"], int]] = {
    "uint8": ("uint", 1), "uint16": ("uint", 2), "uint32": ("uint", 4), "uint64": ("uint", 8),
    "int8": ("int", 1), "int16": ("int", 2), "int32": ("int", 4), "int64": ("int", 8),
    "float": ("float", 4), "double": ("float", 8),
}  # fmt: skip
_PRIMITIVES = {*_NUMBERS, "char"}
_UNITS = {
    "nanosecond": "ns", "microsecond": "us", "millisecond": "ms", "second": "s",
    "9": "ns", "6": "us", "3": "ms", "0": "s",
}  # fmt: skip
# What each kind of time counts from, and in what unit where the schema leaves that out.
_CLOCKS = {
    "utctimestamp": ("Unix epoch, UTC", "ns"),
    "utctimeonly": ("midnight, UTC", "ns"),
    "utcdateonly": ("Unix epoch, UTC", "days"),
    "localmktdate": ("Unix epoch, local", "days"),
}


@dataclass(frozen=True, slots=True)
class Part:
    """One field of an encoding.

    Attributes
    ----------
    path : tuple of str
        Names of the members that lead to it; empty where the encoding is this one field.
    at : int [bytes]
        From the start of the encoding.
    field : Field
        All but its name.
    """

    path: tuple[str, ...]
    at: int
    field: Field

    @property
    def end(self) -> int:
        """Offset of the first byte after it [bytes]."""
        return self.at + self.field.type.size


Parts = tuple[Part, ...]


class Encodings:
    """The encodings of a schema by name, each taken apart once."""

    def __init__(self, schema: Element) -> None:
        self._elements: dict[str, Element] = {}
        for types in schema.all("types"):
            for each in types.all("type", "composite", "enum", "set"):
                name = each.need("name")
                if name in self._elements:
                    raise each.wrong(f"two types are named {name}")
                self._elements[name] = each
        self._parts: dict[str, Parts] = {}
        self._trail: list[str] = []

    def element(self, name: str, by: Element) -> Element:
        """Return the element that declares an encoding, a primitive one included."""
        if name in self._elements:
            return self._elements[name]
        if name in _PRIMITIVES:
            return Element("type", {"name": name, "primitiveType": name}, by.source, by.line)
        raise by.wrong(f"no type is named {name[:_LONGEST_NAME]!r}")

    def named(self, name: str, by: Element) -> Parts:
        """Return the fields of an encoding, for the element `by` that asks for it."""
        if name not in self._parts:
            if name in self._trail or len(self._trail) >= _DEEPEST:
                raise by.wrong(f"{' in '.join([name, *self._trail[::-1]])}: types without an end")
            self._trail.append(name)
            self._parts[name] = self.parts(self.element(name, by))
            self._trail.pop()
        return self._parts[name]

    def field(self, by: Element) -> Parts:
        """Return the fields of a ``<field>``, whose own attributes override those of its type."""
        parts = self.named(by.need("type"), by)
        if by.get("presence") == "constant" and any(each.field.type.size for each in parts):
            if len(parts) != 1:
                raise by.wrong("expected one constant, found a composite")
            parts = (replace(parts[0], field=self._constant(by, parts[0].field)),)
        elif by.get("presence") == "optional":
            parts = tuple(replace(each, field=_nullable(by, each.field)) for each in parts)
        since, doc = by.integer("sinceVersion", 0), by.get("description")
        parts = tuple(replace(e, field=replace(e.field, since=since, doc=doc)) for e in parts)
        return _timed(by, parts)

    def parts(self, element: Element) -> Parts:
        """Return the fields of a type, composite, enum, set or ref."""
        if element.tag == "composite":
            return self._composite(element)
        if element.tag == "ref":
            return self.named(element.need("type"), element)
        return {"type": self._simple, "enum": self._enum, "set": self._set}[element.tag](element)

    def _simple(self, element: Element) -> Parts:
        primitive = element.need("primitiveType")
        if primitive not in _PRIMITIVES:
            raise element.wrong(f"{primitive[:_LONGEST_NAME]!r} is no primitive type")
        length = element.integer("length", 1, most=MOST_SIZE)
        if primitive == "char" or (primitive == "uint8" and length > 1):
            made = Field("", WireType("alpha" if primitive == "char" else "raw", length))
        else:
            made = Field("", WireType(*_NUMBERS[primitive]))
        if element.get("presence") == "constant":
            return (Part((), 0, self._constant(element, made)),)
        if element.get("presence") == "optional":
            made = _nullable(element, made)
        if not length:
            raise element.wrong("only the data of a <data> element has a length of 0")
        if length == 1 or not made.type.is_number:
            return _timed(element, (Part((), 0, made),))
        if length > _MOST_PARTS:
            raise element.wrong(f"expected at most {_MOST_PARTS} items, found {length}")
        return tuple(Part((str(i),), i * made.type.size, made) for i in range(length))

    def _constant(self, element: Element, of: Field) -> Field:
        text, holder = element.text, element
        if element.get("valueRef"):
            enum, _, name = element.get("valueRef").partition(".")
            holder = self.element(enum, element)
            found = [each.text for each in holder.all("validValue") if each.get("name") == name]
            if not found:
                raise element.wrong(f"{name[:_LONGEST_NAME]!r} is no valid value of {enum[:40]!r}")
            text = found[0]
        value = _value(holder, text, of.type)
        return replace(of, type=WireType(of.type.kind, 0), constant=value, null=None)

    def _encoding(self, element: Element) -> Field:
        parts = self.named(element.need("encodingType"), element)
        if len(parts) != 1 or parts[0].field.type.size not in (1, 2, 4, 8):
            raise element.wrong(f"a single value has to encode the {element.tag}")
        return parts[0].field

    def _enum(self, element: Element) -> Parts:
        of = self._encoding(element)
        codes: dict[bytes | int, str] = {}
        for each in element.all("validValue"):
            value = _value(each, each.text, of.type)
            if isinstance(value, float) or (isinstance(value, bytes) and len(value) > 1):
                raise each.wrong(f"expected a value of {of.type}, found {each.text[:40]!r}")
            codes.setdefault(value, each.need("name"))
        return (Part((), 0, replace(of, codes=codes)),)

    def _set(self, element: Element) -> Parts:
        of = self._encoding(element)
        if of.type.kind != "uint":
            raise element.wrong("unsigned integers encode sets")
        bits = 8 * of.type.size
        flags = {
            each.need("name"): 1 << each.to_integer(each.text.strip(), 0, bits - 1)
            for each in element.all("choice")
        }
        return (Part((), 0, replace(of, flags=flags)),)

    def _composite(self, element: Element) -> Parts:
        members: dict[str, Parts] = {}
        at = count = 0
        self._trail.append("a composite")
        for member in element.all("type", "composite", "enum", "set", "ref"):
            start = member.integer("offset", at)
            if start < at:
                raise member.wrong(f"begins at byte {start}, inside the member before it")
            name = member.need("name")
            if name in members or len(self._trail) > _DEEPEST:
                raise member.wrong(f"{name}: named twice, or more than {_DEEPEST} inside another")
            members[name] = tuple(replace(e, at=start + e.at) for e in self.parts(member))
            at = max([start, *(each.end for each in members[name])])
            count += len(members[name])
            if at > MOST_SIZE or count > _MOST_PARTS:
                raise member.wrong(f"more than {MOST_SIZE} bytes or {_MOST_PARTS} members")
        self._trail.pop()
        return _timed(element, _joined(members))


def _joined(members: dict[str, Parts]) -> Parts:
    # Constants that only say how to read the others become part of what those mean.
    constants = {
        name: parts[0].field.constant
        for name, parts in members.items()
        if len(parts) == 1 and parts[0].field.constant is not None
    }
    on_wire = [name for name in members if name not in constants]
    number = on_wire[0] if len(on_wire) == 1 else "mantissa" if "mantissa" in on_wire else ""
    exponent = constants.get("exponent")
    if number and isinstance(exponent, int):
        members[number] = tuple(
            replace(each, field=replace(each.field, scale=-exponent)) for each in members[number]
        )
        del members["exponent"]
    unit = _UNITS.get(str(constants.get("unit", constants.get("timeUnit"))))
    if unit is not None and len(on_wire) == 1:
        members[number] = tuple(
            replace(each, field=replace(each.field, unit=unit)) for each in members[number]
        )
        members.pop("unit", None) or members.pop("timeUnit", None)
    alone = len(on_wire) == 1
    return tuple(
        each if alone and name == number else replace(each, path=(name, *each.path))
        for name, parts in members.items()
        for each in parts
    )


def _timed(element: Element, parts: Parts) -> Parts:
    # Of a timestamp with its unit on the wire, "time" is the number that counts.
    semantic = element.get("semanticType").lower()
    if semantic not in _CLOCKS or element.get("epoch", "unix").lower() != "unix":
        return parts
    clock, unit = _CLOCKS[semantic]
    said = _UNITS.get(element.get("timeUnit"))
    several = sum(each.field.type.size > 0 for each in parts) > 1
    timed = []
    for each in parts:
        if each.field.type.kind in ("uint", "int") and (not several or each.path[-1:] == ("time",)):
            known = said or each.field.unit or (None if several else unit)
            each = replace(each, field=replace(each.field, clock=clock, unit=known))  # noqa: PLW2901
        timed.append(each)
    return tuple(timed)


def _nullable(element: Element, of: Field) -> Field:
    # A set has no null of its own, and that of text is NULs, which no field needs to say.
    if not of.type.is_number or not of.type.size:
        return of
    if element.get("nullValue"):
        value = _value(element, element.get("nullValue"), of.type)
        assert not isinstance(value, bytes)
        return replace(of, null=value)
    null = of.type.null
    return (
        of if of.null is not None or of.flags or isinstance(null, bytes) else replace(of, null=null)
    )


def _value(element: Element, text: str, kind: WireType) -> int | float | bytes:
    # What a constant, a null or a valid value says, as its type has it on the wire.
    stripped = text.strip()
    if not kind.is_number:
        if not stripped and not text:
            raise element.wrong(f"<{element.tag}> has no value")
        return (stripped or text[:1]).encode()
    if kind.kind == "float":
        try:
            return float(stripped) if len(stripped) < 400 else math.nan
        except ValueError:
            raise element.wrong(f"expected a number, found {text[:40]!r}") from None
    bits = 8 * kind.size
    signed = kind.kind == "int"
    least = -(1 << (bits - 1)) if signed else 0
    return element.to_integer(stripped, least, (1 << (bits - signed)) - 1)
