"""The exercises of ``05_from_nic_to_memory``: no allocation, few calls, a view that ends."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..receive import Batch, Receiver
from ..receive import open as open_path
from ..receive.constants import LINUX
from ..trace import exact, overlap
from ..trace.provenance import provenance_of_one
from ..trace.watch import amounts, seen_in
from .exercise import Refused, Task, Verdict, article, borrowed, call, right, wrong
from .lots import HERE, LOT, Post
from .show import figure
from .ways import WAYS, way_of

__all__ = ["TASKS"]

_FEW, _MANY = 20, 120  # datagrams
_ROOM = 2048  # bytes of a slot
_PATIENCE = 2.0  # s
_SPARE = 300  # bytes that an object around the datagram may take
_CALLS = 0.1  # of the system, for a datagram


# --- nothing allocated


def _payloads(count: int) -> list[bytes]:
    # Shorter than 256 bytes: Python keeps the integers up to 256, and makes others anew.
    return [bytes([number % 251]) * (100 + number) for number in range(count)]


@contextmanager
def _line() -> Iterator[tuple[socket.socket, Callable[[bytes], int]]]:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as theirs,
    ):
        ours.bind((HERE["host"], 0))
        ours.settimeout(_PATIENCE)  # whoever asks for one too many does not wait for ever
        theirs.connect(ours.getsockname())
        yield ours, theirs.send


def _filled(answer: Any, count: int) -> tuple[int | None, bool]:
    # What it allocated, and whether each datagram is in its slot.
    memory, payloads = bytearray(count * _ROOM), _payloads(count)
    slots = [memoryview(memory)[at : at + _ROOM] for at in range(0, len(memory), _ROOM)]
    sizes = [0] * count
    with _line() as (ours, send):
        for payload in payloads:
            send(payload)
        with exact(thread=True) as seen:
            call(answer, ours, slots, sizes)
    blocks, *_ = amounts(seen_in(seen.result))
    found = [bytes(slot[:size]) for slot, size in zip(slots, sizes, strict=True)]
    return blocks, found == payloads


def _check_fill(answer: Any, file: Path) -> Verdict:
    _filled(answer, _FEW)  # what a first call makes is not meant
    few, good = _filled(answer, _FEW)
    many, also_good = _filled(answer, _MANY)
    if not (good and also_good):
        return wrong(
            "The slots and sizes do not hold what was sent. Datagram after datagram goes into slot "
            "after slot, and `recv_into` returns how long it was."
        )
    if few is None or many is None:
        return right("Each datagram is in its slot. Allocations are not counted here.")
    each = max(0, many - few) / (_MANY - _FEW)
    measured = figure(
        each, "", "allocations for each further datagram", kind="copying" if each > 0.5 else ""
    )
    if each > 0.5:
        return wrong(
            "Each datagram is in its slot. But something is made for each of them, and dropped. Is "
            "it a `bytes` object? A slice of a view is an object too.",
            measured,
        )
    return right(
        "Each datagram is in its slot, and none of them made an object. The copy by the kernel is "
        "left: that one cannot be programmed away.",
        measured,
    )


# --- one datagram, kept


def _check_largest(answer: Any, file: Path) -> Verdict:
    with borrowed(file) as feed, open_path("udp.recv_into", **HERE) as receiver:
        largest = b""
        rooms: list[Any] = []

        def batches() -> Iterator[Batch]:
            nonlocal largest
            with Post(feed, receiver, 8 * LOT) as post:
                for batch in post.batches():
                    largest = max(largest, *map(bytes, batch), key=len)
                    rooms[:] = [batch.memory]
                    yield batch

        kept = call(answer, batches())
        try:
            found, ours = bytes(memoryview(kept)), any(overlap(kept, room) for room in rooms)
            holds = provenance_of_one(kept).owner.keeps_alive
        except (TypeError, ValueError) as error:
            raise Refused(f"It returned {article(kept)}. A datagram is wanted.") from error
    stays = figure(holds, "B", f"stay in memory for a datagram of {len(found):,} B")
    if ours:
        return wrong(
            "What you kept lies in the memory of the receiver. It shows what comes next there, as "
            "soon as something comes.",
            stays,
        )
    if found != largest:
        return wrong(
            f"A datagram of {len(found):,} bytes. The first of the largest has {len(largest):,}, "
            "and perhaps begins otherwise.",
            stays,
        )
    if holds > len(found) + _SPARE:
        return wrong(
            "The right one, and it stays as it is. But something larger is kept with it. A copy of "
            "the whole batch?",
            stays,
        )
    return right("The largest datagram, in memory of its own, and nothing else.", stays)


# --- few calls


def _check_lean(answer: Any, file: Path) -> Verdict:
    receiver = call(answer, HERE["host"])
    if not isinstance(receiver, Receiver) or receiver.name not in WAYS:
        return wrong(f"It returned {article(receiver)}. Return what `receive.open` returns.")
    with receiver, borrowed(file) as feed:
        if receiver.closed or receiver.name == "replay":
            return wrong(f"Nothing can be sent to {receiver!r}. Return it while it is open.")
        try:
            with Post(feed, receiver, 8 * LOT) as post:
                for batch in post.batches():
                    batch.release()
        except TimeoutError as error:
            raise Refused(f"{receiver.name}: {error}.") from error
        calls = receiver.counters.syscalls
    copies = len(way_of(receiver.name).copies)
    if calls is None:
        return wrong(f"{receiver.name} does not count its calls. Take another path.")
    each = calls / post.received
    measured = (
        figure(each, "", "calls for a datagram"),
        figure(copies, "", "copies of a datagram", kind="copying"),
    )
    if each > _CALLS:
        return wrong(
            f"{receiver.name} called the system {calls:,} times for {post.received:,} datagrams. "
            "Which path takes along all that waits? (And how many has it room for?)"
            + ("" if LINUX else " Only Linux has such paths: on this system it cannot be solved."),
            *measured,
        )
    return right(
        f"{receiver.name} called {calls:,} times for {post.received:,} datagrams.", *measured
    )


TASKS: tuple[Task, ...] = (
    Task(
        name="fill",
        title="Receive, and make nothing",
        text="""As many datagrams wait in the socket as there are slots. `slots` is a list of
