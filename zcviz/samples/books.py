"""Order books, as data that compiled code can work on.

A side of a book is a short row of orders sorted by price, the best last; within a price the
oldest is last. A new order is put behind those of its price, an execution takes the last one:
so price-time priority holds by construction. Prices are compared as *keys*, the price of a bid
and minus the price of an ask: on either side the larger key is better, and a book is not crossed
while the best keys of both sides add up to less than nothing. No new order's key may exceed what
that allows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .listing import DEEPEST, Listing

__all__ = [
    "FAIR",
    "KEY",
    "MATCH",
    "NUMBER",
    "OPEN",
    "ORDER",
    "ROOM",
    "SHARES",
    "TARGET",
    "TRADED",
    "Book",
    "Moves",
]

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]

KEY, SHARES, NUMBER = range(3)
FAIR, TARGET, OPEN, TRADED = range(4)
ORDER, MATCH = range(2)

ROOM = 3 * DEEPEST  # orders a side: twice the average is where adding stops by itself


class Book(NamedTuple):
    """The books of all securities. A *row* is a side: ``2 * security``, plus one for asks.

    Attributes
    ----------
    orders : ndarray of int64, shape (2 n, ROOM, 3)
        KEY, SHARES and NUMBER of each order.
    filled : ndarray of int64, shape (2 n,)
        How many orders a row holds.
    state : ndarray of int64, shape (n, 4)
        Of a security: FAIR, the wandering price [0.0001 USD] around which orders are placed;
        TARGET, the orders that a side tends to hold; OPEN, 0 while halted; TRADED, the match
        number of the last trade, 0 before the first and when that was broken.
    last : ndarray of int64, shape (2,)
        ORDER reference number and MATCH number given out last.
    """

    orders: Ints
    filled: Ints
    state: Ints
    last: Ints

    @classmethod
    def empty(cls, listing: Listing) -> Book:
        """Return the books before the day's first order."""
        n = len(listing.stock)
        state = np.zeros((n, 4), np.int64)
        state[:, FAIR], state[:, TARGET] = listing.price, listing.target
        orders = np.zeros((2 * n, ROOM, 3), np.int64)
        return cls(orders, np.zeros(2 * n, np.int64), state, np.zeros(2, np.int64))


class Moves(NamedTuple):
    """What happened: columns over the messages, 0 where a message has no such thing.

    Attributes
    ----------
    tag, side : ndarray of uint8, shape (n,)
        Message type; ``B`` or ``S``.
    reference : ndarray of int64, shape (n,)
    other : ndarray of int64, shape (n,)
        Match number, or the new reference number of a replaced order.
    shares : ndarray of int64, shape (n,)
    price : ndarray of int64, shape (n,) [0.0001 USD]
    """

    tag: Bytes
    side: Bytes
    reference: Ints
    other: Ints
    shares: Ints
    price: Ints
