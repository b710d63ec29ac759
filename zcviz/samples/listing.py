"""The invented securities of a session: names, how busy each is, where its price starts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "DIRECT",
    "FEWEST",
    "HALTED",
    "HEAD",
    "IPO",
    "PAUSED",
    "Listing",
    "invent",
    "spread_over",
]

Ints = NDArray[np.int64]

# Ranks, by activity, of the securities to which something happens during the day.
HEAD, PAUSED, HALTED, IPO, DIRECT = 0, 2, 3, 4, 5
FEWEST, MOST = 6, 5000
MESSAGES_EACH = 256  # on average
_NAMES = {HEAD: b"ZCVIZ", IPO: b"ZNEWCO", DIRECT: b"ZDIREC"}

TICK = 100  # a cent, on the wire's scale
DEEPEST = 16  # orders a side that a busy book holds on average


class Listing(NamedTuple):
    """Columns over the securities, which are numbered from 0 in order of their names.

    Attributes
    ----------
    stock : ndarray of S8, shape (n,)
        Padded with spaces.
    ranked : ndarray of int64, shape (n,)
        Security numbers, busiest first.
    listed : ndarray of bool, shape (n,)
        On Nasdaq: such a security has opening and closing crosses.
    price : ndarray of int64, shape (n,) [0.0001 USD]
    target : ndarray of int64, shape (n,)
        Orders that a side of its book tends to hold.
    traits : ndarray of int64, shape (n,)
        Random bits for everything else the directory says.
    activity : ndarray of int64, shape (65536,)
        Security numbers, each as often as it is busy: a random index picks one.
    """

    stock: NDArray[np.bytes_]
    ranked: Ints
    listed: NDArray[np.bool_]
    price: Ints
    target: Ints
    traits: Ints
    activity: Ints


def invent(messages: int, random: np.random.PCG64) -> Listing:
    """Return the securities of a session of so many messages."""
    n = min(max(messages // MESSAGES_EACH, FEWEST), MOST)
    names = _names(n, random)
    order = np.argsort(names, kind="stable")
    ranked = np.empty(n, np.int64)
    ranked[order] = np.arange(n)
    rank = order.astype(np.int64)
    # Zipf's law, with the head cut off so that no security is most of the market.
    slots = spread_over(65536, (1 << 20) // (np.arange(n) + 3))
    traits = (random.random_raw(n) >> np.uint64(1)).astype(np.int64)
    return Listing(
        stock=np.char.ljust(names[order], 8),
        ranked=ranked,
        listed=(rank % 20 < 9) | (rank < FEWEST),
        # Uniform over eight octaves, from 2.56 to 654 dollars.
        price=TICK * ((256 + (traits & 255)) << (traits >> 8 & 7)),
        target=np.clip(messages * slots[rank] >> 21, 1, DEEPEST),
        traits=traits >> 11,
        activity=np.repeat(ranked, slots),
    )


def spread_over(total: int, weights: Ints) -> Ints:
    """Return whole numbers, none zero, that add up to `total` and are nearly as the weights."""
    shares: Ints = np.maximum(1, weights * total // weights.sum())
    shares[: total - int(shares.sum())] += 1
    return shares


def _names(n: int, random: np.random.PCG64) -> NDArray[np.bytes_]:
    # Six letters starting with Z: pronounceable, and no ticker of a real company has the shape.
    vowels, consonants = b"AEIOU", b"BDFGKLMNPRSTVWXZ"
    parts = [b"Z", vowels, consonants, vowels, consonants, vowels]
    letters = np.meshgrid(*[np.frombuffer(part, np.uint8) for part in parts], indexing="ij")
    every = np.stack(letters, axis=-1).reshape(-1, len(parts))
    some = np.argsort(random.random_raw(len(every)), kind="stable")[:n]
    names: NDArray[np.bytes_] = every[some].view("S6").ravel().astype("S8")
    for rank, name in _NAMES.items():
        names[rank] = name
    return names
