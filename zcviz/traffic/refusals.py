"""Which paths this machine refuses, and what would help."""

from __future__ import annotations

from functools import cache

from ..receive import PATHS
from ..receive.probing import error_name, probe, remedy

__all__ = ["NO_PROCESS", "available", "refusal"]

NO_PROCESS = "this machine permits no subprocess; of the paths, only replay works then"


def available(*, without_processes: bool) -> dict[str, str]:
    """Return by path nothing, or why it is refused and what would help."""
    if without_processes:
        return {path: "" if path == "replay" else NO_PROCESS for path in PATHS}
    return dict(_probed())


@cache
def _probed() -> tuple[tuple[str, str], ...]:
    return tuple(
        (each["name"], "" if each["available"] else f"{each['errno']}: {each['remedy']}")
        for each in probe()
    )


def refusal(path: str, why: str, errno: int) -> str:
    """Return why a path was refused, with what would help where the system gave a reason."""
    if not errno:
        return why
    return f"{why.removeprefix(f'{path}: ')} ({error_name(errno)}); {remedy(path, errno)}"
