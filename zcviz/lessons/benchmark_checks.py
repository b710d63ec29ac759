"""Whether a benchmark is sound: it runs on a machine whose clock obeys, and its report is judged.

Each check is that of one exercise in `measuring_honestly`; the machine is in `fake_machine`.
Exercises hand the file of the lesson to every check; these work without it.
"""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from math import isfinite
from pathlib import Path
from typing import Any

from .exercise import Refused, Verdict, article, call, right, wrong
from .fake_machine import FakeMachine, Lingering, quiet
from .show import Figure, figure, number_text

__all__ = ["check_apart", "check_equals", "check_nothing_but", "check_turns", "check_warm"]

_BLOCK = 100_000  # bytes
_NEAR = 0.02
_SLOW, _LONG = 8.0, 50.0  # seconds, where a run takes one
_ROUNDS = 3  # at least


def _near(found: float, wanted: float, share: float = _NEAR) -> bool:
    return abs(found - wanted) <= share * wanted


def _number(found: Any, machine: FakeMachine) -> float:
    """Return a figure that a benchmark reported, which has to have looked at the clock."""
    if not machine.readings:
        raise Refused("It never looked at `clock`. Time with the clock that it is given.")
    if not machine.runs:
        raise Refused("It never called the work that it should time.")
    try:
        number = float(found)
    except (TypeError, ValueError):
        raise Refused(f"It returned {article(found)} where a number is wanted.") from None
    if not isfinite(number):
        raise Refused(f"It returned {number} where a number is wanted.")
    return number


def _pair(found: Any, machine: FakeMachine) -> tuple[float, float]:
    """Return the times of “one” and “other”."""
    if not isinstance(found, Mapping) or set(found) != {"one", "other"}:
        raise Refused(f"It returned {article(found)}. Seconds for each name in `ways` are wanted.")
    return _number(found["one"], machine), _number(found["other"], machine)


def _reported(seconds: float, per: str = "reported, for work that takes 1 s") -> Figure:
    return figure(seconds, "s", per)


# --- 1: time and memory, apart


def check_apart(answer: Any, file: Path) -> Verdict:
    """See that time and memory come from different runs."""
    machine = FakeMachine()
    work = machine.work(
        "work",
        lambda n: _SLOW if tracemalloc.is_tracing() else 1.0,
        lambda: len(bytearray(_BLOCK)),
    )
    with quiet():
        found = call(answer, work, machine.clock)
        left_on = tracemalloc.is_tracing()
    if not isinstance(found, tuple | list) or len(found) != 2:
        return wrong(f"It returned {article(found)}. Seconds and bytes are wanted.")
    seconds, peak = (_number(each, machine) for each in found)
    measured = (_reported(seconds), figure(peak, "B", f"at most, of a block of {_BLOCK:,} B"))
    if not _near(seconds, 1):
        return wrong(
            "The work takes 1 second, and under tracing 8. Look at what your clock saw. "
            "Nothing says that both figures have to come from the same run.",
            *measured,
        )
    if not _BLOCK <= peak < _BLOCK + 5_000:
        return wrong("The time is right; now the memory is not. Trace a run of its own.", *measured)
    if left_on:
        return wrong("Both are right, but it left tracing on for all that comes after.", *measured)
    return right(f"Both are right. It ran the work {len(machine.runs)} times.", *measured)


# --- 2: warm


def check_warm(answer: Any, file: Path) -> Verdict:
    """See that neither the first run nor a single disturbed one is in the figure."""
    machine = FakeMachine()
    work = machine.work("work", lambda n: 1.0 if n else _LONG)
    with quiet():
        seconds = _number(call(answer, work, machine.clock), machine)
    runs = figure(len(machine.runs), "", "runs")
    if not _near(seconds, 1):
        return wrong(
            "The first run takes 50 seconds, for something has to be loaded; every run after that "
            "takes 1. The first one is still in the figure.",
            _reported(seconds), runs,
        )  # fmt: skip
    noisy = FakeMachine()
    with quiet():
        work = noisy.work("work", lambda n: 9.0 if n in (0, 1) else 1.0)
        seconds = _number(call(answer, work, noisy.clock), noisy)
    if not _near(seconds, 1):
        return wrong(
            "The first run is out. But then one single run was disturbed and took 9 seconds, and "
            "that is what it reports. How many runs does a figure need?",
            _reported(seconds), figure(len(noisy.runs), "", "runs"),
        )  # fmt: skip
    return right("Neither the first run nor a disturbed one is in the figure.", runs)


# --- 3: the same answer


