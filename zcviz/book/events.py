"""From messages to events: what the messages of each protocol do to an order book.

`CHANGES` is all that is known here of wire formats. `event_of` reads one message by it; `events_in`
goes through a feed, a block of messages at a time, and makes no object for any of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import SelectionError
from ..kernels import book as kernel
from ..spec import Message, Protocol
from .order_book import Event, Kind, Side

if TYPE_CHECKING:
    from ..codec.flyweight import Flyweight
    from ..feed import Feed

__all__ = ["CHANGES", "Change", "changes_of", "event_of", "events_in", "number_of", "security_of"]

Array = NDArray[Any]

_BLOCK = 1 << 12  # messages: their events stay in the cache until they are applied


@dataclass(frozen=True, slots=True)
class Change:
    """What one message type does to a book.

    Attributes
    ----------
    kind : Kind
    reference, shares, price, new : str
        Names of the fields that say so; empty where there is none.
    side : str or Side
        Name of the field, or the side that the message is always about.
    """

    kind: Kind
    reference: str = ""
    side: str | Side = ""
    shares: str = ""
    price: str = ""
    new: str = ""


# fmt: off
_ADD = Change(Kind.ADD, "order_reference_number", "buy_sell_indicator", "shares", "price")
# Also at another price: that is what was paid, and not where the order stood in the book.
_EXECUTED = Change(Kind.REDUCE, "order_reference_number", shares="executed_shares")
_ITCH = {
    "add_order": _ADD,
    "add_order_mpid": _ADD,
    "order_executed": _EXECUTED,
    "order_executed_with_price": _EXECUTED,
    "order_cancel": Change(Kind.REDUCE, "order_reference_number", shares="cancelled_shares"),
    "order_delete": Change(Kind.REMOVE, "order_reference_number"),
    "order_replace": Change(
        Kind.REPLACE, "original_order_reference_number", shares="shares", price="price",
        new="new_order_reference_number"),
}
_DEEP = {
    "price_level_update_buy": Change(Kind.LEVEL, side=Side.BID, shares="size", price="price"),
    "price_level_update_sell": Change(Kind.LEVEL, side=Side.ASK, shares="size", price="price"),
}
_DEEP_PLUS = {
    "add_order": Change(Kind.ADD, "order_id", "side", "size", "price"),
    "order_modify": Change(
        Kind.REPLACE, "order_id_reference", shares="size", price="price",
        new="order_id_reference"),
    "order_delete": Change(Kind.REMOVE, "order_id_reference"),
    "order_executed": Change(Kind.REDUCE, "order_id_reference", shares="size"),
    "clear_book": Change(Kind.CLEAR),
}
# fmt: on

CHANGES: Mapping[str, Mapping[str, Change]] = {
    "itch50": _ITCH,
    "itch41": _ITCH,
    "deep10": _DEEP,
    "deepplus10": _DEEP_PLUS,
}
"""By protocol, then by message: what it does. Messages that are not here leave books alone."""


def changes_of(protocol: Protocol) -> list[tuple[Message, Change]]:
    """Return the messages of a protocol that change books.

    Raises
    ------
    SelectionError
        There are none.
    """
    if protocol.name not in CHANGES:
        raise SelectionError(f"{protocol.name} has no books; {', '.join(CHANGES)} have")
    return [(protocol[name], change) for name, change in CHANGES[protocol.name].items()]


def security_of(protocol: Protocol, message: Message) -> str:
    """Return the name of the field that says which security a message is about; or nothing."""
    names = (protocol.locate, protocol.symbol)
    return next((name for name in names if name in message.by_name), "")


def number_of(text: bytes, message: Message) -> int:
    """Return the characters of a field as the number that they are in the feed's byte order."""
    return int.from_bytes(text, "big" if message.order == ">" else "little", signed=True)


def event_of(protocol: Protocol, view: Flyweight) -> Event | None:
    r"""Return what a message does to a book; None where it does nothing.

    Examples
    --------
    >>> from zcviz.codec import view_of
    >>> from zcviz.protocols.itch50 import ITCH50
    >>> event_of(ITCH50, view_of(ITCH50["D"])().wrap(b"D" + bytes(17) + b"\x07"))
    Event(kind=<Kind.REMOVE: 3>, security=0, reference=7, side=2, shares=0, price=0, new=0)
    """
    message = view.message
    change = CHANGES.get(protocol.name, {}).get(message.name)
    if change is None:
        return None
    names = security_of(protocol, message), *astuple(change)[1:]
    event = Event(change.kind, *(_value(view, name) for name in names))
    return event._replace(side=_sides(message, change).get(event.side, 2))


def _value(view: Flyweight, name: str | Side) -> int:
    if isinstance(name, Side):
        return name
    value = getattr(view, name) if name else 0
    return number_of(value, view.message) if isinstance(value, bytes) else value


def _sides(message: Message, change: Change) -> dict[int, Side]:
    # By what the message has for a side; by itself where that is always the same.
    if isinstance(change.side, Side):
        return {int(change.side): change.side}
    codes = message[change.side].codes if change.side else {}
    sides = {"buy": Side.BID, "sell": Side.ASK}
    return {code[0]: sides[text] for code, text in codes.items() if isinstance(code, bytes)}


def events_in(
    feed: Feed,
    messages: int,
    securities: Sequence[int] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Array]:
    """Yield the events of the first `messages` of a feed, some thousands at a time.

    Parameters
    ----------
    feed : Feed
    messages : int
    securities : sequence of int
        Leave out the messages that name another security. Of none: leave out none.
    progress : callable (messages done, messages in all), optional

    Yields
    ------
    (n, 7) int64
        Columns are the fields of `Event`. The next array takes the same memory.
    """
    layouts, sides = _layouts(feed.protocol)
    order, index = feed.protocol.messages[0].order, feed.index
    wanted = np.array(sorted(securities), np.int64)
    room = np.empty((_BLOCK, len(kernel.EVENT)), np.int64)
    for low in range(0, messages, _BLOCK):
        some = slice(low, min(low + _BLOCK, messages))
        offsets, tags = index.offsets[some], index.tags[some]
        found = kernel.read_events(feed.data, offsets, tags, layouts, sides, order, wanted, room)
        yield room[:found]
        if progress is not None:
            progress(some.stop, messages)


def _layouts(protocol: Protocol) -> tuple[Array, Array]:
    # What `read_events` takes: how to get each column, by tag; the side, by its code.
    layouts = np.zeros((256, len(kernel.EVENT), len(kernel.SLOT)), np.int64)
    sides = np.full(256, 2, np.uint8)
    for message, change in changes_of(protocol):
        kind, *rows = layouts[message.key]
        kind[:] = message.size - 8, 0, 0, change.kind
        names = security_of(protocol, message), *astuple(change)[1:]
        for row, name in zip(rows, names, strict=True):
            if isinstance(name, Side):
                row[kernel.VALUE] = name
            elif name:
                row[:] = _slot(message, name)
        for code, side in _sides(message, change).items():
            sides[code] = side
    return layouts, sides


def _slot(message: Message, name: str) -> tuple[int, int, int, int]:
    field = message[name]
    size = field.type.size
    word = min(field.offset, message.size - 8)  # so that all eight bytes lie in the message
    ahead = field.offset - word
    shift = 8 * (8 - ahead - size) if message.order == ">" else 8 * ahead
    return word, shift, -1 if size == 8 else (1 << 8 * size) - 1, 0
