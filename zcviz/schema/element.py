"""XML as elements that know their line, within bounds.

A schema comes from wherever its user got it. A document type declaration is refused outright: SBE
has none, and all that can be declared in one, from entities that double to files that are fetched,
is harm.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from xml.parsers import expat

from ..errors import SpecError

__all__ = ["MOST_BYTES", "Element", "parse"]

MOST_BYTES = 16 << 20
_MOST_ELEMENTS = 200_000
_DEEPEST = 64
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")


class Element:
    """One element: its name without prefix, its attributes, its text, its children, its line."""

    __slots__ = ("attributes", "children", "line", "pieces", "source", "tag")

    def __init__(self, tag: str, attributes: dict[str, str], source: str, line: int) -> None:
        self.tag = tag
        self.attributes = attributes
        self.source = source
        self.line = line
        self.children: list[Element] = []
        self.pieces: list[str] = []

    @property
    def where(self) -> str:
        """Source and line."""
        return f"{self.source}, line {self.line}"

    @property
    def text(self) -> str:
        """The text between its tags, as it stands."""
        return "".join(self.pieces)

    def wrong(self, what: str) -> SpecError:
        """Return the error that says what is wrong, and where."""
        return SpecError(f"{self.where}: {what}")

    def get(self, name: str, default: str = "") -> str:
        """Return an attribute without the spaces around it."""
        return self.attributes.get(name, default).strip()

    def need(self, name: str) -> str:
        """Return an attribute that has to be there."""
        value = self.get(name)
        if not value:
            raise self.wrong(f"<{self.tag}> has no {name}")
        return value

    def integer(self, name: str, default: int, least: int = 0, most: int = 0xFFFF) -> int:
        """Return an attribute that is an integer within bounds."""
        value = self.get(name)
        return self.to_integer(value, least, most) if value else default

    def to_integer(self, value: str, least: int, most: int) -> int:
        """Return what some text in this element says, if it is an integer within bounds."""
        if not _INTEGER.fullmatch(value) or not least <= int(value) <= most:
            raise self.wrong(f"expected an integer from {least} to {most}, found {value[:40]!r}")
        return int(value)

    def all(self, *tags: str) -> Iterator[Element]:
        """Iterate over the children of some names, in their order."""
        return (child for child in self.children if child.tag in tags)


def parse(content: bytes, source: str) -> Element:
    """Return the root element of an XML document.

    Parameters
    ----------
    content : bytes
    source : str
        What to call it in errors.

    Raises
    ------
    SpecError
        It is no well-formed XML, declares a document type, or is larger or deeper than any schema.
    """
    if len(content) > MOST_BYTES:
        raise SpecError(f"{source}: expected at most {MOST_BYTES} bytes, found {len(content)}")
    parser = expat.ParserCreate()
    parser.buffer_text = True
    open_elements = [Element("", {}, source, 0)]
    seen = 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal seen
        seen += 1
        made = Element(tag.rpartition(":")[2], attributes, source, parser.CurrentLineNumber)
        if seen > _MOST_ELEMENTS or len(open_elements) > _DEEPEST:
            raise made.wrong(f"more than {_MOST_ELEMENTS} elements, or {_DEEPEST} inside another")
        open_elements[-1].children.append(made)
        open_elements.append(made)

    def refuse(*_: Any) -> None:
        raise SpecError(f"{source}, line {parser.CurrentLineNumber}: a schema declares no DOCTYPE")

    def hold(text: str) -> None:
        open_elements[-1].pieces.append(text)

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: open_elements.pop()
    parser.CharacterDataHandler = hold
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        what = expat.errors.messages.get(error.code, "unreadable")
        raise SpecError(f"{source}, line {error.lineno}: no XML: {what}") from None
    except (LookupError, ValueError) as error:
        if isinstance(error, SpecError):
            raise
        raise SpecError(f"{source}, line 1: no XML: {error}") from None  # an unknown encoding
    return open_elements[0].children[0]
