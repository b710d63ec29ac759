"""A train of datagrams, with the accidents of a network on demand, and what is true of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ..codec import encode
from ..errors import SpecError
from ..spec import Framing, Protocol
from .chance import Chance
from .sender import Datagram, Kind, Sender, loads_of
from .telling import Story

__all__ = ["Accidents", "spread", "train_of", "truth_of"]

_DELAY, _REPEAT = 90, 400  # ns to the other side, and to the second copy


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
