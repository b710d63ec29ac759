"""Four witnesses of what a socket dropped, asked at several moments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from .listing import listing
from .loopback import Loopback
from .show import Shown

__all__ = ["WITNESSES", "asked", "gaps", "witnessed"]

WITNESSES = ("SO_MEMINFO", "/proc/net/udp", "SO_RXQ_OVFL", "sequence numbers")
_SOCKETS = Path("/proc/net/udp")


def gaps(numbers: Sequence[int]) -> int:
    """Return how many are missing between 1 and the highest number that came."""
    return max(numbers, default=0) - len(numbers)


def asked(line: Loopback, numbers: Sequence[int]) -> dict[str, int | None]:
    """Ask all of them; None where one cannot be asked, or has nothing to go by.

    Parameters
    ----------
    line : Loopback
        Best on the path ``"udp.recvmsg"``: only there is `SO_RXQ_OVFL` read.
    numbers : sequence of int
        Sequence numbers read so far.
    """
    said = [line.dropped, _in_proc(line), getattr(line.receiver, "overflow", None), gaps(numbers)]
    if not numbers:
        said[2:] = None, None
    return dict(zip(WITNESSES, said, strict=True))


def _in_proc(line: Loopback) -> int | None:
    # Source: proc_pid_net(5). The last column of a socket's row are its drops.
    if line.dropped is None:
        return None
    port = f":{line.receiver.address[1]:04X}"
    try:
        rows = [row.split() for row in _SOCKETS.read_text().splitlines()[1:]]
    except OSError:
        return None
    return next((int(row[-1]) for row in rows if row[1].endswith(port)), None)


def witnessed(moments: Mapping[str, Mapping[str, int | None]], truth: int) -> Shown:
    """Return what each said at each moment, as a table.

    Parameters
    ----------
    moments : mapping of str to mapping
        What was `asked`, by moment.
    truth : int
        How many were dropped.
    """
    rows = [
        [name, *("–" if each[name] is None else f"{each[name]:,}" for each in moments.values())]
        for name in WITNESSES
    ]
    last = list(moments.values())[-1]
    silent = [name for name in WITNESSES if last[name] is None]
    early = [name for name in WITNESSES if all(each[name] == truth for each in moments.values())]
    told = f"{truth:,} were dropped. "
    if early:
        told += f"{' and '.join(early)} said so at once. "
    if silent:
        told += f"Not measured here: {', '.join(silent)}. "
    late = [name for name in WITNESSES if last[name] == truth and name not in early]
    if late:
        told += f"It took one more datagram until {' and '.join(late)} said it."
    return listing(["asked", *moments], rows, title="How many were dropped?", sentence=told)
