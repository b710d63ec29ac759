"""The exercises of ``03_where_copies_hide``: no copy, one copy, and a copy that frees memory."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..render import printable
from ..trace import allocations, overlap
from ..trace.provenance import provenance_of_one
from ..trace.watch import amounts, seen_in
from .exercise import Refused, Task, Verdict, article, borrowed, call, needs_orders, right, wrong
from .show import Figure, figure

__all__ = ["TASKS"]

_SPARE = 4096  # bytes that small objects on the way may take
_DAY, _MANY = 2_000_000, 200_000  # prices


def _prices(file: Path) -> NDArray[np.uint32]:
    with borrowed(file) as feed:
        needs_orders(feed)
        return np.tile(feed.table("A")["price"], 2)


def _values(found: Any) -> NDArray[Any]:
    try:
        return np.asarray(found)
    except (TypeError, ValueError) as error:
        raise Refused(f"It returned {article(found)}. An array is wanted.") from error


# --- every second price


def _check_every_second(answer: Any, file: Path) -> Verdict:
    prices = _prices(file)
    received = prices.astype(">u4").tobytes()
    found = call(answer, received)
    try:
        seen, shared = provenance_of_one(found), overlap(found, received)
    except TypeError:
        return wrong(f"It returned {article(found)}. Return an array that looks into `received`.")
    measured = (
        figure(shared, "B", "seen in what was received", kind="zero-copy"),
        figure(seen.nbytes - shared, "B", "copied", kind="copying"),
    )
    if shared < seen.nbytes:
        return wrong(
            "What it returned has memory of its own. Where was it made: by a slice of `bytes`, by "
            "a list of positions, by a change of the byte order?",
            *measured,
        )
    values, expected = _values(found), prices[::2]
    if np.array_equal(values, expected):
        return right(
            f"{len(values):,} prices, {values.strides[0]} bytes from one to the next, and not one "
            "byte copied.",
            *measured,
        )
    if values.dtype.itemsize == 4 and np.array_equal(values.byteswap(), expected):
        return wrong("The right bytes in the wrong order: what comes is big-endian.", *measured)
    return wrong(
        f"No byte is copied, but these are not the prices: wanted are {len(expected):,}, and they "
        f"begin with {expected[:3].tolist()}.",
        *measured,
    )


# --- a table for pandas


def _check_to_frame(answer: Any, file: Path) -> Verdict:
    columns = {"price": (prices := _prices(file)), "half": prices // 2}
    frame = call(answer, columns)
    try:
        parts = {name: frame[name] for name in columns}
        shared = {name: overlap(parts[name], columns[name]) for name in columns}
        same = all(np.array_equal(np.asarray(parts[name]), columns[name]) for name in columns)
    except (TypeError, KeyError, IndexError):
        return wrong(f"It returned {article(frame)}. A DataFrame with both columns is wanted.")
    if not hasattr(frame, "iloc"):
        return wrong(f"It returned {article(frame)}. pandas wants a DataFrame.")
    if not same:
        return wrong("A DataFrame, but its values are not those of the columns.")
    size = sum(each.nbytes for each in columns.values())
    measured = (
        figure(sum(shared.values()), "B", "are the arrays' own memory", kind="zero-copy"),
        figure(size - sum(shared.values()), "B", "copied", kind="copying"),
    )
    if sum(shared.values()) < size:
        return wrong(
            "The values are right, and they were copied. pandas does so by default: somebody else "
            "could write to the arrays behind its back. Which argument says that nobody will?",
            *measured,
        )
    return right(
        "Both columns are the arrays that you had. From now on, whoever writes to the arrays "
        "writes to the table: that is the promise you made.",
        *measured,
    )


# --- free the large, keep the small


def _check_first_and_last(answer: Any, file: Path) -> Verdict:
    whole = np.resize(_prices(file), _DAY).copy()  # resize() returns a view
    expected = [whole[:100].tolist(), whole[-100:].tolist()]
    size, gone = whole.nbytes, weakref.ref(whole)
    kept = call(answer, whole)
    del whole
    gc.collect()
    try:
        found = [_values(each).tolist() for each in kept]
    except (TypeError, Refused):
        return wrong(f"It returned {article(kept)}. Two arrays are wanted: the first, the last.")
    if found != expected:
        return wrong("These are not the first hundred prices and the last hundred, in that order.")
    left = size if gone() is not None else _stays(kept)
    stays = figure(left, "B", "stay in memory for 800 B")
    if left > 800 + _SPARE:
        return wrong(
            "The right prices. But something as large as the day is still in memory: one of the "
            "two looks into it. (`np.ascontiguousarray`, and `astype` with `copy=False`, copy only "
            "where they must: a slice that lies together is handed on as it is.)",
            stays,
        )
    return right("The day is gone, the two hundred prices are there.", stays)


def _stays(kept: Any) -> int:
    owners = {}
    for each in kept:
        try:
            owner = provenance_of_one(each).owner
        except TypeError:  # a list: the numbers are objects of their own
            continue
        owners[owner.address] = owner.keeps_alive
    return sum(owners.values())


# --- one copy


def _check_in_dollars(answer: Any, file: Path) -> Verdict:
    prices = np.resize(_prices(file), _MANY)
    wire, expected = prices.astype(">u4"), prices / 10_000
    call(answer, wire[:2])  # what is imported or compiled at a first call is not meant
    with allocations(exact=True) as seen:
        found = call(answer, wire)
    values = _values(found)
    if values.dtype != np.float64 or not np.allclose(values, expected):
        return wrong(
            f"Wanted are dollars as float64, beginning with {expected[:3].tolist()}; it returned "
            f"{printable(str(values.dtype))}, {values.ravel()[:3].tolist()}."
        )
    spent, what = _spent(seen)
    times = spent / expected.nbytes
    measured: Figure = figure(spent, "B", f"{what}, for {expected.nbytes:,} B of dollars")
    if times > 1.4:  # numpy converts in buffers of 8,192 values each
        return wrong(
            "The values are right, and on the way there were others of which nothing is left. "
            f"Memory for the result was taken {times:.1f} times. Which step makes an array only "
            "for the next one?",
            measured,
        )
    return right(
        "One array was made: the result. The rest are small buffers of numpy.",
        measured,
    )


def _spent(seen: Any) -> tuple[int, str]:
    _, allocated, _ = amounts(seen_in(seen.result.exact))
    if allocated is None:
        return seen.result.peak, "held at once"
    return allocated, "allocated"


TASKS: tuple[Task, ...] = (
    Task(
        name="every_second",
        title="Every second price, no copy",
        text="""`received` are bytes as they came from the network: prices of four bytes each, high
