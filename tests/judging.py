"""What every lesson's exercises have to do with right and wrong answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests import helpers
from zcviz.lessons import exercise


def judges(name: str, file: str, given: Mapping[str, Iterable[Any]]) -> None:
    """The right answers pass, the others do not, and each verdict can be shown."""
    for expected, answers in given.items():
        for number, answer in enumerate(answers):
            verdict = exercise(name, file).check(answer)
            assert verdict.passed == (expected == "right"), (number, repr(verdict))
            assert verdict._repr_html_()


def wants_orders(names: Iterable[str], folder: Path) -> None:
    """In a file without an Add Order nothing can be judged, and it is said."""
    path = folder / "none.itch"
    path.write_bytes(helpers.frames(helpers.delete(1)))
    for name in names:
        verdict = exercise(name, path).check(lambda *_: 1)
        assert not verdict and "has no Add Order" in verdict.text
