"""The byte map: every byte of a packet, coloured by the field it belongs to, and a table of fields.

The table says everything that the colours do. Pointing at a field or at a byte marks the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..buffers import Buffer, as_view
from ..codec import reference
from ..render import escape, printable, size_text
from ..spec import Message
from .meaning import meaning_of, value_text
from .theme import CSS, FIELD_CSS, FIELDS, UNDERLINES, title_of

__all__ = ["HexMap", "Layer", "Row", "hexmap"]

_MOST = 2048  # bytes that are drawn
_MARKED = 150  # fields that pointing at marks
_OPEN = 60  # fields that are listed at once; further headers and messages are folded up
_COLOURS = len(FIELDS) * len(UNDERLINES)
_COLUMNS = (
    "<colgroup><col class='f'><col class='n'><col class='n w'><col class='v'><col></colgroup>"
)
_CUT = "cut off: the bytes end before"

STYLE = """
.zc-hex{container-type:inline-size;padding:.9em 1em;border:1px solid var(--zc-line);
border-radius:8px;font-size:13px}
.zc-hex>div{display:flex;flex-direction:column;gap:1em 2.2em}
.zc-map{display:flex;gap:1.1em;font:13px/1.75 var(--zc-code);align-self:start}
.zc-map>div{display:grid;grid-auto-rows:1.85em;align-content:start}
.zc-map .b{grid-template-columns:repeat(16,1.75em);text-align:center}
.zc-map .a{grid-template-columns:repeat(16,.95em);text-align:center}
.zc-map .o{color:var(--zc-soft)}
.zc-map .o span:nth-child(even){display:none}
.zc-map .b span,.zc-map .a span{border-bottom-width:2px;box-sizing:border-box;margin-bottom:.2em}
.zc-map .s{box-shadow:inset 2px 0 var(--zc-paper)}
.zc-map .b span:nth-child(16n+9){margin-left:.35em}
.zc-fields{flex:1;min-width:0}
.zc-hex summary{font-weight:600;padding:.3em 0;cursor:pointer}
.zc-hex small{font-weight:400;color:var(--zc-soft);margin-left:.7em}
.zc-hex.zc-hex table{table-layout:fixed;border-collapse:collapse;width:100%;margin:0 0 .5em;
color:inherit;font-size:13px}
.zc-hex.zc-hex.zc-hex tr{background:none;border:0}
.zc-hex.zc-hex th,.zc-hex.zc-hex td{text-align:left;padding:.16em .7em .16em 0;border:0;
border-bottom:1px solid var(--zc-line);vertical-align:baseline;font-weight:400;
white-space:normal;max-width:none;overflow-wrap:anywhere}
.zc-hex.zc-hex .n{text-align:right;font-variant-numeric:tabular-nums}
.zc-hex.zc-hex thead th{color:var(--zc-soft);font-size:11.5px;line-height:1.2}
.zc-hex details+details thead{position:absolute;clip-path:inset(50%)}
.zc-hex col.n{width:3.6em}.zc-hex col.f{width:32%}.zc-hex col.v{width:27%}
.zc-hex.zc-hex.zc-hex td code{font:12.5px var(--zc-code);background:none;padding:0;color:inherit}
.zc-hex .k{border-bottom-width:2px;padding:0 .35em}
@container(min-width:760px){.zc-hex>div{flex-direction:row}.zc-map{position:sticky;top:.5em}}
@container(max-width:500px),((min-width:760px) and (max-width:1300px)){
.zc-map .b{grid-template-columns:repeat(8,1.75em)}
.zc-map .a{grid-template-columns:repeat(8,.95em)}
.zc-map .o span:nth-child(even){display:block}
.zc-map .b span:nth-child(16n+9){margin-left:0}}
@container(max-width:340px){.zc-map{gap:.5em;font-size:12px;overflow-x:auto;
max-width:100%}}
@container(max-width:500px){.zc-hex.zc-hex th,.zc-hex.zc-hex td{padding-right:.5em;font-size:12px}
.zc-hex .w{display:none}.zc-hex col.v{width:29%}}
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One field: where its bytes are in the buffer, what they hold, what that means."""

    name: str
    offset: int
    size: int
    value: str
    meaning: str
    colour: int


@dataclass(frozen=True, slots=True)
class Layer:
    """One header or message and its fields; `source` says where it is documented."""

    title: str
    offset: int
    size: int
    source: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class HexMap:
    """Bytes and what they are.

    Attributes
    ----------
    data : bytes
        Those that are drawn: a copy.
    size : int [bytes]
        How many there were.
    layers : tuple of Layer
    """

    data: bytes
    size: int
    layers: tuple[Layer, ...]

    @property
    def rows(self) -> tuple[Row, ...]:
        """The fields of all layers."""
        return tuple(row for layer in self.layers for row in layer.rows)

    def __str__(self) -> str:
        lines = []
        for at in range(0, len(self.data), 16):
            piece = self.data[at : at + 16]
            lines.append(f"{at:04x}  {piece.hex(' '):<47}  {''.join(map(_ascii, piece))}")
        lines += [self._rest()] if self.size > len(self.data) else []
        width = max((len(row.name) for row in self.rows), default=0)
        values = max((len(row.value) for row in self.rows), default=0)
        for layer in self.layers:
            lines += ["", f"{layer.title}: {_place(layer)} ({layer.source})"]
            for row in layer.rows:
                line = f"  {row.name:<{width}}  {row.offset:>5} {row.size:>3}  "
                lines.append(f"{line}{row.value:<{values}}  {row.meaning}".rstrip())
        return "\n".join(map(printable, lines))

    def _rest(self) -> str:
        return f"and {self.size - len(self.data):,} more bytes"

    def _repr_html_(self) -> str:
        marks = "".join(
            f".zc-hex:has([data-r='{n}']:hover) [data-r='{n}']"
            "{outline:2px solid var(--zc-ink);outline-offset:-1px}"
            for n in range(min(_MARKED, len(self.rows)))
        )
        rest = f"<p>{self._rest()}</p>" if self.size > len(self.data) else ""
        return (
            f"<style>{CSS}{FIELD_CSS}{STYLE}{marks}</style><div class='zc zc-hex'>"
            f"<div>{self._map()}<div class='zc-fields'>{self._tables()}{rest}</div></div></div>"
        )

    def _map(self) -> str:
        owners = _owners(len(self.data), self.rows)
        digits, letters, last = [], [], -1
        for byte, number in zip(self.data, owners, strict=True):
            extra = ""
            if number >= 0:
                extra = f" data-f='{self.rows[number].colour}' data-r='{number}'"
            extra += " class='s'" if number != last else ""
            last = number
            digits.append(f"<span{extra}>{byte:02x}</span>")
            letters.append(f"<span{extra}>{escape(_ascii(byte))}</span>")
        offsets = "".join(f"<span>{at:04x}</span>" for at in range(0, len(self.data), 8))
        name = f"{size_text(self.size)}, coloured by field; the tables beside name the fields"
        return (
            f"<div class='zc-map' role='img' aria-label='{name}'><div class='o'>{offsets}</div>"
            f"<div class='b'>{''.join(digits)}</div><div class='a'>{''.join(letters)}</div></div>"
        )

    def _tables(self) -> str:
        heads = (("", "field"), ("n", "offset"), ("n w", "size"), ("", "value"), ("", "meaning"))
        head = "".join(f"<th scope='col' class='{style}'>{text}</th>" for style, text in heads)
        number, tables = 0, []
        for layer in self.layers:
            rows = [_table_row(row, n) for n, row in enumerate(layer.rows, number)]
            number += len(rows)
            tables.append(
                f"<details{' open' if number <= _OPEN else ''}><summary>{escape(layer.title)}"
                f"<small>{_place(layer)} · {escape(layer.source)}</small></summary>"
                f"<table aria-label='{escape(layer.title)}'>{_COLUMNS}"
                f"<thead><tr>{head}</tr></thead>"
                f"<tbody>{''.join(rows)}</tbody></table></details>"
            )
        return "".join(tables)


def hexmap(buffer: Buffer, layers: Iterable[tuple[Message, int]]) -> HexMap:
    """Draw the bytes of a buffer, coloured by field, with what every field says.

    Parameters
    ----------
    buffer : bytes-like
        One packet or message.
    layers : iterable of (Message, int)
        Each header or message and the byte it starts at, such as ``dissect(feed, 7).layers``.

    Returns
    -------
    HexMap
        It shows itself in a notebook; ``str()`` says the same in text.

    Notes
    -----
    Fields that the buffer cuts off are shown as such. Values are read by the reference
    decoder.

    Memory: copies the bytes that are drawn, 2,048 at the most.
    """
    view = as_view(buffer)
    colours: dict[str, int] = {}
    made = tuple(_layer(view, message, at, colours) for message, at in layers)
    return HexMap(bytes(view[:_MOST]), len(view), made)


def _layer(view: memoryview, message: Message, at: int, colours: dict[str, int]) -> Layer:
    piece = bytes(view[at : at + message.size])
    values = reference(message, piece.ljust(message.size, b"\0"))
    rows = []
    for field in message.fields:
        # A field has one colour however often it comes, in all messages of a feed that have it.
        key = field.name if message.tag is not None else f"{message.name}.{field.name}"
        colour = colours.setdefault(key, len(colours) % _COLOURS)
        value = values[field.name]
        texts = value_text(field, value), meaning_of(field, value)
        if field.offset == 0 and value == message.tag:
            texts = texts[0], title_of(message)
        if field.end > len(piece):
            texts = "", _CUT
        rows.append(Row(field.name, at + field.offset, field.type.size, *texts, colour))
    return Layer(title_of(message), at, message.size, message.source, tuple(rows))


def _owners(size: int, rows: tuple[Row, ...]) -> list[int]:
    # For each byte the number of its field; -1 for none. Where layers overlap, the later wins.
    owners = [-1] * size
    for number, row in enumerate(rows):
        for at in range(max(0, row.offset), min(size, row.offset + row.size)):
            owners[at] = number
    return owners


def _table_row(row: Row, number: int) -> str:
    name = escape(row.name).replace("_", "_<wbr>")
    return (
        f"<tr data-r='{number}'><th scope='row'><span class='k' data-f='{row.colour}'>{name}"
        f"</span></th><td class='n'>{row.offset}</td><td class='n w'>{row.size}</td>"
        f"<td><code>{escape(row.value).replace(':', ':<wbr>')}</code></td>"
        f"<td>{escape(row.meaning)}</td></tr>"
    )


def _place(layer: Layer) -> str:
    return f"bytes {layer.offset:,} to {layer.offset + layer.size:,}"


def _ascii(byte: int) -> str:
    return chr(byte) if 0x20 <= byte < 0x7F else "·"
