"""The exercises of ``06_when_the_buffer_overflows``: reckon, size, and empty a receive buffer."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, isfinite
from pathlib import Path
from typing import Any

from ..receive import Batch, Receiver
from ..render import printable
from .exercise import Refused, Task, Verdict, article, call, right, wrong
from .loopback import Loopback
from .show import Figure, figure

__all__ = ["TASKS"]

_CHARGE = 832  # bytes, where it cannot be measured: what Linux charges for 100 bytes of payload
_WASTE = 1.5  # times what is needed is still a fit
_TRIES = 3  # while any program looks at packets by XDP, each takes more memory
_UNSEEN = " How many find room is not measured here, so this is arithmetic only."


def _number(found: Any) -> int:
    try:
        number = float(found)
    except (TypeError, ValueError):
        raise Refused(f"It returned {article(found)}. A number is wanted.") from None
    if not isfinite(number) or not 0 <= number <= 1 << 30:
        raise Refused(f"It returned {number:g}. A number from 0 to 1,073,741,824 is wanted.")
    return ceil(number)


# --- how many have room


def _check_capacity(answer: Any, file: Path) -> Verdict:
    tried = []
    for buffer, payload in ((20_000, 100), (40_000, 500), (60_000, 1_000)):
        with Loopback(buffer, payload) as line:
            charge = line.charge or _CHARGE
            reckoned = line.granted // charge
            found = _number(call(answer, line.granted, charge))
            line.send(reckoned + 50)
            kept = len(line.take()) if line.charge else reckoned
        measured = (
            figure(found, "", f"reckoned by you, of {charge:,} B each in {line.granted:,} B"),
            figure(kept, "", "found room"),
        )
        if found not in (kept, reckoned):
            return wrong(_of_capacity(found, kept, line.granted, line.payload), *measured)
        tried.append(kept)
    unseen = "" if line.charge else _UNSEEN
    told = f"Three buffers, three sizes of datagrams: {', '.join(map(str, tried))} have room."
    return right(told + unseen, *measured)


def _of_capacity(found: int, kept: int, granted: int, payload: int) -> str:
    if found == granted // payload:
        return "That is how many payloads have room. But a payload never comes alone."
    if found in (kept // 2, 2 * kept):
        return "Off by two. What is granted is the doubled figure already: that is used up."
    if found == kept + 1:
        return "One too many: for the last one there is some room, and not enough."
    return "More were sent than have room, nobody read, and then all that was there was read."


# --- how large


def _check_buffer_for(answer: Any, file: Path) -> Verdict:
    for rate, pause in ((20_000, 0.005), (5_000, 0.05), (100_000, 0.003)):
        many = round(rate * pause)
        with Loopback() as probe:
            charge, doubled = probe.charge or _CHARGE, bool(probe.charge)
        asked = _number(call(answer, rate, pause, charge))
        lost, clamped = min(_lost(asked, many) for _ in range(_TRIES))
        needed, granted = many * charge, 2 * asked
        lost = lost if doubled else max(0, many - granted // charge)
        measured = (
            figure(lost, "", f"lost of {many:,} that came in {pause * 1e3:g} ms"),
            figure(granted, "B", f"granted, where {needed:,} B are needed"),
        )
        if lost and clamped:
            return wrong(f"It {clamped}. So this cannot be tried here.", *measured)
        if lost:
            return wrong(_too_small(asked, rate * pause, charge), *measured)
        if granted > _WASTE * needed:
            return wrong(
                "Nothing was lost. But it is more than is needed, and who waits in a larger "
                "buffer waits longer. The kernel doubles what you ask for.",
                *measured,
            )
    told = "Three rates, three pauses: nothing was lost, and no buffer is much larger than needed."
    return right(told + ("" if doubled else _UNSEEN), *measured)


def _lost(asked: int, many: int) -> tuple[int, str]:
    with Loopback(asked) as line:
        line.send(many)
        return many - len(line.take()), line.receiver.clamped


def _too_small(asked: int, many: float, charge: int) -> str:
    if asked <= many:
        return "So many datagrams come in that time. How many bytes does each of them take?"
    if asked <= ceil(many * 100):
        return "That has room for the payloads. Each takes `charge` bytes of the buffer."
    return f"Too small. {many:,.0f} datagrams come in that time, of {charge:,} bytes each."


# --- empty it quickly


class _Impatient:
    """A receiver that does not wait for ever: who would, is told so."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    def receive(self, timeout: float | None = None) -> Batch | None:
        batch = self._receiver.receive(0)
        if batch is None and timeout is None:
            raise TimeoutError("nothing is left, and without a timeout this waits for ever")
        return batch

    def batches(self, timeout: float | None = None) -> Iterator[Batch]:
        while (batch := self.receive(timeout)) is not None:
            yield batch