def check_equals(answer: Any, file: Path) -> Verdict:
    """See that ways that give different answers get no times."""

    def ask(value: Callable[[], Any]) -> tuple[Any, FakeMachine]:
        machine = FakeMachine()
        ways = {
            "one": machine.work("one", lambda n: 2.0, lambda: [1, 2, 3]),
            "other": machine.work("other", lambda n: 2.0, value),
        }
        with quiet():
            return call(answer, ways, machine.clock), machine

    one, other = _pair(*ask(lambda: [1, 2, 3]))
    if not (_near(one, 2) and _near(other, 2)):
        return wrong("Where both give the same, its times are wrong.",
                     _reported(one, "reported, for work that takes 2 s"))  # fmt: skip
    wrongs: dict[str, Callable[[], Any]] = {
        "nothing at all": lambda: None,
        "a list that ends differently": lambda: [1, 2, 4],
        "a generator, which has not begun": lambda: (each for each in [1, 2, 3]),
    }
    for told, value in wrongs.items():
        try:
            ask(value)
        except Refused as refused:
            if isinstance(refused.__cause__, ValueError | AssertionError):
                continue
            raise
        return wrong(
            f"One way gave `[1, 2, 3]`, the other {told}, and it reported times as if nothing was "
            "the matter. Raise a `ValueError` before anything is timed."
        )
    return right("Ways that do not give the same get no times.")


# --- 4: in turns


def check_turns(answer: Any, file: Path) -> Verdict:
    """See that a machine that gets slower does not change the verdict."""

    def ask(costs: Callable[[int], float], times: float) -> tuple[float, FakeMachine]:
        machine = FakeMachine()
        ways = {
            "one": machine.work("one", costs),
            "other": machine.work("other", lambda n: times * costs(n)),
        }
        with quiet():
            one, other = _pair(call(answer, ways, machine.clock), machine)
        if one <= 0:
            raise Refused(f"It reports {number_text(one)} seconds for one of the ways.")
        return other / one, machine

    ratio, machine = ask(lambda n: 1.05**n, 1)
    few = min(machine.runs.count(name) for name in ("one", "other"))
    measured = figure(ratio, "×", "reported, where 1 is right"), figure(few, "", "runs of each")
    if few < _ROUNDS:
        return wrong("So few runs cannot tell a slow machine from a slow function.", *measured)
    if not _near(ratio, 1, 0.12):
        return wrong(
            "Both ways take equally long, but from run to run the machine gets 5 % slower, and the "
            "way that comes later pays for it. Which order would be fair?",
            *measured,
        )
    tripled, _ = ask(lambda n: 1.0, 3)
    if not _near(tripled, 3):
        return wrong("Fair in order; but where one way takes three times as long, it does not say "
                     "so.", figure(tripled, "×", "reported, where 3 is right"))  # fmt: skip
    return right("The machine gets slower, and the verdict stays. Both ways had the same weather.",
                 *measured)  # fmt: skip


# --- 5: nothing but the work


def _hazards() -> Iterator[tuple[str, tuple[float, float, float, float]]]:
    yield "preparing takes", (_SLOW, 0, 0, 0)
    yield "printing takes", (0, _SLOW, 0, 0)
    yield "letting go of the result takes", (0, 0, _SLOW, 0)
    yield "the garbage collector, if it is on while the work runs, takes", (0, 0, 0, _SLOW)


def check_nothing_but(answer: Any, file: Path) -> Verdict:
    """See that only the work is on the clock."""
    inside = []
    for told, seconds in _hazards():
        reported = _with_hazard(answer, *seconds)
        if not _near(reported, 1):
            inside.append(f"{told} {_SLOW:.0f} s, it reports {number_text(reported)} s")
    if inside:
        return wrong(
            f"The work takes 1 second. Where {inside[0]}.",
            figure(len(inside), "of 4", "things that are not the work are on its clock"),
        )
    return right("Preparing, printing, letting go and collecting are all off the clock.")


def _with_hazard(
    answer: Any, preparing: float, printing: float, freeing: float, collecting: float
) -> float:
    machine = FakeMachine()

    def prepare() -> list[int]:
        machine.spend(preparing)
        return [1, 2, 3]

    work = machine.work(
        "work",
        lambda n: 1.0 + collecting * gc.isenabled(),
        lambda: Lingering(machine, freeing),
    )
    was_on = gc.isenabled()
    with quiet(machine, printing):
        found = call(answer, prepare, work, machine.clock)
        left_off = was_on and not gc.isenabled()
    if left_off:
        raise Refused("It left the garbage collector off for all that comes after.")
    return _number(found, machine)
