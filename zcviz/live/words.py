"""What a live run shows, in words and figures for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .sample import Reading

__all__ = ["IN_THREAD", "comparison", "ended", "figures", "sharing"]

IN_THREAD = (
    "This machine permits no subprocess: one thread of the kernel runs the pipelines in turns, "
    "so all are slower than they could be."
)


def comparison(medians: dict[str, float]) -> str:
    """Say how the pipelines compare: against copying, or else against the slowest.

    Examples
    --------
    >>> comparison({"copying": 310_000, "flyweight": 450_000, "columnar": 48_100_000})
    'Columnar handles 155 messages in the time copying handles one; flyweight handles 1.5.'
    >>> comparison({"columnar": 48_100_000})
    'Columnar handles 48.1 million messages per second.'
    """
    if not medians:
        return ""
    ranked = sorted(medians, key=lambda name: -medians[name])
    if len(ranked) == 1:
        return f"{ranked[0].capitalize()} handles {_in_millions(medians[ranked[0]])}."
    base = "copying" if "copying" in medians else ranked[-1]
    others = [name for name in ranked if name != base]
    ratios = {name: times(medians[name] / medians[base]) for name in others}
    first, *rest = others
    noun = "message" if ratios[first] == "1" else "messages"
    text = f"{first.capitalize()} handles {ratios[first]} {noun} in the time {base} handles one"
    return "; ".join([text, *(f"{name} handles {ratios[name]}" for name in rest)]) + "."


def figures(reading: Reading, bytes_per_message: float) -> dict[str, str]:
    """Return the figures of a reading, rounded to what can be read while they change."""
    if not len(reading.rates):
        return {"name": reading.name, "median": "", "newest": "", "bytes": ""}
    return {
        "name": reading.name,
        "median": three_digits(reading.median / 1e6),
        "newest": three_digits(reading.newest / 1e6),
        "bytes": three_digits(reading.median * bytes_per_message / 1e6),
    }


def sharing(workers: int, cores: int, taking_turns: bool) -> str:
    """Say how the workers share the cores."""
    plural = "s" if cores > 1 else ""
    if taking_turns:
        return f"Taking turns on {cores} core{plural}: a rate counts a pipeline’s own time only."
    if workers > 1:
        return f"{workers} pipelines at once, on {cores} cores."
    return f"One pipeline, on {cores} core{plural}."


def ended(name: str, why: str) -> str:
    """Say that a pipeline ended by itself."""
    return f"{name.capitalize()} stopped: {why.rstrip('.')}."


def times(ratio: float) -> str:
    """Return a ratio with as many digits as it deserves."""
    return f"{ratio:.1f}".removesuffix(".0") if ratio < 9.95 else f"{ratio:,.0f}"


def three_digits(value: float) -> str:
    """Return `value` with three significant digits and no exponent.

    Examples
    --------
    >>> [three_digits(value) for value in (0.3104, 1.1, 48.13, 155.2, 1510.4, 0)]
    ['0.310', '1.10', '48.1', '155', '1,510', '0']
    """
    if value <= 0:
        return "0"
    exponent = int(f"{value:.2e}".split("e")[1])
    return f"{float(f'{value:.2e}'):,.{max(0, 2 - exponent)}f}"


def _in_millions(rate: float) -> str:
    if rate < 10_000:
        return f"{three_digits(rate)} messages per second"
    return f"{three_digits(rate / 1e6)} million messages per second"
