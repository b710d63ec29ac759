"""The market: order books that turn what was wished for into what could happen.

A side of a book is a short row of orders sorted by price, the best last; within a price the
oldest is last. A new order is put behind those of its price, an execution takes the last one:
so price-time priority holds by construction. Prices are compared as *keys*, the price of a bid
and minus the price of an ask: on either side the larger key is better, and a book is not crossed
while the best keys of both sides add up to less than nothing. No new order's key may exceed what
that allows.

Everything is integer arithmetic, so compiled and plain runs agree on every platform.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..kernels import jit
from .listing import DEEPEST, TICK, Listing

__all__ = ["Book", "Moves", "play"]

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]

A, B, C, D, E, F, H, N, P, Q, S, U, X = b"ABCDEFHNPQSUX"
BID, ASK = 0, 1
ROOM = 3 * DEEPEST  # slots a side: twice the average is where adding stops by itself
NOTHING = -(1 << 40)  # the best key of an empty side
CHEAPEST = 200 * TICK


class Book(NamedTuple):
    """The books of all securities; row ``2 * security + side`` of the arrays of orders.

    Attributes
    ----------
    count : ndarray, shape (2 n,)
        How many slots of a row are in use.
    key, shares, reference : ndarray, shape (2 n, ROOM)
    fair : ndarray, shape (n,) [0.0001 USD]
        The wandering price around which orders are placed.
    target : ndarray, shape (n,)
    trading : ndarray, shape (n,)
        0 while halted.
    traded : ndarray, shape (n,)
        Match number of the last trade, 0 before the first and once that was broken.
    last : ndarray, shape (2,)
        Order reference number and match number given out last.
    """

    count: Ints
    key: Ints
    shares: Ints
    reference: Ints
    fair: Ints
    target: Ints
    trading: Ints
    traded: Ints
    last: Ints

    @classmethod
    def empty(cls, listing: Listing) -> Book:
        """Return the books before the day's first order."""
        n = len(listing.stock)
        count = np.zeros(2 * n, np.int64)
        key, shares, reference = (np.zeros((2 * n, ROOM), np.int64) for _ in range(3))
        trading, traded, last = (np.zeros(size, np.int64) for size in (n, n, 2))
        fair = listing.price.copy()
        return cls(count, key, shares, reference, fair, listing.target, trading, traded, last)


class Moves(NamedTuple):
    """What happened, a column over the messages; 0 where a message has no such thing."""

    tag: Bytes
    side: Bytes
    reference: Ints
    other: Ints  # match number, or the new reference number of a replacement
    shares: Ints
    price: Ints

    @classmethod
    def zeros(cls, n: int) -> Moves:
        """Return columns for `n` messages."""
        tag, side = np.zeros((2, n), np.uint8)
        return cls(tag, side, *np.zeros((4, n), np.int64))


@jit
def play(
    book: Book, wanted: Bytes, security: Ints, code: Bytes, random: Ints, moves: Moves
) -> None:
    """Carry out each wish, or what the book allows instead, and write down what it was."""
    for i in range(len(wanted)):
        moves.tag[i] = wanted[i]
        if security[i] >= 0:
            _wander(book, security[i], random[i])
            side = _side(code[i], random[i])
            moves.side[i] = S if side else B
            row = 2 * security[i] + side
            moves.tag[i] = _allowed(book, wanted[i], row, code[i], random[i])
            _carry_out(book, moves, i, row, code[i], random[i])


@jit
def _wander(book: Book, security: int, random: int) -> None:
    if random >> 9 & 15 == 0:
        step = _unit(book, security) * (1 - (random >> 12 & 2))
        book.fair[security] = max(book.fair[security] + step, CHEAPEST)


