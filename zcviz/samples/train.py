"""Messages to datagrams as any framing declares them, with the accidents of a network on demand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, Literal, NamedTuple

from ..codec import encode
from ..errors import SpecError
from ..spec import Framing, Protocol
from .chance import Chance
from .packets import SESSION
from .telling import Story

__all__ = [
    "Accidents",
    "Datagram",
    "Sender",
    "block_of",
    "loads_of",
    "spread",
    "tag_of",
    "train_of",
    "truth_of",
]

_FULL = 1400  # bytes of messages in a datagram
_MOST = 4  # messages
_HOP = 700  # ns from a sender to the capture
_DELAY, _REPEAT = 90, 400  # ns to the other side, and to the second copy

Kind = Literal["load", "heartbeat", "unsequenced", "end"]


@dataclass(frozen=True)
class Accidents:
    """What happens to a train of datagrams, and how often.

    Attributes
    ----------
    gaps : int
        Datagrams that are lost, no two neighbours.
    duplicates : int
        Datagrams that come a second time.
    swaps : int
        Datagrams that are overtaken by the next one.
    restarts : int
        Times that the sender counts from 1 again.
    heartbeats : int
        Datagrams without a message. Only where a header counts messages.
    unsequenced : int
        Datagrams with the number that means none. Only where there is such a number.
    empty : int
        Messages of no bytes among the others. Only where messages stand after their lengths.
    unknown : int
        Messages of a type that the feed does not have.
    grown : int
        Messages with bytes that the document does not know. Only where they may grow.
    sides : int
        Destinations that every datagram is sent to.
    channels : int
        Of senders, each with numbers of its own. Only where a header names the channel.
    """

    gaps: int = 0
    duplicates: int = 0
    swaps: int = 0
    restarts: int = 0
    heartbeats: int = 0
    unsequenced: int = 0
    empty: int = 0
    unknown: int = 0
    grown: int = 0
    sides: int = 1
    channels: int = 1

    def check(self, feed: Protocol, framing: Framing) -> None:
        """Raise `SpecError` where feed or framing have no way to say it."""
        able = {
            "heartbeats": bool(framing.count),
            "unsequenced": framing.unsequenced is not None,
            "empty": framing.prefix is not None and framing.numbers == "messages",
            "grown": feed.may_grow,
        }
        for name, possible in able.items():
            if getattr(self, name) and not possible:
                raise SpecError(f"{feed.name} in {framing.name} has no {name}")
        if self.channels > 1 and "channel_id" not in framing.channel:
            raise SpecError(f"{framing.name} has one channel a destination")


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


def train_of(
    feed: Protocol, framing: Framing, story: Story, chance: Chance, accidents: Accidents
) -> list[Datagram]:
    """Return the datagrams that carry a story, in order of their capture."""
    accidents.check(feed, framing)
    loads = loads_of(_disturbed(feed, story, chance, accidents), chance)
    senders = [Sender(feed, framing, n) for n in range(accidents.channels)]
    beats = spread(accidents.heartbeats, len(loads), chance)
    unsequenced = spread(accidents.unsequenced, len(loads), chance)
    again = [len(loads) * n // (accidents.restarts + 1) for n in range(1, accidents.restarts + 1)]
    train = []
    for at, load in enumerate(loads):
        sender = senders[at % len(senders)]
        if at in again:
            for each in senders:
                each.restart()
        if at in beats:
            train.append(sender.say("heartbeat", load[0][0]))
        kind: Kind = "unsequenced" if at in unsequenced else "load"
        train.append(sender.say(kind, load[-1][0], [message for _, message in load]))
    if framing.end is not None:
        train += [sender.say("end", story[-1][0] + 10**9) for sender in senders]
    return _received(train, accidents, chance)


def _disturbed(feed: Protocol, story: Story, chance: Chance, accidents: Accidents) -> Story:
    story = list(story)
    for at in spread(accidents.grown, len(story), chance):
        time, message = story[at]
        story[at] = time, message + b"later"
    odd = b"~" + bytes(20)
    if feed.head is not None:
        says = {"block_length": 4, "template_id": 9999, "schema_id": feed.schema_id or 0}
        odd = encode(feed.head, **dict.fromkeys(feed.head.by_name, 0) | says) + bytes(4)
    for times, message in ((accidents.unknown, odd), (accidents.empty, b"")):
        for at in spread(times, len(story), chance):
            story.insert(at, (story[at][0], message))
    return story


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
            "session": SESSION, "session_id": 1_137_508_352, "channel_id": self.channel + 1,
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


def spread(n: int, over: int, chance: Chance) -> list[int]:
    """Return `n` positions below `over`, far from each other and from both ends, the last first.

    Raises
    ------
    SpecError
        There is no room for so many.
    """
    if n and over < 4 * (n + 1):
        raise SpecError(f"{n} accidents take {4 * (n + 1)} messages or packets, not {over}")
    slot = over // (n + 1)
    return [slot * i + chance.below(slot // 2) for i in range(n, 0, -1)]


def _received(train: list[Datagram], accidents: Accidents, chance: Chance) -> list[Datagram]:
    loads = [at for at, each in enumerate(train) if each.kind == "load"]
    lost = {loads[n] for n in spread(accidents.gaps, len(loads), chance)}
    twice = {loads[n] for n in spread(accidents.duplicates, len(loads), chance)} - lost
    swapped = {loads[n] for n in spread(accidents.swaps, len(loads), chance)} - lost - twice
    late = {at for at in swapped if train[at].epoch == train[at + 1].epoch}
    order = sorted(range(len(train)), key=lambda at: at + 1.5 * (at in late))
    return [
        train[at]._replace(side=side, time=train[at].time + _DELAY * side + _REPEAT * copy)
        for at in order if at not in lost
        for copy in range(1 + (at in twice))
        for side in range(accidents.sides)
    ]  # fmt: skip


def truth_of(train: Iterable[Datagram]) -> dict[str, Any]:
    """Return what `info` has to say of the datagrams."""
    counts: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    seen: dict[tuple[int, int], set[int]] = {}
    duplicates = 0
    for each in train:
        counts.update(tag for tag, _ in each.messages)
        kinds[each.kind] += 1
        if each.uses:
            numbers = set(range(each.first, each.first + each.uses))
            known = seen.setdefault((each.channel, each.epoch), set())
            duplicates += numbers <= known
            known |= numbers
    empty = counts.pop("", 0)
    holes = [hole for numbers in seen.values() for hole in _holes(sorted(numbers))]
    return {
        "datagrams": kinds.total(),
        "heartbeats": kinds["heartbeat"],
        "messages": counts.total(),
        "counts": dict(counts),
        "gaps": len(holes),
        "missing": sum(holes),
        "duplicates": duplicates,
        "restarts": len(seen) - len({channel for channel, _ in seen}),
        "unsequenced": kinds["unsequenced"],
        "skipped": {"empty block": empty} if empty else {},
    }


def _holes(numbers: list[int]) -> list[int]:
    return [after - before - 1 for before, after in pairwise(numbers) if after > before + 1]
