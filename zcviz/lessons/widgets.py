"""The form of a prediction: a thin skin over its state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import traitlets

from ..viz import theme
from .predict import Prediction

__all__ = ["PredictionForm"]

_STATIC = Path(__file__).parent / "static"


class PredictionForm(anywidget.AnyWidget):
    """Question, choices or a number field, and what was noted.

    Parameters
    ----------
    prediction : Prediction
        Where what the learner chose goes.
    """

    _esm = _STATIC / "predict.js"
    _css = theme.CSS + (_STATIC / "lessons.css").read_text(encoding="utf-8")

    question = traitlets.Unicode().tag(sync=True)
    unit = traitlets.Unicode().tag(sync=True)
    choices = traitlets.List(traitlets.Unicode()).tag(sync=True)
    given = traitlets.Unicode().tag(sync=True)
    noted = traitlets.Unicode().tag(sync=True)

    def __init__(self, prediction: Prediction) -> None:
        value = prediction.value
        given = "" if value is None else str(value)
        if value is not None and prediction.choices:
            given = str(prediction.choices.index(value))
        super().__init__(
            question=prediction.question,
            unit=prediction.unit,
            choices=[prediction.amount(choice) for choice in prediction.choices],
            given=given,
            noted=prediction.noted,
        )
        self._prediction = prediction
        self.observe(self._take, "given")

    def _take(self, change: dict[str, Any]) -> None:
        self._prediction.take(change["new"])
        self.noted = self._prediction.noted
