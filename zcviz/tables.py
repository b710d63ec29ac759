"""The documentation of a message, written from the table that decodes it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .render import escape
from .spec import Field, Message, Protocol

__all__ = ["Documentation", "documentation"]

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_HEAD = ("offset", "size", "name", "type", "unit", "values", "notes")


@dataclass(frozen=True)
class Documentation:
    """A message's fields as a table: plain, Markdown, HTML.

    Attributes
    ----------
    message : Message
    """

    message: Message

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """One row a field: offset and size [bytes], name, wire type, unit, values, notes."""
        return [_row(field) for field in self.message.fields]

    @property
    def title(self) -> str:
        """Name, tag, size and source."""
        tag = f" {self.message.tag_text!r}" if self.message.tag is not None else ""
        return f"{self.message.name}{tag}, {self.message.size} bytes. {self.message.source}"

    def to_markdown(self) -> str:
        """Return the table in Markdown."""
        lines = [" | ".join(_HEAD), " | ".join("---" for _ in _HEAD)]
        lines += [" | ".join(cell.replace("|", "\\|") for cell in row) for row in self.rows]
        return f"**{self.title}**\n\n" + "\n".join(f"| {line} |" for line in lines)

    def __str__(self) -> str:
        rows = [_HEAD, *self.rows]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = (
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        )
        return "\n".join([self.title, "", *lines])

    def _repr_html_(self) -> str:
        head = "".join(f"<th scope='col'>{name}</th>" for name in _HEAD)
        body = "".join(f"<tr>{_cells(row)}</tr>" for row in self.rows)
        return (
            f"<table><caption>{escape(self.title)}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )


def _cells(row: Iterable[str]) -> str:
    return "".join(f"<td style='text-align:left'>{escape(cell)}</td>" for cell in row)


def _row(field: Field) -> tuple[str, ...]:
    unit = field.unit or ""
    if field.scale:
        unit += f" × 10{str(-field.scale).translate(_RAISED)}"
    if field.clock:
        unit += f" since {field.clock}"
    values = [f"{_code(value)} {meaning}" for value, meaning in field.codes.items()]
    values += [f"bit 0x{mask:X} {name}" for name, mask in field.flags.items()]
    codes = ", ".join(values)
    size = str(field.type.size)
    return str(field.offset), size, field.name, str(field.type), unit, codes, field.doc


def _code(value: bytes | int) -> str:
    if isinstance(value, int):
        return str(value) if value < 256 else f"0x{value:X}"
    text = value.decode("latin-1")
    return "␠" if text == " " else text


def documentation(of: Message | Protocol) -> Documentation | list[Documentation]:
    """Return the documentation of a message, or of every message of a protocol.

    Parameters
    ----------
    of : Message or Protocol

    Returns
    -------
    Documentation or list of Documentation
    """
    return Documentation(of) if isinstance(of, Message) else [Documentation(m) for m in of]
