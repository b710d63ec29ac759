"""What runs of datagrams showed, each in a sentence; and that they showed nothing, if so."""

from __future__ import annotations

from collections.abc import Mapping

from .collector import Strikes
from .tails import duration
from .under_way import UnderWay

__all__ = ["of_batches", "of_blocks", "of_collecting", "of_omission", "of_spinning"]

_NEAR = 0.25  # of what is expected
_WAKING = 200_000  # ns that a busy machine takes to wake somebody


def _but(*runs: UnderWay) -> str:
    if any(each.too_noisy for each in runs):
        worst = max(each.stalled for each in runs)
        return (
            f" But the machine was busy: this thread waited for a processor for up to {worst:.0%} "
            "of the time. Run it again when it is quiet."
        )
    return ""


def of_batches(runs: Mapping[int, UnderWay], gap: float) -> str:
    """Compare medians with half the time that it takes to fill a batch; `gap` in ns."""
    told = ", ".join(f"{size}: {duration(each.p(50))}" for size, each in runs.items())
    size, run = max(runs.items())
    expected = (size - 1) / 2 * gap
    fits = abs(run.p(50) / expected - 1) < _NEAR
    end = (
        f"For {size} that is about half of the {duration((size - 1) * gap)} that it takes to fill "
        "a batch."
        if fits
        else f"For {size}, {duration(expected)} was to be expected."
    )
    return f"Median by batch size: {told}. {end}{_but(*runs.values())}"


def of_blocks(runs: Mapping[int, UnderWay]) -> str:
    """Compare medians with half of the timeout [ms]."""
    told = ", ".join(f"{ms} ms: {duration(each.p(50))}" for ms, each in runs.items())
    halves = [abs(each.p(50) - ms * 5e5) < _NEAR * ms * 5e5 + _WAKING for ms, each in runs.items()]
    end = (
        "Each is about half of its timeout, and what it takes to be woken."
        if all(halves)
        else f"{sum(halves)} of {len(halves)} are about half of their timeout."
    )
    return f"Median by timeout: {told}. {end}{_but(*runs.values())}"


def of_spinning(sleeping: UnderWay, spinning: UnderWay) -> str:
    """Compare what sleeping and spinning take, and what they cost."""
    one, other = sleeping.p(50), spinning.p(50)
    told = (
        f"Sleeping: median {duration(one)}, {sleeping.cpu:.0%} of a processor. "
        f"Spinning: {duration(other)}, {spinning.cpu:.0%}."
    )
    if other < 0.9 * one:
        end = f"Spinning is {one / other:.1f} times as quick, and pays for it all the time."
    elif other > 1.1 * one:
        end = (
            "Here spinning is the slower one: it uses up its share of the processor, and then has "
            "to wait when something comes."
        )
    else:
        end = "Here spinning brings nothing, and costs all the same."
    return f"{told} {end}{_but(sleeping, spinning)}"


def of_collecting(without: UnderWay, collecting: UnderWay, strikes: Strikes) -> str:
    """Say what collections did to a run."""
    if not strikes.number:
        return "The collector did not run."
    late = int((collecting.latencies > 0.5e9 * strikes.seconds / strikes.number).sum())
    return (
        f"The collector ran for {duration(strikes.seconds / strikes.number * 1e9)}"
        f"{f', {strikes.number} times' * (strikes.number > 1)}, and {late:,} datagrams took longer "
        f"than half of that. Median {duration(without.p(50))} without and "
        f"{duration(collecting.p(50))} with it; the longest {duration(without.p(100))} and "
        f"{duration(collecting.p(100))}.{_but(without, collecting)}"
    )


def of_omission(waiting: UnderWay, paced: UnderWay, pause: float, limit: float) -> str:
    """Say how many each of two measurers saw hit by the same pause; times in ns."""
    one, other = (int((each.latencies > limit).sum()) for each in (waiting, paced))
    told = (
        f"The same pause of {duration(pause)}. Who waits for each answer saw {one:,} take more "
        f"than {duration(limit)}, who sends on time {other:,}. p99: {duration(waiting.p(99))} and "
        f"{duration(paced.p(99))}."
    )
    return f"{told}{_but(waiting, paced)}"
