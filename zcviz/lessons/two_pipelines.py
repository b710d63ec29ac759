"""The exercises of ``01_two_pipelines``: keep a moving view, add up without a loop."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any
from unittest.mock import patch

from ..codec.flyweight import Flyweight
from ..errors import BufferLifetimeError
from ..feed import Feed
from ..viz.theme import title_of
from .exercise import Task, Verdict, article, borrowed, call, needs_orders, right, wrong
from .show import Figure, figure

__all__ = ["TASKS"]

_TRIED = 4_000  # messages that Python's instructions are counted for, and for twice as many
_COPIES_ALLOWED = 100  # who copies each new maximum makes about ln(n) of them, ten in a day


# --- keep a moving view


def _check_largest(answer: Any, file: Path) -> Verdict:
    with borrowed(file) as feed:
        needs_orders(feed)
        orders = feed.table("A")
        most = int(orders["shares"].max())
        best = set(orders["order_reference_number"][orders["shares"] == most].tolist())
        with _counting_records() as made:
            kept = call(answer, feed)
        copied = figure(made["records"], "", "messages copied on the way", kind="copying")
        if isinstance(kept, Flyweight):
            return wrong(_moved_on(kept, most), copied)
        try:
            feed.close()
        except BufferLifetimeError as refused:
            return wrong(f"It still needs the file. Closing the feed said: {refused}.", copied)
        return _is_largest(kept, most, best, made["records"], copied)


def _moved_on(view: Flyweight, most: int) -> str:
    text = "It returned the view. There is one view for all messages of a type, and it moves: "
    if view.message.tag != b"A":
        return f"It returned a view of a {title_of(view.message)}. An Add Order is wanted."
    try:
        shares = int(view.shares)
    except (AttributeError, BufferLifetimeError):
        return f"{text}it does not even show an order now."
    if shares != most:
        return f"{text}it now shows an order of {shares:,} shares, and the largest has {most:,}."
    return f"{text}the next one to use it takes it away from this order, and closing ends it."


def _is_largest(kept: Any, most: int, best: set[int], copies: int, copied: Figure) -> Verdict:
    read: Callable[[str], Any] = (
        kept.__getitem__ if isinstance(kept, dict) else lambda name: getattr(kept, name)
    )
    try:
        shares, number = read("shares"), read("order_reference_number")
    except (AttributeError, KeyError):
        return wrong(
            f"It returned {article(kept)}. Return the whole message, so that its fields can be "
            "read by name: a record or a dictionary.",
            copied,
        )
    if number not in best:
        return wrong(f"That order has {shares:,} shares. The largest has {most:,}.", copied)
    if copies > _COPIES_ALLOWED:
        return wrong(
            f"The right order, and it outlives the feed. But {copies:,} messages were copied to "
            "keep one. Look first, copy when you know.",
            copied,
        )
    return right(
        f"The feed is closed, the view has moved on, and the order of {shares:,} shares is still "
        "there. All the others were only looked at.",
        copied,
    )


@contextmanager
def _counting_records() -> Iterator[Counter[str]]:
    # Every way that a feed offers to copy a message, counted while the answer runs.
    made: Counter[str] = Counter()
    to_record, to_dict, records = Flyweight.to_record, Flyweight.to_dict, Feed.records

    def counted(method: Callable[[Flyweight], Any]) -> Callable[[Flyweight], Any]:
        def copy(self: Flyweight) -> Any:
            made["records"] += 1
            return method(self)

        return copy

    def counted_records(self: Feed, *args: Any, **kwargs: Any) -> Iterator[Any]:
        for record in records(self, *args, **kwargs):
            made["records"] += 1
            yield record

    with (
        patch.object(Flyweight, "to_record", counted(to_record)),
        patch.object(Flyweight, "to_dict", counted(to_dict)),
        patch.object(Feed, "records", counted_records),
    ):
        yield made


# --- add up without a loop


def _check_bought_and_sold(answer: Any, file: Path) -> Verdict:
    with borrowed(file) as feed:
        needs_orders(feed)
        answered = call(answer, feed)
        orders = feed.table("A")
        sides, shares = orders["buy_sell_indicator"], orders["shares"]
        expected = tuple(int(shares[sides == side].sum()) for side in (b"B", b"S"))
        try:
            found = tuple(int(each) for each in answered)
        except (TypeError, ValueError):
            return wrong(f"It returned {article(answered)}. Two numbers are wanted: bought, sold.")
        if found != expected:
            return wrong(_which_is_off(found, expected))
        tried = min(_TRIED, len(feed) // 2)
        few, many = (_instructions(answer, feed, number) for number in (tried, 2 * tried))
    steps = (
        figure(few, "", f"Python instructions for {tried:,} messages"),
        figure(many, "", f"for {2 * tried:,} messages"),
    )
    if many - few > tried / 2:
        return wrong(
            "The sums are right. But twice the messages took Python "
            f"{many / few:.1f} times as many instructions: it goes from message to message, and "
            "makes objects for each. Ask the whole column at once.",
            *steps,
        )
    return right(
        "The sums are right, and twice the messages did not give Python more to do: what goes "
        "from value to value is compiled, and makes no object for any of them.",
        *steps,
    )


def _which_is_off(found: tuple[int, ...], expected: tuple[int, ...]) -> str:
    if found == expected[::-1]:
        return "These are the right sums in the wrong order: bought first, then sold."
    if len(found) != len(expected):
        return f"It returned {len(found)} numbers. Two are wanted: bought, sold."
    name = "bought" if found[0] != expected[0] else "sold"
    off = found[name == "sold"] - expected[name == "sold"]
    more = "more" if off > 0 else "fewer"
    return f"Of the shares {name} it finds {abs(off):,} {more} than the records say."


def _instructions(function: Callable[[Feed], object], feed: Feed, messages: int) -> int:
    # How many instructions Python executes, in the function and in everything that it calls.
    head, count = feed.head(messages), 0
    head.counts()  # the index is made, and the kernels are compiled: neither is the answer's work

    def step(frame: FrameType, event: str, _: object) -> Any:
        nonlocal count
        frame.f_trace_opcodes = True
        count += event == "opcode"
        return step

    before = sys.gettrace()
    sys.settrace(step)
    try:
        function(head)
    finally:
        sys.settrace(before)
        head.close()
    return count


TASKS: tuple[Task, ...] = (
    Task(
        name="largest",
        title="Keep what moves on",
        text="""Which Add Order of the day has the most shares? Write `largest(feed)`: go through
