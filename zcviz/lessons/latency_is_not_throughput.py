"""The exercises of ``07_latency_is_not_throughput``: a percentile, a measurer, a block.

All of them are judged on a machine whose clock goes on only as it is told to.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from .exercise import Refused, Task, Verdict, article, call, right, wrong
from .fake_machine import FakeMachine, quiet
from .show import figure, number_text

__all__ = ["TASKS"]

_MS = 0.001
_NEAR = 1e-4  # s
_LOOK = 1e-7  # s that a look at the clock takes: who waits for ever gets there
_MOST_LOOKS = 1_000_000


class _Machine(FakeMachine):
    """A machine whose clock also goes on when somebody looks at it, a very little."""

    def clock(self) -> float:
        """Return the time [s]."""
        if self.readings > _MOST_LOOKS:
            raise TimeoutError("it looked at the clock a million times")
        self.spend(_LOOK)
        return super().clock()


def _numbers(found: Any, many: int) -> list[float]:
    try:
        numbers = [float(each) for each in found]
    except (TypeError, ValueError):
        raise Refused(f"It returned {article(found)}. A list of numbers is wanted.") from None
    if len(numbers) != many or not all(map(isfinite, numbers)):
        raise Refused(f"It returned {len(numbers)} numbers. One for each of {many} is wanted.")
    return numbers


# --- a percentile


def _check_percentile(answer: Any, file: Path) -> Verdict:
    hundred = [float(n) for n in range(1, 101)]
    cases: tuple[tuple[Sequence[float], float, float], ...] = (
        (hundred[::-1], 50, 50), (hundred[::-1], 99, 99), (hundred, 100, 100),
        ([30.0, 10.0, 20.0], 50, 20), ([7.0], 99.9, 7), ([5.0, 5.0, 900.0, 5.0], 75, 5),
        ([1.0] * 999 + [80.0], 99.9, 1), ([1.0] * 998 + [80.0] * 2, 99.9, 80),
    )  # fmt: skip
    for values, percent, wanted in cases:
        given = list(values)
        with quiet():
            found = call(answer, given, percent)
        try:
            number = float(found)
        except (TypeError, ValueError):
            raise Refused(f"It returned {article(found)}. A number is wanted.") from None
        measured = (
            figure(number, "", f"p{number_text(percent)} of {len(values):,} values, says yours"),
            figure(wanted, "", "is right"),
        )
        if given != list(values):
            return wrong("It changed the list that it was given. Sort a copy.", *measured)
        if number != wanted:
            return wrong(_of_percentile(values, percent, number), *measured)
    return right(f"{len(cases)} samples, in order and not, and none of them was changed.")


def _of_percentile(values: Sequence[float], percent: float, found: float) -> str:
    if found not in values:
        return "That is none of the values: nobody ever waited so long."
    share = sum(each <= found for each in values) / len(values)
    if share < percent / 100:
        return f"Only {share:.1%} of the values are that or less."
    return f"{share:.1%} of the values are that or less, but a smaller value would do."


# --- a measurer that keeps its schedule


def _check_on_schedule(answer: Any, file: Path) -> Verdict:
    gap, stall, number = 10 * _MS, 100 * _MS, 60

    def ask_with(costs: Any) -> tuple[list[float], _Machine]:
        machine = _Machine()
        ask = machine.work("ask", costs)
        with quiet():
            found = call(answer, ask, number, gap, machine.clock, machine.spend)
        if len(machine.runs) != number:
            raise Refused(f"It asked {len(machine.runs)} times. {number} times is wanted.")
        return _numbers(found, number), machine

    calm, machine = ask_with(lambda n: _MS)
    if any(abs(each - _MS) > _NEAR for each in calm):
        return wrong(
            "Each answer takes 1 ms, and nothing is late. Something else is in your figures.",
            figure(max(calm) * 1e3, "ms", "at most, reported"),
        )
    if machine.clock() - 1000 < gap * (number - 2):
        return wrong("The answers are right, but it asks faster than every 10 ms.")
    found, _ = ask_with(lambda n: stall if n == 20 else _MS)
    wanted = _of_schedule(number, gap, stall)
    hit = sum(each > 5 * _MS for each in found)
    measured = (
        figure(hit, "", f"of {number} took more than 5 ms, says yours"),
        figure(sum(each > 5 * _MS for each in wanted), "", "were due while it was stuck"),
    )
    if all(abs(one - other) <= _NEAR for one, other in zip(found, wanted, strict=True)):
        return right("Whatever was due during the stall is in your figures.", *measured)
    if hit <= 1:
        return wrong(
            "One answer took 100 ms. Meanwhile others were due, and they had to wait as well. From "
            "when on does each of yours count?",
            *measured,
        )
    return wrong(
        "It shows the stall. But some figures are off: each counts from when it was due, and what "
        "is due is asked at once.",
        *measured,
    )


def _of_schedule(number: int, gap: float, stall: float) -> list[float]:
    now, found = 0.0, []
    for each in range(number):
        due = each * gap
        now = max(now, due) + (stall if each == 20 else _MS)
        found.append(now - due)
    return found


# --- a block with a timeout


class _Arrivals:
    """Datagrams that come at times of their own, on a machine of its own."""

    def __init__(self, times: Sequence[float]) -> None:
        self.machine = _Machine()
        self._due = [1000 + each for each in times]
        self._taken = 0

    def receive(self, timeout: float | None = None) -> int | None:
        """Return the next one's number, from 1; None if none came in time."""
        machine = self.machine
        now = machine.clock()
        if self._taken == len(self._due):
            if timeout is None:
                raise TimeoutError("nothing comes any more, and it would wait for ever")
            machine.spend(max(timeout, 0.0))
            return None
        due = self._due[self._taken]
        if timeout is not None and due > now + timeout:
            machine.spend(max(timeout, 0.0))
            return None
        machine.spend(max(0.0, due - now))
        self._taken += 1
        return self._taken


