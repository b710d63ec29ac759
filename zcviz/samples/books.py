"""Order books: what keeps them sorted, uncrossed and honest about their orders.

A side of a book is a short row of orders sorted by price, the best last; within a price the
oldest is last. A new order is put behind those of its price, an execution takes the last one:
so price-time priority holds by construction. Prices are compared as *keys*, the price of a bid
and minus the price of an ask: on either side the larger key is better, and a book is not crossed
while the best keys of both sides add up to less than nothing. No new order's key may exceed what
that allows.

Everything is integer arithmetic, so compiled and plain runs agree on every platform. The state is
in few arrays because compiled code pays for each array that a call hands on.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..kernels import jit
from .listing import DEEPEST, TICK, Listing

__all__ = [
    "FAIR",
    "KEY",
    "MATCH",
    "REFERENCE",
    "ROOM",
    "SHARES",
    "TARGET",
    "TRADED",
    "TRADING",
    "Book",
    "best",
    "choose",
    "enter",
    "middle",
    "next_match",
    "remove",
    "wander",
]

Ints = NDArray[np.int64]

KEY, SHARES, REFERENCE = range(3)
FAIR, TARGET, TRADING, TRADED = range(4)
ORDER, MATCH = range(2)

ROOM = 3 * DEEPEST  # orders a side: twice the average is where adding stops by itself
NOTHING = -(1 << 40)  # the best key of an empty side
CHEAPEST = 200 * TICK


class Book(NamedTuple):
    """The books of all securities. A *row* is a side: ``2 * security``, plus one for asks.

    Attributes
    ----------
    orders : ndarray of int64, shape (2 n, ROOM, 3)
        KEY, SHARES and REFERENCE of each order.
    filled : ndarray of int64, shape (2 n,)
        How many orders a row holds.
    state : ndarray of int64, shape (n, 4)
        Of a security: FAIR, the wandering price [0.0001 USD] around which orders are placed;
        TARGET, the orders that a side tends to hold; TRADING, 0 while halted; TRADED, the match
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


@jit
def best(book: Book, row: int) -> int:
    """Return the best key of a side."""
    count = book.filled[row]
    return int(book.orders[row, count - 1, KEY]) if count else NOTHING


@jit
def middle(book: Book, row: int) -> int:
    """Return the price half way between the quotes; both sides must hold an order."""
    return (abs(best(book, row)) + abs(best(book, row ^ 1))) // 2


@jit
def unit(book: Book, security: int) -> int:
    """Return the step of a security's prices: a cent, and one more for each 41 dollars."""
    return TICK * (1 + int(book.state[security, FAIR]) // (4096 * TICK))


@jit
def wander(book: Book, security: int, random: int) -> None:
    """Move the fair price by a step, at one message in four."""
    if random >> 9 & 3 == 0:
        step = unit(book, security) * (1 - (random >> 10 & 2))
        book.state[security, FAIR] = max(int(book.state[security, FAIR]) + step, CHEAPEST)


@jit
def fair(book: Book, row: int) -> int:
    """Return the fair price as a key of this side."""
    price = int(book.state[row >> 1, FAIR])
    return -price if row & 1 else price


@jit
def choose(book: Book, row: int, random: int) -> int:
    """Return the slot of an order to change: the best if that has become too good, else any."""
    count = int(book.filled[row])
    if best(book, row) >= fair(book, row):
        return count - 1
    return (random >> 30 & 255) % count


@jit
def enter(book: Book, row: int, shares: int, random: int) -> tuple[int, int]:
    """Put a new order behind those as good or better; return its reference number and price.

    It is near the fair price, rarely far from it, and never across the other side.
    """
    depth = 1 + (random & random >> 4 & 15)
    key = fair(book, row) - depth * unit(book, row >> 1)
    key = min(key, -best(book, row ^ 1) - TICK)
    slot = int(book.filled[row])
    while slot and book.orders[row, slot - 1, KEY] >= key:
        move(book, row, slot - 1, slot)
        slot -= 1
    reference = int(book.last[ORDER]) + 1 + (random >> 55 & 15)
    book.last[ORDER] = reference
    book.orders[row, slot, KEY] = key
    book.orders[row, slot, SHARES] = shares
    book.orders[row, slot, REFERENCE] = reference
    book.filled[row] += 1
    return reference, abs(key)


@jit
def remove(book: Book, row: int, slot: int) -> None:
    """Take an order out; better ones move up."""
    book.filled[row] -= 1
    for each in range(slot, book.filled[row]):
        move(book, row, each + 1, each)


@jit
def move(book: Book, row: int, source: int, target: int) -> None:
    """Copy an order to another slot of its row."""
    for column in range(3):
        book.orders[row, target, column] = book.orders[row, source, column]


@jit
def next_match(book: Book, row: int, random: int) -> int:
    """Return the match number of a trade."""
    number = int(book.last[MATCH]) + 1 + (random >> 59 & 3)
    book.last[MATCH] = number
    book.state[row >> 1, TRADED] = number
    return number
