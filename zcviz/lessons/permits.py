"""What this machine permits, shown: each refusal with the system's word for it, and a remedy."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from typing import Any

from ..receive import open as open_path
from ..receive.probing import error_name, remedy
from .listing import Cell, listing
from .show import Shown, callout

__all__ = ["answer_in_words", "permits", "refusal", "refused"]

_MEANS = {
    errno.EPERM: "you are not allowed to ask. Whether it could be done is not known by now",
    errno.EACCES: "you are not allowed to ask. Whether it could be done is not known by now",
    errno.EOPNOTSUPP: "you are allowed to ask, and nobody here can do it",
    errno.ENOSYS: "this system does not know the thing at all",
    errno.EBUSY: "somebody else has it at this moment",
}


def permits(found: Iterable[dict[str, Any]]) -> Shown:
    """Return what `receive.probe` found as a table, with the remedies below it."""
    rows: list[list[Cell]] = []
    remedies: dict[str, list[str]] = {}
    for each in found:
        rows.append([each["name"], "yes" if each["available"] else "no", each["errno"] or "–"])
        if each["remedy"]:
            remedies.setdefault(each["remedy"], []).append(each["name"])
    told = [f"**{', '.join(names)}**: {text}." for text, names in remedies.items()]
    return listing(
        ["path", "permitted", "the system says"], rows, title="Receive paths on this machine",
        sentence="\n\n".join(told) or "Everything is permitted here.",
    )  # fmt: skip


def refused(path: str, **options: Any) -> OSError | None:
    """Open a path and close it; return the error if the system refuses."""
    try:
        open_path(path, **options).close()
    except OSError as error:
        return error
    return None


def refusal(path: str, error: OSError | None) -> Shown:
    """Return what the system said to a path, and what that means."""
    if error is None:
        return callout("The system opened it, and it was closed again.", f"{path}: permitted")
    code = error.errno or errno.EIO
    means = f"That means: {_MEANS[code]}. " if code in _MEANS else ""
    text = f"{os.strerror(code)}. {means}What would help: {remedy(path, code)}."
    return callout(text, f"{path}: {error_name(code)}, error {code} of the system")


def answer_in_words(error: OSError | None) -> str:
    """Return what an answer of the system comes to, in a few words."""
    if error is None:
        return "permitted"
    forbidden = error.errno in (errno.EPERM, errno.EACCES)
    return "you are not allowed to" if forbidden else "nobody here can do it"