@jit
def _unit(book: Book, security: int) -> int:
    # One cent for each 41 dollars, at least one: dearer shares move and spread in larger steps.
    return TICK * (1 + book.fair[security] // (4096 * TICK))


@jit
def _side(code: int, random: int) -> int:
    if code in (B, N):  # a cross takes the bid
        return BID
    return ASK if code == S else random >> 8 & 1


@jit
def _allowed(book: Book, wanted: int, row: int, code: int, random: int) -> int:
    own, opposite = book.count[row], book.count[row ^ 1]
    needs_own = wanted in (D, E, C, U, X, P)
    needs_both = wanted == P or (wanted == C and code != N)
    needs_trading = wanted in (E, C, P)
    if (
        (needs_own and not own)
        or (needs_both and not opposite)
        or (needs_trading and not book.trading[row >> 1])
        or (wanted == B and not book.traded[row >> 1])
    ):
        wanted = A
    if wanted == A and code not in (B, S):
        # An urn: the fuller the side, the likelier an order leaves; at twice the target, surely.
        if (random >> 38 & 1023) % (2 * book.target[row >> 1]) < own:
            return D
        return F if (random >> 48 & 127) < 3 else A
    return D if wanted in (A, F) and own == ROOM else wanted


@jit
def _carry_out(book: Book, moves: Moves, i: int, row: int, code: int, random: int) -> None:
    tag = moves.tag[i]
    if tag in (A, F):
        _add(book, moves, i, row, code, random)
    elif tag == D:
        _delete(book, moves, i, row, random)
    elif tag == U:
        _replace(book, moves, i, row, random)
    elif tag == X:
        _cancel(book, moves, i, row, random)
    elif tag in (E, C):
        _execute(book, moves, i, row, code, random)
    elif tag == P:
        _trade(book, moves, i, row, random)
    elif tag == Q:
        _cross(book, moves, i, row, random)
    elif tag == B:
        moves.other[i] = book.traded[row >> 1]
        book.traded[row >> 1] = 0
    else:
        moves.price[i] = book.fair[row >> 1]
        if tag == H:
            book.trading[row >> 1] = code == 0


@jit
def _add(book: Book, moves: Moves, i: int, row: int, code: int, random: int) -> None:
    shares = _lots(random) if code else _size(random)
    moves.reference[i] = _enter(book, moves, i, row, shares, random)


@jit
def _delete(book: Book, moves: Moves, i: int, row: int, random: int) -> None:
    slot = _slot(book, row, random)
    moves.reference[i] = book.reference[row, slot]
    _remove(book, row, slot)


@jit
def _replace(book: Book, moves: Moves, i: int, row: int, random: int) -> None:
    _delete(book, moves, i, row, random)
    moves.other[i] = _enter(book, moves, i, row, _size(random), random)


@jit
def _cancel(book: Book, moves: Moves, i: int, row: int, random: int) -> None:
    slot = _slot(book, row, random)
    rest = book.shares[row, slot] - 1
    if not rest:  # there is no part of one share
        moves.tag[i] = D
        _delete(book, moves, i, row, random)
        return
    lot = 100 if rest >= 100 else 1
    cancelled = lot * (1 + (random >> 24 & 63) % (rest // lot))
    moves.reference[i] = book.reference[row, slot]
    moves.shares[i] = cancelled
    book.shares[row, slot] -= cancelled


@jit
def _execute(book: Book, moves: Moves, i: int, row: int, code: int, random: int) -> None:
    top = book.count[row] - 1
    shares = book.shares[row, top]
    if code == N:  # part of a cross, which was at this price
        moves.price[i] = abs(book.key[row, top])
    else:
        shares = min(shares, _size(random))
        if moves.tag[i] == C:
            moves.price[i] = _middle(book, row)
    moves.reference[i] = book.reference[row, top]
    moves.shares[i] = shares
    moves.other[i] = _match(book, row, random)
    book.shares[row, top] -= shares
    if not book.shares[row, top]:
        _remove(book, row, top)


@jit
def _trade(book: Book, moves: Moves, i: int, row: int, random: int) -> None:
    # Hidden orders trade at a quote or between them.
    at_quote = random >> 30 & 1
    moves.price[i] = abs(_best(book, row)) if at_quote else _middle(book, row)
    moves.shares[i] = _size(random)
    moves.other[i] = _match(book, row, random)


@jit
def _cross(book: Book, moves: Moves, i: int, row: int, random: int) -> None:
    # At the best bid, which is part of it: its execution may follow.
    moves.shares[i] = 100 * _lots(random)
    moves.price[i] = book.fair[row >> 1]
    bid = row & ~1
    if book.count[bid]:
        moves.shares[i] += book.shares[bid, book.count[bid] - 1]
        moves.price[i] = _best(book, bid)
    moves.other[i] = _match(book, row, random)


@jit
def _match(book: Book, row: int, random: int) -> int:
    book.last[1] += 1 + (random >> 59 & 3)
    book.traded[row >> 1] = book.last[1]
    return book.last[1]


@jit
def _enter(book: Book, moves: Moves, i: int, row: int, shares: int, random: int) -> int:
    # Put a new order behind those that are as good or better.
    key = _quote(book, row, random)
    slot = book.count[row]
    while slot and book.key[row, slot - 1] >= key:
        _copy(book, row, slot - 1, slot)
        slot -= 1
    book.last[0] += 1 + (random >> 55 & 15)
    book.key[row, slot] = key
    book.shares[row, slot] = shares
    book.reference[row, slot] = book.last[0]
    book.count[row] += 1
    moves.shares[i] = shares
    moves.price[i] = abs(key)
    return book.last[0]


@jit
def _remove(book: Book, row: int, slot: int) -> None:
    book.count[row] -= 1
    for each in range(slot, book.count[row]):
        _copy(book, row, each + 1, each)


@jit
def _copy(book: Book, row: int, source: int, target: int) -> None:
    book.key[row, target] = book.key[row, source]
    book.shares[row, target] = book.shares[row, source]
    book.reference[row, target] = book.reference[row, source]


@jit
def _quote(book: Book, row: int, random: int) -> int:
    # The key of a new order: near the fair price, rarely far from it, never across the other side.
    security = row >> 1
    fair = -book.fair[security] if row & 1 else book.fair[security]
    depth = 1 + (random & random >> 4 & 15)
    return min(fair - depth * _unit(book, security), -_best(book, row ^ 1) - TICK)


@jit
def _best(book: Book, row: int) -> int:
    return book.key[row, book.count[row] - 1] if book.count[row] else NOTHING


@jit
def _middle(book: Book, row: int) -> int:
    return (abs(_best(book, row)) + abs(_best(book, row ^ 1))) // 2


@jit
def _slot(book: Book, row: int, random: int) -> int:
    return (random >> 30 & 255) % book.count[row]


@jit
def _lots(random: int) -> int:
    # One to eight round lots, mostly few.
    return 100 * (1 + (random >> 24 & random >> 27 & 7))


@jit
def _size(random: int) -> int:
    # One order in eight is an odd lot.
    return _lots(random) if random >> 14 & 7 else 1 + (random >> 17 & 127) % 99
