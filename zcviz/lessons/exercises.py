"""The exercises of all lessons, by name.

Each lesson's tasks are in a module of their own: `start_here` (00), `two_pipelines` (01),
`columns_and_indexes` (02), `where_copies_hide` (03), `measuring_honestly` (04),
`from_nic_to_memory` (05), `when_the_buffer_overflows` (06), `latency_is_not_throughput` (07).

To add one, write a check, ``(answer, file) -> Verdict``, and a `Task` in that module's ``TASKS``. A
check tries the answer on data and reports what it *did*; it never compares an answer with a text.
It has what it needs in `exercise`: `borrowed` opens the file, `call` runs the learner's function
and turns what goes wrong into a sentence, `right` and `wrong` make the verdict. Addresses come from
``zcviz.provenance`` and ``zcviz.shares_memory``, amounts from ``zcviz.overlap`` and
``zcviz.allocations``.
"""

from __future__ import annotations

import os

from ..errors import SelectionError
from . import (
    columns_and_indexes,
    from_nic_to_memory,
    latency_is_not_throughput,
    measuring_honestly,
    start_here,
    two_pipelines,
    when_the_buffer_overflows,
    where_copies_hide,
)
from .exercise import Exercise

__all__ = ["TASKS", "exercise"]

LESSONS = (
    start_here,
    two_pipelines,
    columns_and_indexes,
    where_copies_hide,
    measuring_honestly,
    from_nic_to_memory,
    when_the_buffer_overflows,
    latency_is_not_throughput,
)
TASKS = {task.name: task for lesson in LESSONS for task in lesson.TASKS}


def exercise(name: str, file: str | os.PathLike[str] = "feed.pcap") -> Exercise:
    """Return an exercise.

    Parameters
    ----------
    name : str
        One of `TASKS`.
    file : path, optional
        What answers are tried on.

    Returns
    -------
    Exercise
        Shows its task with three hints folded away; ``hint()`` gives them one after another,
        ``check(answer)`` tries an answer.

    Raises
    ------
    SelectionError
        There is no exercise of that name.
    """
    if name not in TASKS:
        raise SelectionError(f"no exercise {name!r}; there are {', '.join(TASKS)}")
    return Exercise(TASKS[name], file)
