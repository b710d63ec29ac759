"""The exercises of ``04_measuring_honestly``: five broken benchmarks, each to be mended."""

from __future__ import annotations

from .benchmark_checks import (
    check_apart,
    check_equals,
    check_nothing_but,
    check_turns,
    check_warm,
)
from .exercise import Task

__all__ = ["TASKS"]

TASKS: tuple[Task, ...] = (
    Task(
        name="apart",
        title="Time and memory, apart",
        text="""Mend `time_and_memory`: write `apart(work, clock)`. Return two numbers, the seconds
that a call of `work` takes while nobody traces, and the most bytes that it held at once.
""",
        hints=(
            "Nothing says that both figures have to come from the same call.",
            "Call `work` with a look at `clock` before and after it. Then call it once more inside "
            "`with zcviz.allocations() as seen:`, and take `seen.peak`.",
            """    start = clock()
    work()
    seconds = clock() - start
    with zcviz.allocations() as seen:
        work()
    return seconds, seen.peak""",
        ),
        check=check_apart,
    ),
    Task(
        name="warm",
        title="Not the first call",
        text="""Mend `time_once`: write `warm(work, clock)`. Return the seconds that a call of
`work` takes when all is loaded and in place. One call that was disturbed must not show in the
figure.
""",
        hints=(
            "The first call may do what later ones need not. So make one that is not timed.",
            "Time several calls after it. Of these take the least, or the median; a mean has the "
            "disturbed one in it.",
            """    work()
    taken = []
    for turn in range(9):
        start = clock()
        work()
        taken.append(clock() - start)
    return median(taken)""",
        ),
        check=check_warm,
    ),
    Task(
        name="equals",
        title="The same answer first",
        text="""Mend `time_blindly`: write `equals(ways, clock)`. `ways` has two functions by name.
Return a dictionary, seconds by name. Where the functions do not give the same, raise a
`ValueError` instead.
""",
        hints=(
            "Call each of them once and keep what it returns. That is a warm-up as well.",
            "`first, *others = [way() for way in ways.values()]`, then compare each with `first`.",
            """    first, *others = [way() for way in ways.values()]
    if any(other != first for other in others):
        raise ValueError("they do not give the same")
    return time_blindly(ways, clock)""",
        ),
        check=check_equals,
    ),
    Task(
        name="in_turns",
        title="In turns",
        text="""Mend `one_by_one`: write `in_turns(ways, clock)`. Return a dictionary, seconds by
name. If the machine gets slower from run to run, that must not change which way is faster.
""",
        hints=(
            "If one way has the first half of the time and the other the second half, it matters "
            "what happens in these halves.",
            "Swap the two loops: for each round, for each way. Collect times by name and take "
            "medians at the end.",
            """    taken = {name: [] for name in ways}
    for turn in range(15):
        for name, way in ways.items():
            start = clock()
            way()
            taken[name].append(clock() - start)
    return {name: median(times) for name, times in taken.items()}""",
        ),
        check=check_turns,
    ),
    Task(
        name="nothing_but",
        title="Nothing but the work",
        text="""Mend `time_everything`: write `nothing_but(prepare, work, clock)`. Return the
seconds that `work(prepare())` takes without what is not the work: preparing, printing, letting go
of the result, and garbage collection.
""",
        hints=(
            "Each line between the two looks at the clock is on the clock. Which of them is work?",
            "Keep the result under a name until the clock was read, then `del` it. `gc.disable()` "
            "before, `gc.enable()` after.",
            """    given = prepare()
    gc.disable()
    start = clock()
    result = work(given)
    seconds = clock() - start
    gc.enable()
    return seconds""",
        ),
        check=check_nothing_but,
    ),
)
