"""Messages to datagrams, as any framing declares them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Literal, NamedTuple

from ..codec import encode
from ..spec import Framing, Protocol
from .chance import Chance
from .packets import SESSION
from .telling import Story

__all__ = ["Datagram", "Kind", "Sender", "block_of", "loads_of", "tag_of"]

_FULL = 1400  # bytes of messages in a datagram
_MOST = 4  # messages
_HOP = 700  # ns from a sender to the capture
_SESSION_ID = 1_137_508_352

Kind = Literal["load", "heartbeat", "unsequenced", "end"]


class Datagram(NamedTuple):
    """One datagram, and what is true of it.

    Attributes
    ----------
    time : int [ns since the Unix epoch]
        Of its capture.
    payload : bytes
    kind : {"load", "heartbeat", "unsequenced", "end"}
    channel, epoch : int
        Who counts, and how often that sender has started again.
    first, uses : int
        The number that it starts at, and how many it uses up.
    messages : tuple of (str, int)
        Tag of each message, and where in the payload it ends. An empty message has no tag.
    side : int
        Which destination it is sent to.
    """

    time: int
    payload: bytes
    kind: Kind
    channel: int
    epoch: int
    first: int
    uses: int
    messages: tuple[tuple[str, int], ...] = ()
    side: int = 0


def tag_of(feed: Protocol, message: bytes) -> str:
    """Return a message's tag as `info` names it; nothing for an empty message."""
    if not message:
        return ""
    if feed.head is None:
        return feed.tag_text(message[0])
    place = feed.head["template_id"]
    return feed.tag_text(int.from_bytes(message[place.offset : place.end], "little"))


def block_of(framing: Framing, message: bytes, **prefix: bytes) -> bytes:
    """Return the message after its prefix, if the framing has one."""
    if framing.prefix is None:
        return message
    return encode(framing.prefix, length=len(message) + framing.counted, **prefix) + message


class Sender:
    """Numbers datagrams.

    Attributes
    ----------
    next, offset : int
        The number of the next message or packet; bytes of messages sent so far.
    """

    def __init__(self, feed: Protocol, framing: Framing, channel: int) -> None:
        self.feed, self.framing, self.channel = feed, framing, channel
        self.epoch, self.next, self.offset = 0, 1, 0

    def restart(self) -> None:
        """Count from 1 again."""
        self.epoch, self.next, self.offset = self.epoch + 1, 1, 0

    def say(self, kind: Kind, time: int, messages: Sequence[bytes] = ()) -> Datagram:
        """Return the next datagram."""
        framing = self.framing
        assert framing.header is not None
        blocks = [block_of(framing, message) for message in messages]
        ends = accumulate(map(len, blocks), initial=framing.header.size)
        says = zip(
            (tag_of(self.feed, message) for message in messages), list(ends)[1:], strict=True
        )
        body = b"".join(blocks)
        first, count = self.next, len(messages)
        if framing.numbers == "packets":
            count = 1
        if kind == "unsequenced":
            first, count = framing.unsequenced or 0, 0
        stated = framing.end if kind == "end" else len(messages)
        header = self._header(time, first, stated or 0, len(body))
        said = Datagram(
            time + _HOP, header + body, kind, self.channel, self.epoch, first, count, tuple(says)
        )
        self.next, self.offset = self.next + count, self.offset + len(body)
        return said

    def _header(self, time: int, first: int, count: int, size: int) -> bytes:
        framing = self.framing
        assert framing.header is not None
        known: dict[str, int | bytes] = {
            "session": SESSION, "session_id": _SESSION_ID, "channel_id": self.channel + 1,
            "reserved": 0, "stream_offset": self.offset, "send_time": time, "sending_time": time,
            **framing.fixed, framing.sequence: first, framing.count: count, framing.payload: size,
        }  # fmt: skip
        return encode(framing.header, **{name: known[name] for name in framing.header.by_name})


def loads_of(story: Story, chance: Chance) -> list[Story]:
    """Return the story cut into what single datagrams carry."""
    loads: list[Story] = []
    room = left = 0
    for time, message in story:
        if not left or len(message) + 2 > room:
            loads.append([])
            room, left = _FULL, 1 + chance.below(_MOST)
        loads[-1].append((time, message))
        room, left = room - len(message) - 2, left - 1
    return loads