writable memoryviews, `sizes` a list of as many integers.

Write `fill(sock, slots, sizes)`: receive each datagram into a slot of its own, in the order in
which they come, and write its size into `sizes`. Return how many there were. For a further
datagram, nothing may be allocated.
""",
        hints=(
            "Which method of a socket receives into memory that is there?",
            "`sock.recv_into(slot)` returns the size. Number the slots with `enumerate`.",
            "    for number, slot in enumerate(slots):\n"
            "        sizes[number] = sock.recv_into(slot)\n"
            "    return len(slots)",
        ),
        check=_check_fill,
    ),
    Task(
        name="longest",
        title="Keep one, safely",
        text="""`batches` yields batches, each a view of the receiver's memory that is used again
for the next one. Write `longest(batches)`: return the datagram with the most bytes, the first one
if several have as many.

It has to stay as it is. And nothing else may stay in memory because of it.
""",
        hints=(
            "Compare lengths while the batch is there. What do you keep when the next one comes?",
            "Keep `bytes(view)`, and only of a view that is longer than what you have.",
            '    best = b""\n'
            "    for batch in batches:\n"
            "        for view in batch:\n"
            "            if len(view) > len(best):\n"
            "                best = bytes(view)\n"
            "    return best",
        ),
        check=_check_largest,
    ),
    Task(
        name="lean",
        title="Few calls",
        text=f"""Write `lean(host)`: open a receive path at this address, and return the receiver.

The check sends datagrams in lots of {LOT} and receives them. For ten datagrams, there may be one
call of the system.
""",
        hints=(
            "Look at the table of section 6: which path has few calls, and is permitted here?",
            "`receive.open` takes the name of a path, and `host=`.",
            '    return receive.open("udp.recvmmsg", host=host)',
        ),
        check=_check_lean,
    ),
)
