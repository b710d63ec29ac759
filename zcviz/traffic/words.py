"""What a run of traffic shows, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .sample import PathReading, Sample
from .settings import Settings

__all__ = ["sentence", "share"]

_FEW = 20  # datagrams, before which anything said would be hasty
_STALLED = 0.05  # share of time from which on the machine is mentioned
_BEHIND = 0.02  # share of what was offered, likewise the sender
_FULL = 0.5  # share of a buffer, likewise that it is filling


def sentence(settings: Settings, seen: Sequence[Sample], problems: Mapping[str, str]) -> str:
    """Sum up what was seen: who kept up, what it took, and whether the machine had a part in it.

    Parameters
    ----------
    settings : Settings
    seen : sequence of Sample
        Of the last seconds; if the run has ended, the last one counts from its start.
    problems : dict of str
        By path, or ``"sender"``.
    """
    parts = [f"{_named(name)}: {why.rstrip('.')}." for name, why in problems.items()]
    if seen:
        parts += _seen(settings, seen)
    return " ".join(filter(None, parts))


def _seen(settings: Settings, seen: Sequence[Sample]) -> Iterable[str]:
    last = seen[-1]
    sent, given_up = last.sender.sent, last.sender.given_up
    before = tuple(PathReading() for _ in last.paths)
    if last.running:
        sent, given_up = sent - seen[0].sender.sent, given_up - seen[0].sender.given_up
        before = seen[0].paths
    if sent < _FEW:
        return
    shown = [
        (path, then, now)
        for path, then, now in zip(settings.paths, before, last.paths, strict=True)
        if now.state in {2, 3} and now.total_received
    ]
    for path, then, now in shown:
        offered = now.total_received - then.total_received if path == "replay" else sent
        yield _fate(path, then, now, offered, over=not last.running)
    yield _costs(
        (path, now.cpu if not last.running else _mean(each.paths[at].cpu for each in seen))
        for at, (path, now) in enumerate(zip(settings.paths, last.paths, strict=True))
    )
    if given_up > _BEHIND * (sent + given_up):
        who = "consumer" if settings.paths == ("replay",) else "sender"
        yield f"The {who} was too slow for {share(given_up / (sent + given_up))} of what was due."
    yield _machine(settings.paths, seen)


def _fate(path: str, then: PathReading, now: PathReading, sent: float, *, over: bool) -> str:
    of = f" of {sent:,.0f} datagrams" if over else ""
    places = (
        (("dropped" if over else "drops"), "socket buffer", then.total_dropped, now.total_dropped),
        (("lost" if over else "loses"), "ring", then.total_lost, now.total_lost),
    )
    gone = [
        f"{verb} {share(count / sent)}{of} in the {where}"
        for verb, where, before, after in places
        if (count := _grown(before, after)) > 0
    ]
    if over and now.queued > 0:
        gone.append(f"left {share(now.queued / sent)}{of} in its buffer when it ended")
    if gone:
        return f"{path} {' and '.join(gone)}."
    if missing := _grown(then.total_missing, now.total_missing):
        return f"{path}: {missing:,.0f} messages are missing, and no counter says where."
    text = f"{path} {'received' if over else 'receives'} all{of}"
    full = now.used / now.capacity if now.capacity > 0 else 0.0
    return f"{text}; its buffer is {share(full)} full." if full > _FULL and not over else f"{text}."


def _costs(costs: Iterable[tuple[str, float]]) -> str:
    known = sorted((cost, path) for path, cost in costs if cost > 0)
    if not known:
        return ""
    (cost, path), *others = known
    text = f"{path} needs {_micros(cost)} of processor time for each datagram"
    return f"{', '.join([text, *(f'{path} {_micros(cost)}' for cost, path in others)])}."


def _micros(cost: float) -> str:
    return f"{cost:,.0f} µs" if cost >= 10 else f"{cost:.2g} µs"


def _machine(paths: Sequence[str], seen: Sequence[Sample]) -> str:
    stolen = _mean(sample.steal for sample in seen)
    whose = [
        f"{path} waited for a processor {share(waited)} of the time"
        for number, path in enumerate(paths)
        if (waited := _mean(sample.paths[number].stall for sample in seen)) > _STALLED
    ]
    if stolen > _STALLED:
        whose.append(f"the host gave {share(stolen)} of the time to others")
    if not whose:
        return ""
    return f"{', '.join(whose)}: a long tail may be the machine’s doing, not the path’s."


def share(part: float) -> str:
    """Return a share in percent, with as many digits as it deserves.

    Examples
    --------
    >>> [share(part) for part in (0.00002, 0.0123, 0.5, 1)]
    ['less than 0.1 %', '1.2 %', '50 %', '100 %']
    """
    if part < 0.001:
        return "less than 0.1 %"
    return f"{100 * part:.0f} %" if part >= 0.0995 else f"{100 * part:.1f} %"


def _mean(values: Iterable[float]) -> float:
    known = [value for value in values if value >= 0]  # what is not known is no number
    return sum(known) / len(known) if known else 0.0


def _grown(before: float, after: float) -> float:
    return max(0.0, after - (before if before >= 0 else 0.0))


def _named(name: str) -> str:
    return "Sender" if name == "sender" else name
