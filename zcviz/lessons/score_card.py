"""View or copy? What a learner says of expressions, against what happens when they are run."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import SelectionError
from ..render import printable
from ..trace.copies import Copies, copies_of
from .copy_cases import CASES, described, names_in
from .listing import listing
from .predict import Prediction, Revealed
from .show import Kind, Shown, callout, plain

__all__ = ["COPY", "VIEW", "Answered", "Case", "ScoreCard", "score_card", "view_or_copy"]

VIEW, COPY, PARTLY, EMPTY, FAILED = "view", "copy", "in part a copy", "no bytes at all", "an error"
_KINDS: dict[str, Kind] = {VIEW: "zero-copy", COPY: "copying"}


def view_or_copy(found: Copies) -> str:
    """Return what addresses told: "view", "copy", "in part a copy", "no bytes at all"."""
    if found.fresh:
        return PARTLY if found.viewed else COPY
    return VIEW if found.viewed else EMPTY


@dataclass(frozen=True, slots=True)
class Case:
    """An expression to be judged.

    Attributes
    ----------
    topic, expression : str
    """

    topic: str
    expression: str


@dataclass(frozen=True, repr=False)
class Answered:
    """What was said of a case, and what came of it.

    Attributes
    ----------
    case : Case
    revealed : Revealed
        Prediction and truth.
    after : str
        What comes next.
    """

    case: Case
    revealed: Revealed
    after: str

    @property
    def counts(self) -> bool:
        """Whether the expression could be run, and gave anything to judge."""
        return self.revealed.actual not in (EMPTY, FAILED)

    @property
    def right(self) -> bool:
        """Whether the prediction came true."""
        return self.revealed.predicted == self.revealed.actual

    @property
    def verdict(self) -> str:
        """Prediction and truth in a sentence, the mark first."""
        return f"{'✓' if self.right else '✗'} {self.revealed.sentence}"

    def __repr__(self) -> str:
        return "\n".join([self.verdict, self.revealed.explanation, plain(self.after)])

    def _repr_html_(self) -> str:
        return self.revealed._repr_html_() + callout(self.after).html


class ScoreCard:
    """Cases, one after another, and the score.

    Parameters
    ----------
    names : mapping of str to object
        What the names in the expressions mean. It is looked at when an answer is given.
    cases : mapping of str to sequence of str
        Expressions by topic. Those with a name that is missing, or None, are left out.

    Raises
    ------
    SelectionError
        One of them is no expression.

    Attributes
    ----------
    cases : tuple of Case
    at : int
        Which case is asked now.
    answers : dict of int to Answered
        By position in `cases`.
    left_out : tuple of str
        Names that are missing.

    Notes
    -----
    Memory: keeps texts, and no result of any expression.
    """

    def __init__(self, names: Mapping[str, Any], cases: Mapping[str, Sequence[str]]) -> None:
        given = [Case(topic, text) for topic, texts in cases.items() for text in texts]
        missing = {case: self._missing(names, case.expression) for case in given}
        self._names = names
        self.cases = tuple(case for case in given if not missing[case])
        self.left_out = tuple(dict.fromkeys(name for each in missing.values() for name in each))
        self.at = 0
        self.answers: dict[int, Answered] = {}

    @staticmethod
    def _missing(names: Mapping[str, Any], expression: str) -> list[str]:
        used = names_in(expression)
        return [n for n in used if names.get(n) is None and not hasattr(builtins, n)]

    @property
    def case(self) -> Case:
        """The case that is asked now.

        Raises
        ------
        SelectionError
            There is none at all.
        """
        if not self.cases:
            raise SelectionError("the score card has no case whose names are all there")
        return self.cases[self.at]

    @property
    def about(self) -> dict[str, str]:
        """What one has to know of the names in the case, by name."""
        told = {name: described(self._names.get(name)) for name in names_in(self.case.expression)}
        return {name: text for name, text in told.items() if text and name in self._names}

    def say(self, guess: str) -> Answered:
        """Judge the case that is asked now, or the next one if that is answered: run it.

        Parameters
        ----------
        guess : {"view", "copy"}

        Raises
        ------
        SelectionError
            It is neither.
        """
        if guess not in (VIEW, COPY):
            raise SelectionError(f"say “{VIEW}” or “{COPY}”, not {guess!r}")
        if self.at in self.answers:
            self.go_on()
        if self.at in self.answers:
            return self.answers[self.at]
        asked = Prediction(f"{self.case.expression}: a view or a copy?", (VIEW, COPY))
        asked.value = guess
        revealed = asked.reveal(*self._truth())
        self.answers[self.at] = Answered(self.case, revealed, self._after())
        return self.answers[self.at]

    def _truth(self) -> tuple[str, str, Kind]:
        try:
            found = copies_of(self.case.expression, self._names)
        except Exception as error:  # names are the learner's: they may mean anything by now
            return FAILED, f"{type(error).__name__}: {printable(str(error))}", ""
        truth = view_or_copy(found)
        why = found.sentence if truth != EMPTY else "There is nothing in the result to be judged."
        return truth, printable(why), _KINDS.get(truth, "")

    def _after(self) -> str:
        following = self._following
        if following is None:
            return "That was the last one: `card.result()` has the score."
        return f"Next: `{self.cases[following].expression}`"

    @property
    def _following(self) -> int | None:
        others = [*range(self.at + 1, len(self.cases)), *range(self.at)]
        return next((at for at in others if at not in self.answers), None)

    def go_on(self) -> None:
        """Ask the next case that is not answered, if there is one."""
        following = self._following
        self.at = self.at if following is None else following

    def go(self, steps: int) -> None:
        """Go forward, or back, by so many cases, answered or not; not beyond the ends."""
        self.at = min(max(self.at + steps, 0), max(len(self.cases) - 1, 0))

    def again(self) -> None:
        """Forget wrong answers, so that their cases are asked once more."""
        wrong = [at for at, answer in self.answers.items() if not answer.right]
        for at in wrong:
            del self.answers[at]
        self.at = min(wrong, default=self.at)

    @property
    def score(self) -> dict[str, tuple[int, int, int]]:
        """By topic: how many were right, how many were answered, how many there are."""
        found: dict[str, tuple[int, int, int]] = {}
        for at, case in enumerate(self.cases):
            right, answered, total = found.get(case.topic, (0, 0, 0))
            answer = self.answers.get(at)
            counts = answer is not None and answer.counts
            good = answer is not None and answer.right
            found[case.topic] = right + good, answered + counts, total + 1
        return found

    @property
    def sentence(self) -> str:
        """The score in words."""
        right, answered, total = map(sum, zip((0, 0, 0), *self.score.values(), strict=True))
        said = f"{right} right of {answered} answered" if answered else "Nothing answered yet"
        text = f"{said}; there are {total} cases."
        if self.left_out:
            text += f" Cases with {', '.join(self.left_out)} are left out: missing here."
        return text

    def result(self) -> Shown:
        """Return the score by topic, and the expressions that were judged wrongly."""
        rows = [(topic, *counts) for topic, counts in self.score.items()]
        missed = [f"    {a.case.expression}" for a in self.answers.values() if not a.right]
        look = ["Look again at:", "\n".join(missed)] if missed else []
        head = ("topic", "right", "answered", "cases")
        said = "\n\n".join([self.sentence, *look])
        return listing(head, rows, title="View or copy", sentence=said)

    def __repr__(self) -> str:
        if not self.cases:
            return self.sentence
        head = f"Case {self.at + 1} of {len(self.cases)}, {self.case.topic}: a view or a copy?"
        about = [f"  {name}: {text}" for name, text in self.about.items()]
        answer = self.answers.get(self.at)
        told = repr(answer) if answer else 'card.say("view") or card.say("copy") answers it.'
        return "\n".join([head, f"    {self.case.expression}", *about, told, self.sentence])

    def _repr_mimebundle_(self, **options: Any) -> Any:
        from .score_form import ScoreForm

        bundle = ScoreForm(self)._repr_mimebundle_(**options)
        if bundle is not None:
            bundle[0]["text/plain"] = repr(self)
        return bundle


def score_card(
    names: Mapping[str, Any], cases: Mapping[str, Sequence[str]] | None = None
) -> ScoreCard:
    """Return a card that asks of expressions whether they give a view or a copy.

    Parameters
    ----------
    names : mapping of str to object
        What their names mean: ``globals()``.
    cases : mapping of str to sequence of str, optional
        Expressions by topic; by default those of the lesson.

    Examples
    --------
    >>> card = score_card({"data": bytes(100)}, {"mine": ["data[10:]"]})
    >>> card.say("view").right
    False
    """
    return ScoreCard(names, CASES if cases is None else cases)