_CASES: tuple[tuple[str, tuple[float, ...], int, int, float], ...] = (
    # What comes, when; how many at most; how many there should be, and when [s].
    ("Five come at once, and three are enough.", (0, 0, 0, 0, 0), 3, 3, 0),
    ("One comes each second.", tuple(range(100)), 64, 1, 10 * _MS),
    ("One comes each 3 ms.", tuple(3 * _MS * n for n in range(100)), 64, 4, 10 * _MS),
    ("The first one comes after 50 ms.", (0.05, 0.055, *range(1, 99)), 64, 2, 60 * _MS),
)


def _check_batch_of(answer: Any, file: Path) -> Verdict:
    for told, times, most, many, when in _CASES:
        line = _Arrivals(times)
        with quiet():
            found = call(answer, line.receive, most, 10 * _MS, line.machine.clock)
        try:
            batch = list(found)
        except TypeError:
            raise Refused(f"It returned {article(found)}. A list of datagrams is wanted.") from None
        waited = line.machine.clock() - 1000 - times[0]
        allowed = when - times[0]
        measured = (
            figure(len(batch), "", f"in the batch, of {most} at most"),
            figure(waited * 1e3, "ms", f"waited the first one; {allowed * 1e3:.0f} ms are allowed"),
        )
        if waited > allowed + _MS:
            return wrong(
                f"{told} The first one waits too long. Its patience begins when it comes, and "
                "does not begin anew with each other one.",
                *measured,
            )
        if batch != list(range(1, many + 1)):
            return wrong(f"{told} In order, {many} should be in the batch.", *measured)
    return right("It is handed over when it is full, or when the first one has waited enough.",
                 *measured)  # fmt: skip


TASKS: tuple[Task, ...] = (
    Task(
        name="percentile",
        title="A percentile",
        text="""Write `percentile(values, percent)`: return the smallest of the values that at
least `percent` per cent of them do not exceed. The values are in no order, and the list has to stay
as it is.
""",
        hints=(
            "Sort a copy. Then it is a question of which one to take.",
            "Of 100 values in order, p99 is the 99th. Python counts from 0. Where the place is no "
            "whole number, take the next one: `ceil`. (99.9 % of 1,000 is 999, but not for a "
            "computer: `round` first.)",
            """    from math import ceil
    place = ceil(round(percent * len(values) / 100, 9))
    return sorted(values)[place - 1]""",
        ),
        check=_check_percentile,
    ),
    Task(
        name="on_schedule",
        title="Measure the stall as well",
        text="""Mend `stop_and_wait`: write `on_schedule(ask, number, gap, clock, sleep)`. Call
`ask()` `number` times, one every `gap` seconds. It returns when the answer is there. Return a list
of latencies in seconds, each counted from when its question was **due**.

If an answer is late, those that were due meanwhile are asked at once.
""",
        hints=(
            "You know beforehand when each is due: `start + n * gap`.",
            "Sleep only if it is not due yet. And subtract what was due, not when you asked.",
            """    start, taken = clock(), []
    for n in range(number):
        due = start + n * gap
        sleep(max(0, due - clock()))
        ask()
        taken.append(clock() - due)
    return taken""",
        ),
        check=_check_on_schedule,
    ),
    Task(
        name="batch_of",
        title="A block with a timeout",
        text="""Mend `full_batch`: write `batch_of(receive, most, patience, clock)`. Return a list
of at most `most` datagrams. Hand it over when it is full, or when its first datagram has waited for
`patience` seconds.

`receive(timeout)` returns the next datagram, or `None` if none came in `timeout` seconds;
`receive(None)` waits for as long as it takes.
""",
        hints=(
            "Wait for the first one without a limit. From then on the clock is running.",
            "`until = clock() + patience` once, and `receive(until - clock())` for each of the "
            "others.",
            """    batch = [receive(None)]
    until = clock() + patience
    while len(batch) < most and (left := until - clock()) > 0:
        datagram = receive(left)
        if datagram is not None:
            batch.append(datagram)
    return batch""",
        ),
        check=_check_batch_of,
    ),
)
