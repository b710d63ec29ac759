"""Sequence accounting on the way in, against that of the file."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import zcviz
from tests.helpers import add, end_of_session, mold, numbered
from tests.receive.batches import FEEDS, arriving, captured, sample
from zcviz.pipelines import PIPELINES
from zcviz.receive import tracker
from zcviz.receive.intake import Intake
from zcviz.session import Accounting

ONE, TWO = b"SESSION  1", b"SESSION  2"


def tracked(payloads, size=1, feed="itch50", **how):
    intake = Intake(feed)
    for batch in arriving(payloads, size, **how):
        intake.index(batch)
    return intake.tracker


def of_file(payloads, feed="itch50"):
    with zcviz.open(captured(payloads), feed) as opened:
        return opened.sequences


def accounted(*payloads):
    """The accounting in batches of one and of many, which is the file's."""
    expected = of_file(payloads)
    assert tracked(payloads).accounting == expected
    assert tracked(payloads, 1000).accounting == expected
    return expected


def test_each_sentence():
    assert accounted(numbered(1, 3), numbered(4, 1), numbered(5, 9)) == Accounting()
    assert accounted(numbered(100, 2), numbered(105, 1)) == Accounting(gaps=1, missing=3)
    assert accounted(numbered(1, 4), numbered(2, 2), numbered(4, 1)) == Accounting(duplicates=2)
    assert accounted(numbered(1, 1), numbered(10, 1), numbered(5, 1)) == Accounting(2, 7)
    assert accounted(numbered(1, 4), numbered(3, 3)) == Accounting()
    assert accounted(numbered(5, 4), numbered(4, 2), numbered(1, 1)) == Accounting(1, 2)
    assert accounted(numbered(1, 1), numbered(3, 1), numbered(1, 3)) == Accounting()
    assert accounted(mold(1, b"", add(), b""), numbered(4, 1)) == Accounting()
    assert accounted(mold(1, add(), count=2), numbered(3, 1)) == Accounting(1, 1)
    assert accounted(numbered(1, 2), mold(900), end_of_session(3)) == Accounting()
    assert accounted(mold(0, add()), mold(0), numbered(7, 1)).unsequenced == 2
    assert accounted() == Accounting()


def test_sessions_are_channels_of_their_own():
    one = [mold(n, add(), session=ONE) for n in (1, 2, 5)]
    two = [mold(n, add(), session=TWO) for n in (1, 3, 3, 4)]
    both = [each for pair in zip(one, two, strict=False) for each in pair] + two[3:]
    assert accounted(*both) == Accounting(gaps=2, missing=3, duplicates=1)


def test_numbers_up_to_the_last_there_can_be():
    top = 2**64 - 1
    ends = [mold(top - 1, add(), add()), mold(top, add())]
    assert accounted(*ends, *ends) == Accounting(duplicates=3)
    assert accounted(mold(top, add(), add()), mold(top, add())) == Accounting(duplicates=1)
    assert accounted(mold(1, add()), *ends) == Accounting(1, top - 3, 1)


def test_late_datagrams_are_counted():
    found = tracked([numbered(1, 1), numbered(3, 1), numbered(2, 1), numbered(2, 1)])
    assert (found.late, found.accounting) == (1, Accounting(duplicates=1))
    assert tracked([numbered(5, 1), numbered(1, 1)]).late == 1
    assert tracked([numbered(1, 1), numbered(2, 1)]).late == 0


def test_heartbeats_tell_what_is_behind():
    found = tracked([mold(1), numbered(1, 3), mold(4)])
    assert found.behind == 0
    assert tracked([numbered(1, 3), mold(9)]).behind == 5
    found = tracked([numbered(1, 3), mold(9), numbered(9, 1)])
    assert (found.behind, found.accounting) == (0, Accounting(gaps=1, missing=5))
    assert tracked([mold(77)]).behind == 0  # where it began is not known
    assert tracked([numbered(1, 3), mold(2)]).behind == 0  # a late one


def test_other_content_under_the_same_numbers_is_a_restart():
    again = [numbered(1, 5), numbered(1, 5, salt=1), numbered(6, 1, salt=1), numbered(8, 1)]
    assert accounted(*again) == Accounting(restarts=1, gaps=1, missing=1)
    # Content that is gone cannot be compared: other numbers that were there before are duplicates.
    far = [numbered(1, 5), numbered(2, 1, salt=1)]
    assert of_file(far) == Accounting(restarts=1)
    assert tracked(far).accounting == Accounting(duplicates=1)


