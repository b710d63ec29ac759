"""Exercises whose check looks at what a program does: which bytes, whose memory, what copied."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import BufferLifetimeError
from ..feed import Feed
from ..feed import open as open_feed
from ..render import escape
from .feeds import lesson_file
from .show import Figure, Shown, card, plain, prose

__all__ = [
    "Check",
    "Exercise",
    "Refused",
    "Task",
    "Verdict",
    "article",
    "borrowed",
    "call",
    "needs_orders",
    "right",
    "wrong",
]


@dataclass(frozen=True)
class Verdict:
    """What a check observed.

    Attributes
    ----------
    passed : bool
    text : str
        What was observed, in a sentence or two, and where to look next.
    figures : tuple of Figure
        What was measured.
    """

    passed: bool
    text: str
    figures: tuple[Figure, ...] = ()

    @property
    def head(self) -> str:
        """The verdict in a word."""
        return "✓ Right" if self.passed else "→ Not yet"

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        lines = [f"{self.head}. {plain(self.text)}", *map(str, self.figures)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        row = "".join(each._block() for each in self.figures)
        row = f"<div class='zcl-figures'>{row}</div>" if row else ""
        body = f"<p class='zcl-title'>{self.head}</p>{prose(self.text)}{row}"
        return card(body, "", "zcl-right" if self.passed else "zcl-wrong").html


def right(text: str, *measured: Figure) -> Verdict:
    """Return the verdict on an answer that does what it should."""
    return Verdict(True, text, measured)


def wrong(text: str, *measured: Figure) -> Verdict:
    """Return the verdict on another answer: what it was seen to do, and a push."""
    return Verdict(False, text, measured)


Check = Callable[[Any, Path], Verdict]
"""Takes the learner's answer and the file to try it on. It opens that file itself: `borrowed`."""


@dataclass(frozen=True)
class Task:
    """An exercise as its author writes it; texts are marked up as in `lessons.show`.

    Attributes
    ----------
    name : str
        By which `exercise` finds it.
    title, text : str
    hints : tuple of three str
        From a push to nearly the solution.
    check : Check
    """

    name: str
    title: str
    text: str
    hints: tuple[str, str, str]
    check: Check


class Exercise:
    """A task, its hints, and the check of an answer.

    Parameters
    ----------
    task : Task
    file : path, optional
        What answers are tried on; by default the sample capture.
    """

    def __init__(self, task: Task, file: str | os.PathLike[str] = "feed.pcap") -> None:
        self.name = task.name
        self._task = task
        self._file = lesson_file(file)
        self._hints_given = 0

    @property
    def task(self) -> Shown:
        """The task, with its hints folded away: each opens inside the one before."""
        folded = ""
        for number, hint in reversed(list(enumerate(self._task.hints, 1))):
            folded = f"<details><summary>Hint {number}</summary>{prose(hint)}{folded}</details>"
        title = (
            "<p class='zcl-title'><span class='zcl-overline'>Exercise</span>"
            f"{escape(self._task.title)}</p>"
        )
        words = f"Exercise: {self._task.title}\n{plain(self._task.text)}"
        return card(f"{title}{prose(self._task.text)}{folded}", words)

    def hint(self) -> Shown:
        """Return the next of three hints; after the third, the third again."""
        last = len(self._task.hints)
        self._hints_given = min(self._hints_given + 1, last)
        text = self._task.hints[self._hints_given - 1]
        head = f"Hint {self._hints_given} of {last}"
        words = f"{head}\n{plain(text)}"
        return card(f"<p class='zcl-title'>{head}</p>{prose(text)}", words)

    def check(self, answer: Any) -> Verdict:
        """Try an answer on data, and say what it was seen to do."""
        try:
            return self._task.check(answer, self._file)
        except Refused as refused:
            return wrong(str(refused))

    def __repr__(self) -> str:
        return repr(self.task)

    def _repr_html_(self) -> str:
        return self.task.html


# --- for those who write checks


@contextmanager
def borrowed(file: Path) -> Iterator[Feed]:
    """Open a feed for a check. Answers that still look into it do not make closing it an error."""
    feed = open_feed(file)
    try:
        yield feed
    finally:
        with suppress(BufferLifetimeError):
            feed.close()


class Refused(Exception):
    """An answer that cannot be judged; the text is ready to be shown."""


def needs_orders(feed: Feed) -> None:
    """Refuse to judge an answer on a feed without an Add Order."""
    if "A" not in feed.counts():
        raise Refused(f"{feed.name} has no Add Order to try it on. The sample file has.")


def call(function: Any, *arguments: Any) -> Any:
    """Call a learner's function.

    Raises
    ------
    Refused
        It is no function, it raised, or it returned nothing. `Exercise.check` turns that into a
        verdict.
    """
    if not callable(function):
        raise Refused(
            "`check` wants the function itself, without parentheses after its name; "
            f"it was given {article(function)}."
        )
    name = getattr(function, "__name__", "it")
    try:
        value = function(*arguments)
    except Exception as error:
        raise Refused(f"`{name}` raised {type(error).__name__}: {error}") from error
    if value is None or value is Ellipsis:
        raise Refused(f"`{name}` returns nothing yet. Write its last line and run again.")
    return value


def article(value: object) -> str:
    """Return what kind of thing a value is, with its article: ``an int``."""
    name = type(value).__name__
    return f"an {name}" if name[:1].lower() in "aeiou" else f"a {name}"
