"""Counts of clocks become points in time, held against Python's own integers and datetimes."""

from __future__ import annotations

import datetime
import zoneinfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from zcviz.dates import as_date, instants, is_time, midnight
from zcviz.errors import MissingExtraError, SelectionError, ZcvizError
from zcviz.protocols.itch50 import ITCH50
from zcviz.spec import Field, WireType

DAY = datetime.date(2020, 1, 30)
ZONE = "America/New_York"
TICKS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9}
KINDS = {"u": "uint", "i": "int"}
TYPES = ["u2", "u4", "u8", "i4", "i8"]


def clock(dtype="u8", unit="ns", clock="Unix epoch, UTC", null=None):
    return Field(
        "sent", WireType(KINDS[dtype[0]], int(dtype[1])), unit=unit, clock=clock, null=null
    )


MIDNIGHT = clock(clock="midnight, US Eastern")


def utc(times):
    return [str(time)[:23] for time in times]


@given(
    st.sampled_from(sorted(TICKS)),
    st.one_of([arrays(dtype, st.integers(0, 9)) for dtype in TYPES]),
    st.booleans(),
    st.sampled_from([None, 0, 5]),
)
def test_every_count_is_the_time_it_says_or_none(unit, counts, elapsed, null):
    field = clock(counts.dtype.str[1:], unit, "midnight" if elapsed else "Unix epoch", null)
    before = counts.copy()
    times = instants(counts, field, ZONE, DAY)
    start = midnight(DAY, ZONE) if elapsed else 0
    for count, time in zip(counts.tolist(), times.view(np.int64).tolist(), strict=True):
        exact = count * TICKS[unit] + start
        if count == null or abs(exact) >= 2**63:
            assert time == np.iinfo(np.int64).min  # NaT
        elif time != exact:  # what would need the last bit is given up beside what does not fit
            assert time == np.iinfo(np.int64).min
            assert abs(exact) > 2**63 - 2 * TICKS[unit] - start
    assert (counts == before).all()


@pytest.mark.parametrize("dtype", ["u8", "i8"])
def test_nanoseconds_since_the_epoch_are_not_copied(dtype):
    counts = np.array([0, 1_580_394_600_000_000_001], dtype)
    times = instants(counts, clock(dtype))
    assert np.shares_memory(times, counts)
    assert [str(time) for time in times] == [
        "1970-01-01T00:00:00.000000000", "2020-01-30T14:30:00.000000001",
    ]  # fmt: skip


def test_what_does_not_fit_is_no_time_and_leaves_the_counts_alone():
    counts = np.array([7, 2**63, 2**64 - 1], np.uint64)
    times = instants(counts, clock(null=2**64 - 1))
    assert np.isnat(times).tolist() == [False, True, True]
    assert counts.tolist() == [7, 2**63, 2**64 - 1]
    assert np.isnat(instants(np.array([2**62], np.uint64), clock(unit="s"))).all()
    assert np.isnat(instants(np.array([-(2**62)], np.int64), clock("i8", "s"))).all()


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2020-01-30", "2020-01-30T14:30:00.000"),  # winter, five hours behind
        ("2020-07-01", "2020-07-01T13:30:00.000"),  # summer, four
        ("2020-03-08", "2020-03-08T14:30:00.000"),  # one hour was left out: 9½ hours have elapsed
        ("2020-11-01", "2020-11-01T13:30:00.000"),  # one hour came twice
    ],
)
def test_half_past_nine_hours_after_midnight_in_new_york(day, expected):
    counts = np.array([34_200 * 10**9], np.uint64)
    assert utc(instants(counts, MIDNIGHT, ZONE, as_date(day))) == [expected]


def test_midnight_is_that_of_the_zone():
    for zone in ("UTC", ZONE, "Asia/Kolkata", "Australia/Lord_Howe"):
        local = datetime.datetime(2024, 6, 3, tzinfo=zoneinfo.ZoneInfo(zone))
        assert midnight(local.date(), zone) == int(local.timestamp()) * 10**9
    with pytest.raises(MissingExtraError, match=r"Mars/Olympus.*tzdata"):
        midnight(DAY, "Mars/Olympus")


@pytest.mark.parametrize("year", [1, 1677, 2262, 9999])
def test_days_that_nanoseconds_do_not_reach(year):
    with pytest.raises(SelectionError, match="1678 to 2261"):
        midnight(datetime.date(year, 1, 1), "UTC")
    for edge in (datetime.date(1678, 1, 1), datetime.date(2261, 12, 31)):
        assert abs(midnight(edge, ZONE)) < 2**63


def test_a_count_from_midnight_needs_the_day():
    with pytest.raises(SelectionError, match=r"sent counts from midnight.*pass the date"):
        instants(np.zeros(1, np.uint64), MIDNIGHT, ZONE)
    assert len(instants(np.zeros(0, np.uint64), MIDNIGHT, ZONE, DAY)) == 0


def test_dates_in_text():
    assert as_date("2020-01-30") == as_date(DAY) == DAY
    assert as_date(datetime.datetime(2020, 1, 30, 9)) == DAY
    for wrong in ("", "30.1.2020", "2020-02-30", "yesterday", 20200130, None):
        with pytest.raises(ZcvizError, match="is no date: expected YYYY-MM-DD"):
            as_date(wrong)


def test_which_fields_are_times():
    add = ITCH50["A"]
    assert [field.name for field in add.fields if is_time(field)] == ["timestamp"]
    assert is_time(ITCH50["K"]["ipo_quotation_release_time"])
    assert not is_time(clock(clock="the last timestamp_seconds message"))
    assert not is_time(clock(unit="fortnights"))
    assert not is_time(clock(clock=None))
