"""When datagrams are due: arithmetic, no clock."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zcviz.errors import SelectionError
from zcviz.send import Fixed, How, Recorded

MILLI = 1_000_000


def test_a_fixed_rate_is_even():
    assert Fixed(1000).due(np.arange(4)).tolist() == [0, MILLI, 2 * MILLI, 3 * MILLI]


def test_a_burst_goes_out_back_to_back_at_the_same_average():
    due = Fixed(1000, burst=3).due(np.arange(7))
    assert due.tolist() == [0, 0, 0, 3 * MILLI, 3 * MILLI, 3 * MILLI, 6 * MILLI]


def test_a_pace_may_begin_anywhere():
    assert Fixed(1000, 2, start=10).due(np.array([10, 11, 12])).tolist() == [0, 0, 2 * MILLI]
    assert Fixed(1000, 2, start=10).ready(0) == 12
    assert Recorded(np.array([5, 7, 100]), start=1).due(np.array([1, 2])).tolist() == [0, 93]
    assert Recorded(np.array([5, 7, 100]), start=1).ready(92) == 2


def test_what_no_word_could_hold_is_never_due():
    assert Fixed(1e308).ready(2 * 10**9) > 1 << 61
    assert Fixed(0.001, 10**6).due(np.array([10**7])).tolist() == [1 << 62]
    assert Recorded(np.array([0, 1 << 50]), 1e-6).due(np.array([1])).tolist() == [1 << 62]


def test_without_a_limit_everything_is_due():
    pace = Fixed(math.inf)
    assert not pace.paced
    assert pace.ready(0) == sys.maxsize
    assert pace.due(np.arange(3)).tolist() == [0, 0, 0]


def test_the_recorded_pace_times_a_factor():
    times = np.array([100, 100, 400, 1000]) * MILLI
    assert Recorded(times).due(np.arange(4)).tolist() == [0, 0, 300 * MILLI, 900 * MILLI]
    assert Recorded(times, 3).due(np.arange(4)).tolist() == [0, 0, 100 * MILLI, 300 * MILLI]
    # Between two rounds as much time passes as between two datagrams.
    assert Recorded(times).due(np.array([4, 6])).tolist() == [1200 * MILLI, 1500 * MILLI]


def test_rounds_of_what_has_no_length_do_not_follow_at_once():
    one = Recorded(np.array([7]))
    assert one.due(np.arange(3)).tolist() == [0, MILLI, 2 * MILLI]
    assert one.ready(MILLI - 1) == 1


gaps = st.lists(st.integers(0, 10**10), min_size=1, max_size=30)
paces = st.one_of(
    st.builds(Fixed, st.floats(0.001, 1e8), st.integers(1, 1000), st.integers(0, 10**6)),
    st.builds(
        Recorded, gaps.map(np.cumsum), st.floats(0.001, 1000), st.integers(0, 100)
    ),
)  # fmt: skip


@given(paces, st.integers(0, 10**12))
def test_what_is_ready_is_due_and_nothing_else_is(pace, elapsed):
    ready = pace.ready(elapsed)
    last, following = pace.due(np.array([ready - 1, ready])).tolist()
    slack = 2 + elapsed // 10**12  # of floating point, ns
    assert ready > pace.start
    assert last <= elapsed + slack
    assert following >= elapsed - slack


@pytest.mark.parametrize(
    "options",
    [
        {"rate": 0}, {"rate": -1}, {"rate": math.nan}, {"factor": 0}, {"factor": math.inf},
        {"burst": 0}, {"burst": 2}, {"rate": 5, "factor": 2}, {"first": -1}, {"loop": -1},
        {"skew": -1}, {"skew": math.nan}, {"buffer": 0},
    ],
    ids=str,
)  # fmt: skip
def test_nonsense_is_refused(options):
    with pytest.raises(SelectionError) as refused:
        How(**options)
    assert any(str(refused.value).startswith(f"{name}:") for name in options)
