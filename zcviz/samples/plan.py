"""The plan: when each message is sent, about which security, and which type is wished for."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .day import CLOSED, FLOW, OPENS, script
from .listing import HEAD, Listing, spread_over

__all__ = ["Plan", "Span"]

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]

IMBALANCE = ord("I")
# Wishes, of 10,000. A is for the urn of the book to answer: an order comes (A, F) or goes (D).
_MIX = {b"A": 8915, b"U": 620, b"E": 320, b"C": 8, b"X": 52, b"P": 75, b"N": 10}
_IMBALANCES = 800  # of 10,000 while a cross is announced
_STARTS = np.array([each.start for each in FLOW] + [CLOSED], np.int64)
_LEADERS = np.array([each.leaders for each in FLOW], np.int64)
_CROSS = np.array([each.cross[0] if each.cross else 0 for each in FLOW], np.int64)


class Span(NamedTuple):
    """Consecutive messages before the market has had its say; columns as those of `Script`."""

    time: Ints
    tag: Bytes
    security: Ints
    code: Bytes


class Plan:
    """A day of exactly `messages` messages: the script, and order flow between its lines."""

    def __init__(self, messages: int, listing: Listing) -> None:
        self.listing = listing
        self.script = script(listing)
        flow = messages - len(self.script.time)
        shares = np.cumsum([0] + [each.share for each in FLOW])
        self.begins = flow * shares // shares[-1]  # of each stretch, counted in flow messages
        self.stride = np.diff(_STARTS) // np.maximum(np.diff(self.begins), 1)
        self.lines = self._flow_before(self.script.time) + np.arange(len(self.script.time))
        self.clock = 0
        self.opens = np.zeros(len(listing.stock), np.int64)
        for rank, time in OPENS.items():
            self.opens[listing.ranked[rank]] = time

    def span(self, first: int, random: Ints) -> Span:
        """Return the messages from number `first` on, one for each of the random numbers.

        Spans must be asked for in order: time never goes back.
        """
        n = len(random)
        lines = slice(*np.searchsorted(self.lines, (first, first + n)))
        at = self.lines[lines] - first
        scripted = np.zeros(n, np.bool_)
        scripted[at] = True
        flow = first - lines.start + np.cumsum(~scripted) - 1
        stretch = np.searchsorted(self.begins[1:-1], flow, side="right")
        time = self._times(at, self.script.time[lines], flow, stretch, random)
        security = self._securities(time, stretch, random)
        tag, code = self._wishes(security, stretch, random)
        tag[at] = self.script.tag[lines]
        code[at] = self.script.code[lines]
        security[at] = self.script.security[lines]
        return Span(time, tag, security, code)

    def _flow_before(self, time: Ints) -> Ints:
        stretch = np.searchsorted(_STARTS, time, side="right") - 1
        inside = np.clip(stretch, 0, len(FLOW) - 1)
        done = self.begins[inside] + (time - _STARTS[inside]) // self.stride[inside]
        before: Ints = np.clip(done, self.begins[inside], self.begins[inside + 1])
        return before

    def _times(self, at: Ints, scripted: Ints, flow: Ints, stretch: Ints, random: Ints) -> Ints:
        # Leaders lie evenly over their stretch; the others follow within microseconds.
        leads = _leads(stretch, random)
        stride = self.stride[stretch]
        time = _STARTS[stretch] + (flow - self.begins[stretch]) * stride
        time += (random >> 32 & 0xFFFF) * stride >> 16
        time[~leads] = 0
        time[at] = scripted
        leads[at] = True
        time[0] = max(time[0], self.clock)
        delay = 100 + (random >> 32 & (64 << (random >> 52 & 7)) - 1)
        delay = np.cumsum(np.where(leads, 0, delay))
        delay -= np.maximum.accumulate(np.where(leads, delay, 0))
        time = np.maximum.accumulate(np.maximum.accumulate(time) + delay)
        self.clock = int(time[-1])
        return time

    def _securities(self, time: Ints, stretch: Ints, random: Ints) -> Ints:
        # Half of those that follow are about the same security as the one before.
        fresh = _leads(stretch, random) | (random >> 55 & 1 == 1)
        fresh[0] = True
        last = np.maximum.accumulate(np.where(fresh, np.arange(len(random)), 0))
        security: Ints = self.listing.activity[random[last] >> 16 & 0xFFFF]
        closed = time < self.opens[security]
        security[closed] = self.listing.ranked[HEAD]
        return security

    def _wishes(self, security: Ints, stretch: Ints, random: Ints) -> tuple[Bytes, Bytes]:
        # Imbalances are announced before a cross, of securities that have one.
        cross = np.where(self.listing.listed[security], _CROSS[stretch], 0)
        draw = random & 0xFFFF
        tag = np.where(cross, _AUCTION[draw], _ORDINARY[draw])
        code = np.where(tag == IMBALANCE, cross, 0).astype(np.uint8)
        return tag, code


def _leads(stretch: Ints, random: Ints) -> NDArray[np.bool_]:
    return (random >> 48 & 15) < _LEADERS[stretch]


def _drawn_from(mix: dict[bytes, int]) -> Bytes:
    tags = np.frombuffer(b"".join(mix), np.uint8)
    return np.repeat(tags, spread_over(65536, np.array(list(mix.values()), np.int64)))


_ORDINARY = _drawn_from(_MIX)
_AUCTION = _drawn_from(_MIX | {b"I": _IMBALANCES})
