"""The form of a score card: a thin skin over `ScoreCard`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import traitlets

from ..viz import theme
from .score_card import ScoreCard

__all__ = ["ScoreForm"]

_STATIC = Path(__file__).parent / "static"


class ScoreForm(anywidget.AnyWidget):
    """One case at a time, two buttons, what came of it, and the score.

    Parameters
    ----------
    card : ScoreCard
        What it shows, and where answers go.
    """

    _esm = _STATIC / "score.js"
    _css = "".join(
        [theme.CSS, *((_STATIC / name).read_text("utf-8") for name in ("lessons.css", "score.css"))]
    )

    state = traitlets.Dict().tag(sync=True)

    def __init__(self, card: ScoreCard) -> None:
        super().__init__(state=_state(card))
        self.card = card
        self.on_msg(self._hear)

    def _hear(self, _: object, message: dict[str, Any], __: object) -> None:
        card, given = self.card, message.get("with")
        match message.get("do"):
            case "say" if given in ("view", "copy") and card.at not in card.answers:
                card.say(given)
            case "go" if given in (-1, 1):
                card.go(given)
            case "again":
                card.again()
        # Counted, so that the page hears of an answer that changes nothing.
        self.state = _state(card) | {"heard": self.state.get("heard", 0) + 1}


def _state(card: ScoreCard) -> dict[str, Any]:
    told: dict[str, Any] = {
        "cases": len(card.cases), "sentence": card.sentence, "heard": 0,
        "score": [[topic, *counts] for topic, counts in card.score.items()],
    }  # fmt: skip
    if card.cases:
        told |= {
            "at": card.at, "topic": card.case.topic, "expression": card.case.expression,
            "about": list(card.about.items()), "answer": _answer(card),
        }  # fmt: skip
    return told


def _answer(card: ScoreCard) -> dict[str, Any] | None:
    answer = card.answers.get(card.at)
    if answer is None:
        return None
    revealed = answer.revealed
    return {
        "guess": revealed.predicted, "actual": revealed.actual, "right": answer.right,
        "verdict": answer.verdict, "why": revealed.explanation,
    }  # fmt: skip