byte first, one after another and nothing else.

Write `every_second(received)`: return every second price, from the first on, as an array of
numbers. Not one byte may be copied.
""",
        hints=(
            "Which function of numpy borrows a buffer? What does it have to be told of the values?",
            'In `np.frombuffer(received, ">u4")` all prices are seen. A slice with a step looks at '
            "every second of them.",
            '    return np.frombuffer(received, ">u4")[::2]',
        ),
        check=_check_every_second,
    ),
    Task(
        name="to_frame",
        title="A table for pandas, no copy",
        text="""`columns` is a dict of two arrays. Write `to_frame(columns)`: return a DataFrame
with these columns that uses the memory of the arrays.
""",
        hints=(
            "`pd.DataFrame(columns)` has the right values. Ask `%zccopy`, or `zcviz.overlap`, "
            "about one of its columns.",
            "It is an argument of `DataFrame`, and it has the name of what you do not want.",
            "    return pd.DataFrame(columns, copy=False)",
        ),
        check=_check_to_frame,
    ),
    Task(
        name="first_and_last",
        title="Keep the answer, free the rest",
        text="""`day` is an array of two million prices. Write `first_and_last(day)`: return two
arrays, the first hundred prices and the last hundred.

The check lets go of the day. Then nothing of it may stay in memory but what you returned.
""",
        hints=(
            "A slice is a view. What does a view keep?",
            "Each of the two has to own its memory. Which method of an array always copies?",
            "    return day[:100].copy(), day[-100:].copy()",
        ),
        check=_check_first_and_last,
    ),
    Task(
        name="in_dollars",
        title="One copy and no more",
        text="""`wire` holds prices as they came: high byte first, in 1/10,000 dollars. Write
`in_dollars(wire)`: return them in dollars, as float64.

These are new values, so they need new memory: 8 bytes for each price. The check counts what is
allocated on the way. No array may be made only to be dropped.
""",
        hints=(
            "`wire.astype('u4').astype('f8') / 10_000` is right, and makes arrays on the way. Ask "
            "`%zccopy` what it allocates.",
            "numpy's operators read any byte order, and convert in small pieces as they go.",
            "    return wire / 10_000",
        ),
        check=_check_in_dollars,
    ),
)
