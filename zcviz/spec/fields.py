"""Wire types and fields: the lines of a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from math import nan
from typing import Literal

__all__ = [
    "Field",
    "Order",
    "WireType",
    "alpha",
    "char",
    "f32",
    "f64",
    "i8",
    "i16",
    "i32",
    "i64",
    "raw",
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
    kind : {"uint", "int", "float", "alpha", "raw"}
        ``alpha`` is padded text, ``raw`` opaque bytes; both decode to `bytes`, padding kept.
    size : int [bytes]
    """

    kind: Literal["uint", "int", "float", "alpha", "raw"]
    size: int

    @property
    def is_number(self) -> bool:
        """Whether a value of this type is an integer or a float."""
        return self.kind in ("uint", "int", "float")

    @property
    def null(self) -> int | float | bytes:
        """The value that means "none" where a schema names no other (SBE 1.0, field encoding)."""
        if self.kind == "uint":
            return (1 << 8 * self.size) - 1
        if self.kind == "int":
            return -1 << 8 * self.size - 1
        return nan if self.kind == "float" else bytes(self.size)

    def __str__(self) -> str:
        words = {"uint": "u", "int": "i", "float": "f", "alpha": "alpha ", "raw": "bytes "}
        return words[self.kind] + str(self.size * 8 if self.is_number else self.size)


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
    flags : mapping
        Of an integer that is a set of bits: name to mask.
    null : int, float or None
        The value on the wire that means "none"; NaN for a float.
    since : int
        Version of the schema that brought the field: older messages end before it.
    constant : int, float, bytes or None
        A field that takes no bytes: the schema says its value.
    padding : int [bytes]
        Unused bytes before the field.
    doc : str
    """

    name: str
    type: WireType
    offset: int = -1
    unit: str | None = None
    scale: int = 0
    clock: str | None = None
    codes: Mapping[bytes | int, str] = field(default_factory=dict)
    flags: Mapping[str, int] = field(default_factory=dict)
    null: int | float | None = None
    since: int = 0
    constant: int | float | bytes | None = None
    padding: int = 0
    doc: str = ""

    @property
    def end(self) -> int:
        """Offset of the first byte after the field [bytes]."""
        return self.offset + self.type.size


def _widen(codes: Mapping[int, str] | Mapping[bytes, str] | None) -> Mapping[bytes | int, str]:
    return {value: meaning for value, meaning in (codes or {}).items()}  # noqa: C416 (widens)


def _number(
    kind: Literal["uint", "int", "float"],
    size: int,
    name: str,
    *,
    unit: str | None = None,
    scale: int = 0,
    clock: str | None = None,
    codes: Mapping[int, str] | None = None,
    flags: Mapping[str, int] | None = None,
    doc: str = "",
) -> Field:
    return Field(
        name, WireType(kind, size), -1, unit, scale, clock, _widen(codes), flags or {}, doc=doc
    )


u8 = partial(_number, "uint", 1)
u16 = partial(_number, "uint", 2)
u32 = partial(_number, "uint", 4)
u48 = partial(_number, "uint", 6)
u64 = partial(_number, "uint", 8)
i8 = partial(_number, "int", 1)
i16 = partial(_number, "int", 2)
i32 = partial(_number, "int", 4)
i64 = partial(_number, "int", 8)
f32 = partial(_number, "float", 4)
f64 = partial(_number, "float", 8)


def alpha(
    name: str, size: int, *, codes: Mapping[bytes, str] | None = None, doc: str = ""
) -> Field:
    """Declare a text field of `size` bytes, left-justified and padded with spaces."""
    return Field(name, WireType("alpha", size), codes=_widen(codes), doc=doc)


def char(name: str, *, codes: Mapping[bytes, str] | None = None, doc: str = "") -> Field:
    """Declare a one-byte text field."""
    return alpha(name, 1, codes=codes, doc=doc)


def raw(name: str, size: int, *, doc: str = "") -> Field:
    """Declare a field of `size` opaque bytes."""
    return Field(name, WireType("raw", size), doc=doc)
