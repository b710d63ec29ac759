"""A feed: its messages, and what they come in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ..errors import SelectionError, SpecError
from .framing import Framing
from .message import Message, tag_text

__all__ = ["Protocol"]


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
    framings : tuple of Framing
        What the messages come in.
    head : Message or None
        The header that every SBE message begins with, with the fields ``block_length``,
        ``template_id``, ``schema_id`` and ``version``; where it has ``num_groups`` and
        ``num_var_data_fields`` too, a message can be stepped over without a schema. None for
        messages that begin with a one-byte tag.
    schema_id : int or None
        The only ``schema_id`` that its messages have.
    may_grow : bool
        Whether a message may be longer than documented: later editions add fields at the end.
    time, symbol, locate : str
        Names of the fields, in whichever messages have them, that say when, which security, and
        its number. Empty where there is none.
    zone : str
        Time zone of the exchange, as the IANA database names it.
    clocks : mapping
        Of fields that count from the Unix epoch, without their schema saying so: name to unit.
    """

    name: str
    title: str
    messages: tuple[Message, ...] = ()
    framings: tuple[Framing, ...] = ()
    head: Message | None = None
    schema_id: int | None = None
    may_grow: bool = False
    time: str = "timestamp"
    symbol: str = ""
    locate: str = ""
    zone: str = "UTC"
    clocks: Mapping[str, str] = field(default_factory=dict)
    _by_key: dict[str | bytes | int, Message] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        keys: dict[str | bytes | int, Message] = {}
        for message in self.messages:
            names: list[str | bytes | int] = [message.name]
            if message.tag is not None:
                names += [message.tag, message.tag_text]
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

    def __getitem__(self, key: str | bytes | int) -> Message:
        """Return a message by tag (``"A"``, ``b"A"``, ``32``) or by name (``"add_order"``)."""
        try:
            return self._by_key[key]
        except (KeyError, TypeError):  # not to be found, or nothing that could be
            tags = " ".join(m.tag_text for m in self.messages if m.tag is not None)
            has = f"it has {tags}" if tags else "a schema says what it has: give one (--schema XML)"
            raise SelectionError(f"{self.name} has no message {key!r}; {has}") from None

    @cached_property
    def tag_size(self) -> int:
        """Size of a message's tag on the wire [bytes]."""
        return 1 if self.head is None else self.head["template_id"].type.size

    def tag_text(self, key: int) -> str:
        """Return a tag as text: a character (``0xNN`` where not printable), or the number."""
        if self.head is not None:
            return str(key)
        return tag_text(key)

    def __repr__(self) -> str:
        return f"<Protocol {self.name}: {len(self)} messages>"
