"""How messages stand in datagrams and files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .message import Message

__all__ = ["Framing"]


@dataclass(frozen=True, eq=False)
class Framing:
    """How messages stand in a datagram, or one after another in a file.

    One declaration, from which every traversal is made; another venue is another table.

    Attributes
    ----------
    name : str
    source : str
        Document and section.
    header : Message or None
        At the start of each datagram. Text in it has to be printable (or NUL at its end), else the
        datagram is another protocol's. None for a file of messages without packets.
    prefix : Message or None
        Before each message; its field ``length`` says where the message ends. None where messages
        stand back to back, and only their own groups tell where one ends.
    counted : int [bytes]
        How much of the prefix the length counts as well.
    sequence, count, payload : str
        Fields of the header: number of the first message (or of the packet), how many messages
        follow, how many bytes follow. Empty where there is none.
    payload_counted : int [bytes]
        How much of the header the payload's length counts as well.
    channel : tuple of str
        Fields of the header that name the channel; empty where the destination address does.
    fixed : mapping
        Fields of the header to the only value that they may have.
    numbers : {"messages", "packets"}
        What sequence numbers count.
    unsequenced : int or None
        The sequence number that means none.
    end : int or None
        The count that ends a session, and no message follows.
    carriers : bytes
        Values of the prefix's field ``packet_type`` that stand before messages; of other types,
        the packet is the session's own.
    """

    name: str
    source: str
    header: Message | None = None
    prefix: Message | None = None
    counted: int = 0
    sequence: str = ""
    count: str = ""
    payload: str = ""
    payload_counted: int = 0
    channel: tuple[str, ...] = ()
    fixed: Mapping[str, int] = field(default_factory=dict)
    numbers: Literal["messages", "packets"] = "messages"
    unsequenced: int | None = None
    end: int | None = None
    carriers: bytes = b""

    def __repr__(self) -> str:
        return f"<Framing {self.name}>"