def test_what_is_remembered_does_not_grow():
    count = tracker.REMEMBERED
    payloads = [numbered(n, 1) for n in range(1, count + 10)]
    found = tracked([*payloads, numbered(1, 1, salt=1)], 64)
    assert found.accounting == Accounting(duplicates=1)
    found = tracked([*payloads, numbered(20, 1, salt=1)], 64)
    assert found.accounting == Accounting(restarts=1)


def test_more_holes_than_are_kept(monkeypatch):
    monkeypatch.setattr(tracker, "HOLES", 3)
    payloads = [numbered(n, 1) for n in range(1, 20, 2)]
    assert tracked(payloads).accounting == Accounting(gaps=9, missing=9)
    filled = tracked([*payloads, numbered(18, 1), numbered(2, 1)])
    assert filled.accounting == Accounting(gaps=8, missing=8, duplicates=1)
    assert filled.late == 1


def test_more_channels_than_are_followed(monkeypatch):
    monkeypatch.setattr(tracker, "CHANNELS", 3)
    names = [b"SESSION%3d" % n for n in range(10)]
    payloads = [mold(n, add(), session=name) for name in names for n in (1, 3, 3, 2, 6)]
    found = tracked(payloads, 7)
    assert len(found._channels) == 3
    assert found.accounting == Accounting(gaps=10, missing=20, duplicates=10)
    assert found.late == 10


@pytest.mark.parametrize("feed", FEEDS)
def test_feeds(feed):
    accidents = {"gaps": 3, "duplicates": 3, "swaps": 3}
    if feed == "tops16":
        accidents |= {"channels": 3, "heartbeats": 2}
    payloads = sample(feed, 200, 5, **accidents)
    expected = of_file(payloads, feed)
    assert expected.gaps
    assert expected.duplicates
    for size in (1, 13, 500):
        for headers in (False, True):
            assert tracked(payloads, size, feed, headers=headers).accounting == expected


def test_destinations_are_channels_where_headers_name_none():
    payloads = sample("mdp3", 60)
    intake = Intake("mdp3")
    for batch in arriving([each for one in payloads for each in (one, one)], 8, headers=True):
        memory = batch.memory
        memory.flags.writeable = True
        for row in batch.table[1::2]:
            memory[row[2] - 6] ^= 1  # another port for every second one
        memory.flags.writeable = False
        intake.index(batch)
    assert intake.accounting == Accounting()
    assert len(intake.tracker._channels) == 2


def test_numbers_with_a_sign():
    payloads = [bytearray(each) for each in sample("tops16", 60)]
    for n, each in enumerate(payloads):
        at = 24  # first_message_sequence_number of IEX-TP
        number = int.from_bytes(each[at : at + 8], "little", signed=True) - 2**63 + n
        each[at : at + 8] = number.to_bytes(8, "little", signed=True)
    expected = of_file(payloads, "tops16")
    assert expected.missing > 0
    assert tracked(payloads, 5, "tops16").accounting == expected
    intake = Intake("tops16")
    run = PIPELINES["copying"].live(intake)
    for batch in arriving(payloads, 5):
        run.take(batch)
    assert intake.accounting == expected


# --- what networks do ----------------------------------------------------------------------------

FAULTS = st.lists(st.sampled_from(["keep"] * 6 + ["drop", "double", "again"]), max_size=60)


@settings(max_examples=150)
@given(FAULTS, st.integers(0, 2**32), st.integers(0, 9), st.integers(1, 70), st.booleans())
def test_faults_come_to_the_accounting_of_the_file(faults, seed, reach, size, headers):
    chance = random.Random(seed)
    arrivals, number, sent = [], 1, []
    for fault in faults:
        count, name = chance.choice((0, 1, 1, 2, 5)), chance.choice((ONE, ONE, ONE, TWO))
        sent.append(mold(number, *[add(ref=number + n) for n in range(count)], session=name))
        number += count
        copies = {"drop": [], "double": sent[-1:] * 2, "again": [sent[-1], chance.choice(sent)]}
        arrivals += copies.get(fault, sent[-1:])
    order = sorted(range(len(arrivals)), key=lambda n: n + chance.uniform(0, reach))
    arrivals = [arrivals[n] for n in order]
    assert tracked(arrivals, size, headers=headers).accounting == of_file(arrivals)


def test_memory_does_not_grow_with_what_arrives():
    found = tracked([numbered(n, 1) for n in range(1, 3000)], 100)
    channel = found._channel
    assert channel.recent.nbytes == tracker.REMEMBERED * 32
    assert channel._holes == []
    assert np.count_nonzero(channel.state) > 0
