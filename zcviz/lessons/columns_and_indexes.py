"""The exercises of ``02_columns_and_indexes``: a column without a copy, a copy without a column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BufferLifetimeError
from ..trace import overlap
from ..trace.provenance import provenance_of_one
from .exercise import Task, Verdict, article, borrowed, call, needs_orders, right, wrong
from .material import rows_of
from .show import Figure, figure

__all__ = ["TASKS"]

_WANTED = 5  # prices
_SPARE = 64  # bytes that may stay in memory beside them


# --- a column without a copy


def _check_shares_in_place(answer: Any, file: Path) -> Verdict:
    with borrowed(file) as feed:
        needs_orders(feed)
        rows, expected = rows_of(feed, "A"), feed.table("A")["shares"]
    found = call(answer, rows)
    try:
        seen, shared = provenance_of_one(found), overlap(found, rows)
    except TypeError:
        return wrong(f"It returned {article(found)}. Return an array that looks into `rows`.")
    measured = (
        figure(shared, "B", "seen in the memory of rows", kind="zero-copy"),
        figure(seen.nbytes - shared, "B", "copied", kind="copying"),
    )
    if shared < seen.nbytes:
        return wrong(
            "What it returned has memory of its own: that is a column, and a copy. `astype`, "
            "`copy` and picking with a list copy; `view`, slices and a field of a structured "
            "array do not.",
            *measured,
        )
    return _are_shares(found, expected, measured)


def _are_shares(found: Any, expected: NDArray[Any], measured: tuple[Figure, ...]) -> Verdict:
    values = np.asarray(found)
    if values.shape != expected.shape:
        return wrong(
            f"No byte is copied, but it has the shape {values.shape}. One number an order is "
            f"wanted: {expected.shape}.",
            *measured,
        )
    if np.array_equal(values, expected):
        step = values.strides[0]
        return right(
            f"All {len(values):,} numbers, and not one byte copied: every {step} bytes there is "
            f"one, and numpy reads it in the order of the wire (its dtype is `{values.dtype.str}`)."
            " What that costs at every question, you have measured.",
            *measured,
        )
    if values.dtype.itemsize == 4 and np.array_equal(values.byteswap(), expected):
        return wrong(
            f"The right bytes in the wrong order: it reads {int(values[0]):,} where "
            f"{int(expected[0]):,} is meant. The wire is big-endian, `>`.",
            *measured,
        )
    return wrong(
        f"No byte is copied, but these are not the shares: the first is {expected[0]:,}, and it "
        f"reads {values[0]}. Where in an order do they stand?",
        *measured,
    )


# --- a copy without a column


def _check_dearest(answer: Any, file: Path) -> Verdict:
    with borrowed(file) as feed:
        needs_orders(feed)
        prices = feed.table("A")["price"]
        wanted = np.sort(prices)[-_WANTED:].tolist()
        kept = call(answer, feed, _WANTED)
        try:
            feed.close()
        except BufferLifetimeError as refused:
            return wrong(f"It still looks into the file. Closing the feed said: {refused}.")
    try:
        found = sorted(int(each) for each in kept)
    except (TypeError, ValueError):
        return wrong(f"It returned {article(kept)}. {_WANTED} prices are wanted.")
    if found != wanted:
        return wrong(
            f"It returned {found[:8]}. The highest {_WANTED} prices, on the wire's scale of "
            f"1/10,000 dollar, are {wanted}."
        )
    return _is_small(kept)


def _is_small(kept: Any) -> Verdict:
    try:
        chain = provenance_of_one(kept)
    except TypeError:  # a list: the numbers are objects of their own
        return right("The feed is closed, and what is left are some Python numbers.")
    stays = figure(chain.owner.keeps_alive, "B", f"stay in memory for {chain.nbytes} B")
    if chain.owner.keeps_alive > chain.nbytes + _SPARE:
        return wrong(
            "The right prices, and the file is closed. But they are a slice, and a slice keeps "
            "all of the array it was cut from. Copy what you keep.",
            stays,
        )
    return right(
        "The feed is closed, the columns are gone, and only what you asked for stays.", stays
    )


TASKS: tuple[Task, ...] = (
    Task(
        name="shares_in_place",
        title="A column without a copy",
        text="""`rows` is an array of bytes that holds orders, one after another and nothing else,
36 bytes each. In each of them four bytes from byte 20 on say the shares, in the order of the wire.

Write `shares_in_place(rows)`: return the shares of all orders as an array of numbers. Not one byte
may be copied.
""",
        hints=(
            "Section 3 read the prices like that. What has to be said of a view: the type of a "
            "value with its byte order, where the first one is, how far it is to the next.",
            '`np.ndarray(how_many, ">u4", rows, offset=…, strides=…)` says just that. Or let '
            '`rows.view(dtype_of(feed.protocol["A"]))` say it for all fields.',
            '    return np.ndarray(len(rows) // 36, ">u4", rows, offset=20, strides=36)',
        ),
        check=_check_shares_in_place,
    ),
    Task(
        name="dearest",
        title="A copy without a column",
        text="""Write `dearest(feed, n)`: return the `n` highest prices of the day's Add Orders.

The check closes the feed and then looks at what has to stay in memory for your answer: it should be
the `n` prices, and nothing else.
""",
        hints=(
            '`np.sort(feed.table("A")["price"])` has them at its end.',
            "A slice of an array is a view. Whose memory does it keep?",
            '    return np.sort(feed.table("A")["price"])[-n:].copy()',
        ),
        check=_check_dearest,
    ),
)
