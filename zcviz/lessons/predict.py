"""Predictions: say what you expect, measure, see how far off you were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from ..render import escape, printable
from .show import Kind, Shown, card, number_text, plain, prose

__all__ = ["Prediction", "Revealed", "predict"]

_CLOSE = 1.1  # prediction and measurement within ten per cent are "close"
_CLASSES = {"copying": "zcl-copying", "zero-copy": "zcl-zerocopy", "": ""}


def predict(question: str, choices: Sequence[str | float] = (), *, unit: str = "") -> Prediction:
    """Ask the learner what a measurement will give, before it is made.

    Parameters
    ----------
    question : str
    choices : sequence of str or of numbers, optional
        What to choose from. Without choices a number is asked for. Numbers as choices make a
        scale: `Prediction.reveal` then takes the measured number, which need not be one of them.
    unit : str, optional
        Of the number: ``"bytes"``, ``"×"``.

    Returns
    -------
    Prediction
        Make it the last line of a cell, so that it is shown; call its ``reveal`` in a later one.

    Examples
    --------
    >>> guess = predict("How many bytes does a slice copy?", unit="bytes")
    >>> guess.value = 40          # in a notebook, the learner types it
    >>> guess.reveal(36, "A slice of bytes copies just the bytes it holds.")
    You predicted 40 bytes, measured: 36 bytes. Your prediction is 1.11 times the measurement.
    A slice of bytes copies just the bytes it holds.
    """
    return Prediction(question, choices, unit)


class Prediction:
    """A question and what the learner expects; shown as a small form.

    Parameters are those of `predict`.

    Attributes
    ----------
    question, unit : str
    choices : tuple of str or numbers
    value : str, number or None
        What was predicted; None while nothing was. May be assigned to.
    """

    def __init__(self, question: str, choices: Sequence[str | float] = (), unit: str = "") -> None:
        self.question = question
        self.choices = tuple(choices)
        self.unit = unit
        self.value: str | float | None = None
        self._unclear = ""

    def take(self, text: str) -> None:
        """Take what the learner typed, or the number of the choice, counted from 0."""
        text = text.strip()
        self._unclear, self.value = "", None
        if not text:
            return
        try:
            self.value = self.choices[int(text)] if self.choices else _number(text)
        except (ValueError, IndexError):
            self._unclear = text

    @property
    def noted(self) -> str:
        """What to tell the learner about what was typed."""
        if self._unclear:
            return f"“{printable(self._unclear)}” is not a number."
        if self.value is None:
            return ""
        return f"Noted: {self.amount(self.value)}. Now run the next cell."

    def amount(self, value: str | float) -> str:
        """Return a value with its unit."""
        unit = "" if isinstance(value, str) else self.unit
        return f"{number_text(value)} {unit}".strip()

    def reveal(self, actual: str | float, explanation: str = "", kind: Kind = "") -> Revealed:
        """Put what was measured beside what was predicted.

        Parameters
        ----------
        actual : str or float
            What was measured; one of the choices where these are texts.
        explanation : str, optional
            Why, in a sentence.
        kind : {"copying", "zero-copy", ""}, optional
            Colour and pattern of the measurement.
        """
        return Revealed(self, self.value, actual, explanation, kind)

    def __repr__(self) -> str:
        options = [f"  {self.amount(choice)}" for choice in self.choices]
        given = self.noted or "Nothing predicted yet."
        return "\n".join([f"Predict: {self.question}", *options, given])

    def _repr_mimebundle_(self, **options: Any) -> Any:
        from .widgets import PredictionForm

        bundle = PredictionForm(self)._repr_mimebundle_(**options)
        if bundle is not None:
            bundle[0]["text/plain"] = repr(self)
        return bundle


@dataclass(frozen=True)
class Revealed:
    """A prediction beside its measurement.

    Attributes
    ----------
    prediction : Prediction
    predicted : str, number or None
        As it stood when the measurement was revealed.
    actual : str or number
    explanation : str
    kind : {"copying", "zero-copy", ""}
    """

    prediction: Prediction
    predicted: str | float | None
    actual: str | float
    explanation: str = ""
    kind: Kind = ""

    @property
    def sentence(self) -> str:
        """How far prediction and measurement are apart."""
        amount = self.prediction.amount
        measured = amount(self.actual)
        if self.predicted is None:
            return (
                f"Measured: {measured}. You made no prediction this time: "
                "make one above, then run this cell again."
            )
        if amount(self.predicted) == measured:
            return f"You predicted {measured}, and so it is."
        return f"You predicted {amount(self.predicted)}, measured: {measured}.{self._distance()}"

    def _distance(self) -> str:
        one, other = self.predicted, self.actual
        if one is None or isinstance(one, str) or isinstance(other, str):
            return ""
        if min(one, other) <= 0:
            return f" You were {self.prediction.amount(abs(one - other))} off."
        ratio = max(one, other) / min(one, other)
        if ratio < _CLOSE:
            return " Close: within ten per cent."
        times = f"{number_text(float(f'{ratio:.3g}'))} times"
        if other > one:
            return f" The measurement is {times} your prediction."
        return f" Your prediction is {times} the measurement."

    def __repr__(self) -> str:
        return "\n".join(filter(None, [self.sentence, plain(self.explanation)]))

    def _repr_html_(self) -> str:
        return self._shown().html

    def _shown(self) -> Shown:
        head = f"<p class='zcl-title'>{escape(self.prediction.question)}</p>"
        said = f"<p>{escape(self.sentence)}</p>"
        why = f"<div class='zcl-said'>{prose(self.explanation)}</div>" if self.explanation else ""
        return card(head + self._bars() + said + why, repr(self))

    def _bars(self) -> str:
        # To scale, both from zero: a length says "ten times" faster than a figure does.
        rows = [("measured", self.actual, f"zcl-measured {_CLASSES[self.kind]}")]
        if self.predicted is not None:
            rows.insert(0, ("you predicted", self.predicted, "zcl-guess"))
        longest = max((float(v) for _, v, _ in rows if not isinstance(v, str)), default=0.0)
        cells = []
        for name, value, look in rows:
            bar = ""
            if not isinstance(value, str) and longest > 0:
                bar = f"<i style='width:{max(0.0, value) / longest * 70:.1f}%'></i>"
            text = escape(self.prediction.amount(value))
            cells.append(f"<span>{name}</span><div class='zcl-bar {look}'>{bar}<b>{text}</b></div>")
        return f"<div class='zcl-bars'>{''.join(cells)}</div>"


def _number(text: str) -> float:
    # "1,000" and "1 000" are thousands, as in our own figures.
    number = float(text.replace(",", "").replace(" ", "").replace("_", ""))
    if not isfinite(number):
        raise ValueError(text)
    return int(number) if number == int(number) else number
