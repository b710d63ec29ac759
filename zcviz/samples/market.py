"""The market: what was wished for, and what the books let happen.

Everything is integer arithmetic, so compiled and plain runs agree on every platform. All compiled
functions are in this file, because numba's cache only notices changes in the file it compiles.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..kernels import jit
from .books import FAIR, KEY, MATCH, NUMBER, OPEN, ORDER, ROOM, SHARES, TARGET, TRADED, Book, Moves
from .listing import TICK

__all__ = ["moves_of"]

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Move = tuple[int, int, int, int, int]

A, B, C, D, E, F, H, N, P, Q, S, U, X = b"ABCDEFHNPQSUX"
BID, ASK = 0, 1
NOTHING = -(1 << 40)  # the best key of an empty side
CHEAPEST = 200 * TICK


def moves_of(book: Book, wanted: Bytes, security: Ints, code: Bytes, random: Ints) -> Moves:
    """Carry out each wish, or what the book allows instead.

    Parameters
    ----------
    book : Book
        Changed.
    wanted, security, code : ndarray, shape (n,)
        As in `Script`. A code ``B`` or ``S`` with an order's message names the side, and of wish
        ``A`` makes an order that comes; without it, an order comes or goes.
    random : ndarray of int64, shape (n,)
    """
    table = np.zeros((len(wanted), len(Moves._fields)), np.int64)
    _play(book, wanted, security, code, random, table)
    tag, side = table[:, :2].T.astype(np.uint8)
    return Moves(tag, side, *table[:, 2:].T)


@jit
def _play(
    book: Book, wanted: Bytes, security: Ints, code: Bytes, random: Ints, table: Ints
) -> None:
    for i in range(len(wanted)):
        table[i, 0] = wanted[i]
        if security[i] >= 0:
            _wander(book, security[i], random[i])
            side = _side(code[i], random[i])
            row = 2 * security[i] + side
            done = _allowed(book, wanted[i], row, code[i], random[i])
            move = _done(book, done, row, code[i], random[i])
            table[i, 0], table[i, 1] = move[0], S if side else B
            for column in range(1, 5):
                table[i, column + 1] = move[column]


@jit
def _side(code: int, random: int) -> int:
    if code in (B, N):  # a cross takes the bid
        return BID
    return ASK if code == S else random >> 8 & 1


@jit
def _allowed(book: Book, wanted: int, row: int, code: int, random: int) -> int:
    own, opposite, security = book.filled[row], book.filled[row ^ 1], row >> 1
    if (
        (wanted in (D, E, C, U, X, P) and not own)
        or ((wanted == P or (wanted == C and code != N)) and not opposite)
        or (wanted in (E, C, P) and not book.state[security, OPEN])
        or (wanted == B and not book.state[security, TRADED])
    ):
        wanted = A
    if wanted == A and code not in (B, S):
        # An urn: the fuller the side, the likelier an order leaves; at twice the target, surely.
        if (random >> 38 & 1023) % (2 * book.state[security, TARGET]) < own:
            return D
        return F if (random >> 48 & 127) < 3 else A
    return D if wanted in (A, F) and own == ROOM else wanted


@jit
def _done(book: Book, tag: int, row: int, code: int, random: int) -> Move:
    if tag in (A, F):
        shares = _lots(random) if code else _size(random)
        reference, price = _enter(book, row, shares, random)
        return tag, reference, 0, shares, price
    if tag in (D, U, X):
        return _changed(book, tag, row, random)
    if tag in (E, C):
        return _executed(book, tag, row, code, random)
    if tag == P:
        # Hidden orders trade at a quote or between them.
        price = abs(_best(book, row)) if random >> 30 & 1 else _middle(book, row)
        return tag, 0, _next_match(book, row, random), _size(random), price
    if tag == Q:
        return _crossed(book, row, random)
    if tag == B:
        match = book.state[row >> 1, TRADED]
        book.state[row >> 1, TRADED] = 0
        return tag, 0, match, 0, 0
    if tag == H:
        book.state[row >> 1, OPEN] = code == 0
    return tag, 0, 0, 0, book.state[row >> 1, FAIR]


@jit
def _changed(book: Book, tag: int, row: int, random: int) -> Move:
    slot = _choose(book, row, random)
    reference = book.orders[row, slot, NUMBER]
    rest = book.orders[row, slot, SHARES] - 1
    if tag == X and rest:  # there is no part of a single share
        lot = 100 if rest >= 100 else 1
        shares = lot * (1 + (random >> 24 & 63) % (rest // lot))
        book.orders[row, slot, SHARES] -= shares
        return X, reference, 0, shares, 0
    _remove(book, row, slot)
    if tag == U:
        shares = _size(random)
        new, price = _enter(book, row, shares, random)
        return U, reference, new, shares, price
    return D, reference, 0, 0, 0


@jit
def _executed(book: Book, tag: int, row: int, code: int, random: int) -> Move:
    top = book.filled[row] - 1
    reference = book.orders[row, top, NUMBER]
    shares = book.orders[row, top, SHARES]
    if code == N:  # its part of a cross, which was at this price
        price = abs(book.orders[row, top, KEY])
    else:
        shares = min(shares, _size(random))
        price = _middle(book, row) if tag == C else 0
    book.orders[row, top, SHARES] -= shares
    if not book.orders[row, top, SHARES]:
        _remove(book, row, top)
    return tag, reference, _next_match(book, row, random), shares, price


@jit
def _crossed(book: Book, row: int, random: int) -> Move:
    # At the best bid, which is part of it: its execution may follow.
    bid, shares, price = row & ~1, 100 * _lots(random), book.state[row >> 1, FAIR]
    if book.filled[bid]:
        shares += book.orders[bid, book.filled[bid] - 1, SHARES]
        price = _best(book, bid)
    return Q, 0, _next_match(book, row, random), shares, price


@jit
def _lots(random: int) -> int:
    # One to eight round lots, mostly few.
    return 100 * (1 + (random >> 24 & random >> 27 & 7))


@jit
def _size(random: int) -> int:
    # One order in eight is an odd lot.
    return _lots(random) if random >> 14 & 7 else 1 + (random >> 17 & 127) % 99


@jit
def _best(book: Book, row: int) -> int:
    count = book.filled[row]
    return int(book.orders[row, count - 1, KEY]) if count else NOTHING


@jit
def _middle(book: Book, row: int) -> int:
    # Half way between the quotes; both sides must hold an order.
    return (abs(_best(book, row)) + abs(_best(book, row ^ 1))) // 2


@jit
def _unit(book: Book, security: int) -> int:
    # The step of a security's prices: a cent, and one more for each 41 dollars.
    return TICK * (1 + int(book.state[security, FAIR]) // (4096 * TICK))


@jit
def _wander(book: Book, security: int, random: int) -> None:
    # Move the fair price by a step, at one message in four.
    if random >> 9 & 3 == 0:
        step = _unit(book, security) * (1 - (random >> 10 & 2))
        book.state[security, FAIR] = max(int(book.state[security, FAIR]) + step, CHEAPEST)


@jit
def _fair(book: Book, row: int) -> int:
    # As a key of this side.
    price = int(book.state[row >> 1, FAIR])
    return -price if row & 1 else price


@jit
def _choose(book: Book, row: int, random: int) -> int:
    # An order to change: the best if the price has passed it, else any.
    count = int(book.filled[row])
    if _best(book, row) >= _fair(book, row):
        return count - 1
    return (random >> 30 & 255) % count


@jit
def _enter(book: Book, row: int, shares: int, random: int) -> tuple[int, int]:
    # A new order goes behind those as good or better. Its price is near the fair one, rarely
    # far from it, and never across the other side.
    depth = 1 + (random & random >> 4 & 15)
    key = _fair(book, row) - depth * _unit(book, row >> 1)
    key = min(key, -_best(book, row ^ 1) - TICK)
    slot = int(book.filled[row])
    while slot and book.orders[row, slot - 1, KEY] >= key:
        _move(book, row, slot - 1, slot)
        slot -= 1
    reference = int(book.last[ORDER]) + 1 + (random >> 55 & 15)
    book.last[ORDER] = reference
    book.orders[row, slot, KEY] = key
    book.orders[row, slot, SHARES] = shares
    book.orders[row, slot, NUMBER] = reference
    book.filled[row] += 1
    return reference, abs(key)


@jit
def _remove(book: Book, row: int, slot: int) -> None:
    book.filled[row] -= 1
    for each in range(slot, book.filled[row]):
        _move(book, row, each + 1, each)


@jit
def _move(book: Book, row: int, source: int, target: int) -> None:
    for column in range(3):
        book.orders[row, target, column] = book.orders[row, source, column]


@jit
def _next_match(book: Book, row: int, random: int) -> int:
    number = int(book.last[MATCH]) + 1 + (random >> 59 & 3)
    book.last[MATCH] = number
    book.state[row >> 1, TRADED] = number
    return number
