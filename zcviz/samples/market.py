"""The market: what was wished for, and what the books let happen."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..kernels import jit
from .books import (
    FAIR,
    KEY,
    REFERENCE,
    ROOM,
    SHARES,
    TARGET,
    TRADED,
    TRADING,
    Book,
    best,
    choose,
    enter,
    middle,
    next_match,
    remove,
    wander,
)

__all__ = ["Moves", "moves_of"]

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Move = tuple[int, int, int, int, int]

A, B, C, D, E, F, H, N, P, Q, S, U, X = b"ABCDEFHNPQSUX"
BID, ASK = 0, 1


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
    n = len(wanted)
    tag, side = np.zeros((2, n), np.uint8)
    numbers = np.zeros((n, 4), np.int64)
    _play(book, wanted, security, code, random, tag, side, numbers)
    return Moves(tag, side, *numbers.T)


@jit
def _play(
    book: Book,
    wanted: Bytes,
    security: Ints,
    code: Bytes,
    random: Ints,
    tag: Bytes,
    side: Bytes,
    numbers: Ints,
) -> None:
    for i in range(len(wanted)):
        tag[i] = wanted[i]
        if security[i] < 0:
            continue
        wander(book, security[i], random[i])
        which = _side(code[i], random[i])
        side[i] = S if which else B
        row = 2 * security[i] + which
        done = _allowed(book, wanted[i], row, code[i], random[i])
        move = _done(book, done, row, code[i], random[i])
        tag[i] = move[0]
        for column in range(4):
            numbers[i, column] = move[column + 1]


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
        or (wanted in (E, C, P) and not book.state[security, TRADING])
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
        reference, price = enter(book, row, shares, random)
        return tag, reference, 0, shares, price
    if tag in (D, U, X):
        return _changed(book, tag, row, random)
    if tag in (E, C):
        return _executed(book, tag, row, code, random)
    if tag == P:
        # Hidden orders trade at a quote or between them.
        price = abs(best(book, row)) if random >> 30 & 1 else middle(book, row)
        return tag, 0, next_match(book, row, random), _size(random), price
    if tag == Q:
        return _crossed(book, row, random)
    if tag == B:
        match = book.state[row >> 1, TRADED]
        book.state[row >> 1, TRADED] = 0
        return tag, 0, match, 0, 0
    if tag == H:
        book.state[row >> 1, TRADING] = code == 0
    return tag, 0, 0, 0, book.state[row >> 1, FAIR]


@jit
def _changed(book: Book, tag: int, row: int, random: int) -> Move:
    slot = choose(book, row, random)
    reference = book.orders[row, slot, REFERENCE]
    rest = book.orders[row, slot, SHARES] - 1
    if tag == X and rest:  # there is no part of a single share
        lot = 100 if rest >= 100 else 1
        shares = lot * (1 + (random >> 24 & 63) % (rest // lot))
        book.orders[row, slot, SHARES] -= shares
        return X, reference, 0, shares, 0
    remove(book, row, slot)
    if tag == U:
        shares = _size(random)
        new, price = enter(book, row, shares, random)
        return U, reference, new, shares, price
    return D, reference, 0, 0, 0


@jit
def _executed(book: Book, tag: int, row: int, code: int, random: int) -> Move:
    top = book.filled[row] - 1
    reference = book.orders[row, top, REFERENCE]
    shares = book.orders[row, top, SHARES]
    if code == N:  # its part of a cross, which was at this price
        price = abs(book.orders[row, top, KEY])
    else:
        shares = min(shares, _size(random))
        price = middle(book, row) if tag == C else 0
    book.orders[row, top, SHARES] -= shares
    if not book.orders[row, top, SHARES]:
        remove(book, row, top)
    return tag, reference, next_match(book, row, random), shares, price


@jit
def _crossed(book: Book, row: int, random: int) -> Move:
    # At the best bid, which is part of it: its execution may follow.
    bid, shares, price = row & ~1, 100 * _lots(random), book.state[row >> 1, FAIR]
    if book.filled[bid]:
        shares += book.orders[bid, book.filled[bid] - 1, SHARES]
        price = best(book, bid)
    return Q, 0, next_match(book, row, random), shares, price


@jit
def _lots(random: int) -> int:
    # One to eight round lots, mostly few.
    return 100 * (1 + (random >> 24 & random >> 27 & 7))


@jit
def _size(random: int) -> int:
    # One order in eight is an odd lot.
    return _lots(random) if random >> 14 & 7 else 1 + (random >> 17 & 127) % 99
