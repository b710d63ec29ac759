"""What the notebooks use and nothing else does: predictions, exercises, things to show.

::

    from zcviz.lessons import predict, exercise, lesson_feed, callout, figure, figures, beside

    guess = predict("How many bytes does this copy?", unit="bytes")   # shows a form
    guess.reveal(seen.net, "Each record owns its values.")            # prediction, measurement
    task = exercise("keep"); task                                     # shows task and hints
    task.check(my_function)                                           # tries it, says what it did
"""

from .exercise import Exercise, Task, Verdict
from .exercises import exercise
from .feeds import lesson_feed, lesson_file, lone_message
from .predict import Prediction, Revealed, predict
from .show import Shown, beside, callout, figure, figures

__all__ = [
    "Exercise",
    "Prediction",
    "Revealed",
    "Shown",
    "Task",
    "Verdict",
    "beside",
    "callout",
    "exercise",
    "figure",
    "figures",
    "lesson_feed",
    "lesson_file",
    "lone_message",
    "predict",
]