def _check_drain(answer: Any, file: Path) -> Verdict:
    kept: list[list[Any]] = []
    with Loopback(32_768) as line:
        receiver: Any = _Impatient(line.receiver)
        for _ in range(2):
            line.send(50)
            kept.append(_all_of(call(answer, receiver)))
        left = len(line.take())
    emptied = figure(left, "", "datagrams still in the buffer")
    try:
        seen = [[bytes(memoryview(each)) for each in every] for every in kept]
    except (TypeError, ValueError) as error:  # a batch, a number; a view that was released
        return wrong(f"What it kept is no datagram: {printable(str(error))}.", emptied)
    if left:
        return wrong(
            "It left some behind. `receive` returns one batch, and `None` when nothing waits: go "
            "on until then.",
            emptied,
        )
    numbers = [[int.from_bytes(each[10:18], "big") for each in round_] for round_ in seen]
    measured = (emptied, figure(len({n for each in numbers for n in each}), "", "of 100 kept"))
    return _of_drained(numbers, measured)


def _all_of(found: Any) -> list[Any]:
    try:
        return list(found)
    except TypeError:
        raise Refused(f"It returned {article(found)}. A list of datagrams is wanted.") from None


def _of_drained(numbers: list[list[int]], measured: tuple[Figure, ...]) -> Verdict:
    wanted = [list(range(1, 51)), list(range(51, 101))]
    if numbers == wanted:
        return right(
            "The buffer is empty, and each datagram is there in memory of its own: it stays as it "
            "is when the next ones come.",
            *measured,
        )
    if [len(each) for each in numbers] == [50, 50]:
        return wrong(
            "The buffer is empty. But what you kept are views: the receiver uses its memory again "
            "for what comes next, and they all show that. Copy what you keep.",
            *measured,
        )
    return wrong(
        "The buffer is empty, but fifty datagrams came each time, and it returned "
        f"{' and '.join(str(len(each)) for each in numbers)}.",
        *measured,
    )


TASKS: tuple[Task, ...] = (
    Task(
        name="capacity",
        title="How many have room?",
        text="""Write `capacity(granted, charge)`: return how many datagrams have room in a receive
buffer of `granted` bytes, as the kernel counts them, if it charges `charge` bytes for each.

The check opens three buffers, sends more than fit, reads what is there, and counts.
""",
        hints=(
            "How often does the one go into the other?",
            "A datagram that has room in part only, has none. So it is a whole number.",
            "    return granted // charge",
        ),
        check=_check_capacity,
    ),
    Task(
        name="buffer_for",
        title="Survive a pause",
        text="""`rate` datagrams come a second, and your program does not read for `pause` seconds.
Each datagram takes `charge` bytes of the buffer. Write `buffer_for(rate, pause, charge)`: return
how many bytes to **ask** for, so that none is lost.

The check asks for that many, sends what comes in that time, and counts. Much more than needed is no
solution either.
""",
        hints=(
            "How many datagrams come in that time? How many bytes do they take?",
            "The kernel grants twice what it is asked for.",
            "    return rate * pause * charge / 2",
        ),
        check=_check_buffer_for,
    ),
    Task(
        name="drain",
        title="Empty it quickly",
        text="""Write `drain(receiver)`: take all datagrams that wait, and return them in a list.
Do not wait for more.

`receiver.receive(0)` returns a batch of views, or `None` if nothing waits. The next `receive` uses
the same memory again. The check calls your function, sends more, calls it again, and then looks at
both lists.
""",
        hints=(
            "Call `receive(0)` until it returns `None`. `receiver.batches(0)` is a loop that does.",
            "A batch holds views. Which of the functions that you know makes a copy of one?",
            "    return [bytes(each) for batch in receiver.batches(0) for each in batch]",
        ),
        check=_check_drain,
    ),
)