`feed.views()` and return that message.

What you return must still be right when the loop has ended and the feed is closed. And looking is
free, copying is not: the check counts how many messages were copied to keep one.
""",
        hints=(
            "`feed.views()` gives the **same** object again and again, aimed at another message "
            "each time. What do you hold on to if you hold on to it?",
            "`view.to_record()` copies the message that the view is aimed at now. Call it only "
            "where an order is larger than all before it.",
            "    best = None\n"
            "    for view in feed.views():\n"
            '        if view.message.tag == b"A" and (best is None or view.shares > best.shares):\n'
            "            best = view.to_record()\n"
            "    return best",
        ),
        check=_check_largest,
    ),
    Task(
        name="bought_and_sold",
        title="Add up without a loop",
        text="""Write `bought_and_sold(feed)`: how many shares the Add Orders of the day want to
buy, and how many they want to sell. Return two numbers.

`feed.table("A")` has a column `shares`, and a column `buy_sell_indicator` that holds `b"B"` or
`b"S"`. The check counts Python's instructions, once for some messages and once for twice as many:
the number must not grow with them.
""",
        hints=(
            "A column can be asked as a whole: comparing it with a value gives an array of True "
            "and False, one for each message.",
            "Such an array picks: `column[mask]` holds the values where it is True. `.sum()` adds "
            "them up, in compiled code.",
            '    orders = feed.table("A")\n'
            '    buys = orders["buy_sell_indicator"] == b"B"\n'
            '    return orders["shares"][buys].sum(), orders["shares"][~buys].sum()',
        ),
        check=_check_bought_and_sold,
    ),
)
