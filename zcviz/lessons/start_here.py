"""The exercises of ``00_start_here``: look without copying, keep by copying."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..codec.record import record_of
from ..errors import BufferLifetimeError
from ..feed import Feed
from ..trace import overlap
from ..trace.provenance import provenance_of_one
from .exercise import Task, Verdict, article, borrowed, call, right, wrong
from .show import Figure, figure

__all__ = ["TASKS"]

_KEPT_AT_MOST = 256  # bytes that may stay in memory for one message; the longest ITCH one has 50


def _places(feed: Feed) -> list[int]:
    # The first message, one from the middle, the last: an answer that works by luck works once.
    return sorted({0, len(feed) // 2, len(feed) - 1})


def _bounds(feed: Feed, message: int) -> tuple[int, int]:
    return int(feed.index.offsets[message]), int(feed.index.sizes[message])


# --- look without copying


def _check_message_at(answer: Any, file: Path) -> Verdict:
    verdict = None
    with borrowed(file) as feed:
        for message in _places(feed):
            seen = call(answer, feed, message)
            verdict = _looked(feed, message, seen)
            del seen
            if not verdict:
                break
    assert verdict is not None
    return verdict


def _looked(feed: Feed, message: int, seen: Any) -> Verdict:
    at, size = _bounds(feed, message)
    try:
        chain = provenance_of_one(seen)
    except TypeError:
        return wrong(
            f"It returned {article(seen)}: values that were read out of the message and "
            "now have a place of their own. Return the message's bytes, where they lie."
        )
    shared = overlap(seen, feed.data)
    measured = (
        figure(shared, "B", "seen in the file's own memory", kind="zero-copy"),
        figure(chain.nbytes - shared, "B", "copied", kind="copying"),
    )
    if shared < chain.nbytes:
        return wrong(_describe_copy(feed, message, seen), *measured)
    start = chain.address - feed.source.address
    if (start, chain.nbytes) != (at, size):
        return wrong(
            f"It is a view, and copies nothing; but it shows {chain.nbytes:,} bytes from byte "
            f"{start:,} of the file on. Message {message:,} has {size} bytes and begins at {at:,}.",
            *measured,
        )
    return right(
        f"Message {message:,}, the last one tried, was seen where it lies: {size} bytes from "
        f"byte {at:,} of the file on. The view keeps the whole file open; remember that for the "
        "next exercise.",
        *measured,
        figure(chain.owner.keeps_alive, "B", "stay mapped for it"),
    )


def _describe_copy(feed: Feed, message: int, seen: Any) -> str:
    at, size = _bounds(feed, message)
    same = memoryview(seen).tobytes() == feed.data[at : at + size].tobytes()
    which = "the right bytes, copied" if same else "and not even the message's bytes"
    address = provenance_of_one(seen).address
    return (
        f"What it returned has memory of its own, at {address:#x}: {which}. "
        "Slicing the feed's memory gives a view; `bytes(…)`, `.tobytes()` and `.copy()` make a "
        "copy of it."
    )


# --- keep by copying


def _check_keep(answer: Any, file: Path) -> Verdict:
    with borrowed(file) as feed:
        message = len(feed) // 2
        at, size = _bounds(feed, message)
        original = feed.data[at : at + size].tobytes()
        known = original[:1] in feed.protocol
        record = record_of(feed.protocol[original[:1]])(original) if known else None
        kept = call(answer, feed, message)
        held = _held(feed, kept)
        try:
            feed.close()
        except BufferLifetimeError as refused:
            return wrong(
                f"Closing the feed was refused: {refused}. What it returned still looks into the "
                "file. This time, copy.",
                *held,
            )
        return _survived(kept, original, record, held)


def _held(feed: Feed, kept: Any) -> tuple[Figure, ...]:
    try:
        chain, shared = provenance_of_one(kept), overlap(kept, feed.data)
    except TypeError:  # a record, a dictionary: values of their own
        return (figure(0, "B", "shared with the file"),)
    return (
        figure(shared, "B", "shared with the file", kind="zero-copy" if shared else ""),
        figure(chain.owner.keeps_alive, "B", "stay in memory for it"),
    )


def _survived(kept: Any, original: bytes, record: Any, held: tuple[Figure, ...]) -> Verdict:
    try:
        chain = provenance_of_one(kept)
    except BufferLifetimeError as gone:
        return wrong(f"The feed was closed, and reading it now says: {gone}.", *held)
    except TypeError:
        values = tuple(kept.values()) if isinstance(kept, dict) else kept
        if record is None or values != tuple(record):
            return wrong("It outlives the feed, but its values are not those of the message.")
        return right("The feed is closed, and the record still has the message's values.", *held)
    if chain.owner.keeps_alive > _KEPT_AT_MOST:
        return wrong(
            f"It outlives the feed. But {chain.owner.keeps_alive:,} bytes stay in memory for "
            f"{len(original)}: what was copied is more than the message. Slice first, then copy.",
            *held,
        )
    if memoryview(kept).tobytes() != original:
        return wrong("It outlives the feed, but its bytes are not those of the message.", *held)
    return right(
        f"The feed is closed, its file is let go of, and the {len(original)} bytes are still "
        "there. Here a copy is what you want.",
        *held,
    )


TASKS = (
    Task(
        name="message_at",
        title="Look without copying",
        text="""Write `message_at(feed, i)`: return the bytes of message `i`, where they lie.

You have `feed.data`, all bytes of the file, and for each message `feed.index.offsets[i]`, where it
begins, and `feed.index.sizes[i]`, how long it is.

The check runs your function on three messages. It compares addresses: not one byte may be copied.
""",
        hints=(
            "A slice of an array or of a memoryview is a view. A slice of `bytes` is a copy.",
            "The message begins at `at = feed.index.offsets[i]` and ends `feed.index.sizes[i]` "
            "bytes later. What of `feed.data` lies between?",
            "    at, size = feed.index.offsets[i], feed.index.sizes[i]\n"
            "    return feed.data[at : at + size]",
        ),
        check=_check_message_at,
    ),
    Task(
        name="keep",
        title="Keep by copying",
        text="""One message interests you, the file no longer does. Write `keep(feed, i)`: what it
returns must still have the message's bytes after `feed.close()`, and must not keep the file in
memory.

The check calls your function, closes the feed, and looks again.
""",
        hints=(
            "A view needs its owner. What would you have to own to need nobody?",
            "Your `message_at` finds the bytes. `bytes(view)` copies what a view shows.",
            "    at, size = feed.index.offsets[i], feed.index.sizes[i]\n"
            "    return bytes(feed.data[at : at + size])",
        ),
        check=_check_keep,
    ),
)
