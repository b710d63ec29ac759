"""What a live run shows, in words and figures for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .processes import is_reopened

if TYPE_CHECKING:
    from ..feed import Feed
    from .sample import Reading, Sample
    from .state import LiveRun

__all__ = ["IN_THREAD", "about", "comparison", "readout", "sharing", "summary", "troubles"]

IN_THREAD = (
    "This machine permits no subprocess: one thread of the kernel runs the pipelines in turns."
)


def about(run: LiveRun) -> dict[str, Any]:
    """Return what a display of the run says and needs from the beginning."""
    return {
        "names": list(run.names),
        "window": run.window,
        "bytesPerMessage": run.bytes_per_message,
        "feed": f"{run.feed.name}: {run.messages:,} messages a pass, again and again",
        "memory": memory(run.feed, run.in_thread),
    }


def memory(feed: Feed, in_thread: bool = False) -> str:
    """Say how the feed's bytes get to the workers."""
    if in_thread:
        return "the thread reads the bytes where the kernel has them"
    if not is_reopened(feed):
        return "the bytes were copied once into shared memory, which every process maps"
    if feed.compression:
        return f"every process opens {feed.name} itself, and decompresses it"
    return f"every process maps {feed.name} itself"


def summary(run: LiveRun, sample: Sample) -> str:
    """Return the readings as lines of text."""
    lines = [f"Live chart of {run.feed.name} ({run.messages:,} messages): "]
    lines[0] += "running" if run.running else "stopped" if sample.medians else "not started"
    for each in sample.readings:
        if len(each.rates):
            found = figures(each, run.bytes_per_message)
            lines.append(
                f"  {each.name:<10}{found['median']:>9} million messages/s"
                f"{found['bytes']:>9} MB/s   median of the last {run.window:g} s"
            )
    return "\n".join([*lines, *filter(None, [comparison(sample.medians)]), *troubles(run.problems)])


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
    noun = "message" if ratios[first] == "one" else "messages"
    text = f"{first.capitalize()} handles {ratios[first]} {noun} in the time {base} handles one"
    return "; ".join([text, *(f"{name} handles {ratios[name]}" for name in rest)]) + "."


def readout(run: LiveRun, sample: Sample) -> list[dict[str, str]]:
    """Return the figures of the chosen pipelines."""
    shown = (each for each in sample.readings if each.name in run.chosen)
    return [figures(each, run.bytes_per_message) for each in shown]


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
        return f"Taking turns on {cores} core{plural}: rates count a pipeline’s own time only."
    if workers > 1:
        return f"{workers} pipelines at once, on {cores} cores."
    return f"One pipeline, on {cores} core{plural}."


def troubles(problems: dict[str, str]) -> list[str]:
    """Say which pipelines ended by themselves and why, a sentence for each reason.

    Examples
    --------
    >>> troubles({"copying": "its process was killed by SIGKILL", "": "no page is there"})
    ['Copying stopped: its process was killed by SIGKILL.', 'No page is there.']
    """
    by_reason: dict[str, list[str]] = {}
    for name, why in problems.items():
        by_reason.setdefault(why.rstrip("."), []).append(name)
    return [_sentence(names, why) for why, names in by_reason.items()]


def _sentence(names: list[str], why: str) -> str:
    *most, last = names
    who = f"{', '.join(most)} and {last}" if most else last
    text = f"{who} stopped: {why}." if who else f"{why}."
    return text[:1].upper() + text[1:]


def times(ratio: float) -> str:
    """Return a ratio with as many digits as it deserves."""
    text = f"{ratio:.1f}" if ratio < 9.95 else f"{ratio:,.0f}"
    return "one" if text == "1.0" else text.removesuffix(".0")


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
