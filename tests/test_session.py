"""Sequence accounting: each sentence of the contract by hand, a set-based oracle for the rest."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import zcviz
from tests.helpers import (
    SESSION,
    add,
    delete,
    end_of_session,
    feed_pcap,
    frames,
    mold,
    numbered,
    packet,
    pcap,
)  # fmt: skip
from zcviz.session import Accounting, Sequencer

ONE, TWO = b"SESSION  1", b"SESSION  2"


def accounted(*datagrams):
    with zcviz.open(feed_pcap(*datagrams)) as feed:
        info = feed.info()
        found = feed.sequences
        assert {name: info[name] for name in Accounting.__slots__} == {
            name: getattr(found, name) for name in Accounting.__slots__
        }
        return found


def test_numbers_that_follow_each_other_leave_nothing_to_tell():
    assert accounted(numbered(1, 3), numbered(4, 1), numbered(5, 9)) == Accounting()


def test_missing_are_the_numbers_between_first_and_last_that_never_came():
    # The first number need not be 1, and what would come after the last is not known.
    assert accounted(numbered(100, 2), numbered(105, 1)) == Accounting(gaps=1, missing=3)
    assert accounted(numbered(100, 2)) == Accounting()


def test_gaps_are_maximal_runs():
    found = accounted(numbered(1, 1), numbered(3, 1), numbered(10, 1), numbered(11, 1))
    assert found == Accounting(gaps=2, missing=1 + 6)


def test_late_arrivals_fill_gaps_whatever_the_order():
    datagrams = [numbered(1, 2), numbered(6, 2), numbered(5, 1), numbered(3, 2)]
    assert accounted(*datagrams) == Accounting()
    assert accounted(*reversed(datagrams)) == Accounting()
    assert accounted(datagrams[1], datagrams[0], datagrams[2]) == Accounting(gaps=1, missing=2)


def test_a_late_arrival_can_cut_a_gap_in_two():
    found = accounted(numbered(1, 1), numbered(10, 1), numbered(5, 1))
    assert found == Accounting(gaps=2, missing=3 + 4)


def test_duplicates_are_datagrams_that_brought_no_new_number():
    assert accounted(numbered(1, 4), numbered(1, 4)) == Accounting(duplicates=1)
    assert accounted(numbered(1, 4), numbered(2, 2), numbered(4, 1)) == Accounting(duplicates=2)
    assert accounted(*[numbered(1, 1)] * 10) == Accounting(duplicates=9)
    # Two datagrams together had brought all of it.
    assert accounted(numbered(1, 2), numbered(3, 2), numbered(2, 2)) == Accounting(duplicates=1)


def test_an_overlap_that_brings_one_new_number_is_no_duplicate():
    assert accounted(numbered(1, 4), numbered(3, 3)) == Accounting()
    assert accounted(numbered(5, 4), numbered(4, 2)) == Accounting()
    assert accounted(numbered(1, 1), numbered(3, 1), numbered(1, 3)) == Accounting()


def test_heartbeats_are_never_duplicates_and_bring_no_number():
    beat = mold(1)
    assert accounted(beat, numbered(1, 2), mold(3), mold(3), beat) == Accounting()
    # A heartbeat that tells of a number to come is no number that came.
    assert accounted(numbered(1, 2), mold(900)) == Accounting()


def test_the_end_of_a_session_is_neither():
    assert accounted(numbered(1, 2), end_of_session(3), end_of_session(3)) == Accounting()


def test_empty_blocks_use_up_a_number():
    assert accounted(mold(1, b"", add(), b""), numbered(4, 1)) == Accounting()
    assert accounted(mold(1, b""), numbered(4, 1)) == Accounting(gaps=1, missing=2)
    assert accounted(mold(1, b""), mold(1, b"")) == Accounting(duplicates=1)


def test_messages_in_error_use_up_a_number_too():
    assert accounted(mold(1, b"A wrong length", add()), numbered(3, 1)) == Accounting()


def test_blocks_that_are_not_there_use_up_none():
    # Two blocks announced, one held: number 2 never came.
    found = accounted(mold(1, delete(), count=2), numbered(3, 1))
    assert found == Accounting(gaps=1, missing=1)


def test_a_step_back_with_other_content_is_a_restart():
    found = accounted(numbered(1, 5), numbered(1, 5, salt=1), numbered(6, 1, salt=1))
    assert found == Accounting(restarts=1)


def test_a_step_back_with_the_same_content_is_a_duplicate():
    assert accounted(numbered(1, 5), numbered(1, 5)) == Accounting(duplicates=1)


def test_a_restart_in_the_middle_of_what_was_seen():
    found = accounted(numbered(1, 9), numbered(5, 1, salt=1), numbered(7, 1, salt=1))
    assert found == Accounting(restarts=1, gaps=1, missing=1)


def test_each_epoch_is_accounted_on_its_own():
    found = accounted(
        numbered(1, 1), numbered(3, 1),  # one gap
        numbered(1, 1, salt=1), numbered(2, 1, salt=1), numbered(5, 1, salt=1),  # another
        numbered(5, 1, salt=1),  # and a duplicate
        numbered(4, 2, salt=2),  # a third epoch
    )  # fmt: skip
    assert found == Accounting(gaps=2, missing=1 + 2, duplicates=1, restarts=2)


def test_the_length_of_a_block_is_content_too():
    found = accounted(mold(1, b"z12", b"z3"), mold(1, b"z1", b"z23"))
    assert found == Accounting(restarts=1)


def test_a_step_back_to_numbers_not_seen_is_no_restart():
    assert accounted(numbered(10, 2), numbered(1, 2, salt=1)) == Accounting(gaps=1, missing=7)


def test_sessions_are_channels_of_their_own():
    found = accounted(
        numbered(1, 2, ONE), numbered(1, 2, TWO, salt=1), numbered(3, 1, ONE),
        numbered(9, 1, TWO), numbered(3, 1, ONE),
    )  # fmt: skip
    assert found == Accounting(gaps=1, missing=6, duplicates=1)
    # Interleaved, neither has a gap.
    pairs = [numbered(n, 1, name) for n in range(1, 9) for name in (ONE, TWO)]
    assert accounted(*pairs) == Accounting()


def test_sessions_are_told_apart_by_all_their_bytes():
    names = [b"SESSION  1", b"SESSION  2", b"1ESSION  1", b"SESSION   ", bytes(10)]
    assert accounted(*[numbered(1, 1, name) for name in names * 2]) == Accounting(duplicates=5)


def test_both_sides_of_a_channel_are_one_channel():
    # The same session, seen on two networks: the second copy of each is a duplicate.
    sides = [numbered(n, 2) for n in (1, 3, 5) for _ in "AB"]
    assert accounted(*sides) == Accounting(duplicates=3)
    # What one side lost, the other fills.
    assert accounted(numbered(1, 2), numbered(3, 2), numbered(1, 2), numbered(5, 2)) == (
        Accounting(duplicates=1)
    )


def test_sequence_zero_is_passed_over_and_its_messages_count():
    with zcviz.open(feed_pcap(mold(0, add(), add()), mold(0, add()), numbered(5, 1))) as feed:
        assert feed.sequences == Accounting(unsequenced=2)
        assert feed.counts() == {"A": 3, "D": 1}
    assert accounted(mold(0), mold(0)) == Accounting(unsequenced=2)
    assert accounted(mold(0, add()), numbered(7, 1)) == Accounting(unsequenced=1)


def test_numbers_close_to_the_largest():
    top = 2**64 - 1
    assert accounted(numbered(top - 1, 1), numbered(top, 1)) == Accounting()
    assert accounted(numbered(top - 3, 1), numbered(top, 1)) == Accounting(gaps=1, missing=2)
    assert accounted(numbered(top, 1), numbered(top, 1)) == Accounting(duplicates=1)
    # A datagram may claim numbers beyond: nothing wraps round to the small ones.
    assert accounted(numbered(top, 5), numbered(top, 5)) == Accounting(duplicates=1)
    assert accounted(numbered(top, 5), numbered(1, 1)) == Accounting(gaps=1, missing=top - 2)
    assert accounted(numbered(1, 1), numbered(top, 1)) == Accounting(gaps=1, missing=top - 2)
    assert accounted(numbered(2**63 - 1, 3), numbered(2**63 + 2, 1)) == Accounting()


def test_a_binaryfile_has_no_numbers():
    with zcviz.open(frames(add(), add())) as feed:
        assert feed.sequences == Accounting()


def test_other_traffic_has_no_numbers():
    junk = packet(bytes([1]) * 40)
    with zcviz.open(pcap(packet(numbered(1, 1)), junk, packet(numbered(2, 1)))) as feed:
        assert feed.sequences == Accounting()


def test_accountings_add_up():
    one, two = Accounting(1, 2, 3, 4, 5), Accounting(10, 20, 30, 40, 50)
    assert one + two == Accounting(11, 22, 33, 44, 55)


# --- against an oracle that keeps every number and what it carried -------------------------------


def oracle(datagrams):
    """`datagrams`: (session, sequence, contents of the blocks). Sets and nothing clever."""
    gaps = missing = duplicates = restarts = unsequenced = 0
    epochs, open_epochs = [], {}
    for session, sequence, blocks in datagrams:
        if sequence == 0:
            unsequenced += 1
            continue
        if not blocks:
            continue
        seen = open_epochs.get(session)
        if seen is None:
            seen = open_epochs[session] = {}
            epochs.append(seen)
        new = {sequence + n: content for n, content in enumerate(blocks)}
        if any(number in seen and seen[number] != content for number, content in new.items()):
            restarts += 1
            seen = open_epochs[session] = {}
            epochs.append(seen)
        duplicates += set(new) <= set(seen)
        seen.update(new)
    for seen in epochs:
        previous = None
        for number in sorted(seen):
            if previous is not None and number > previous + 1:
                gaps += 1
                missing += number - previous - 1
            previous = number
    return Accounting(gaps, missing, duplicates, restarts, unsequenced)


def as_datagram(session, sequence, blocks):
    return mold(sequence, *blocks, session=session)


# About the smallest, the largest, and where a Sequencer turns its page.
numbers = st.one_of(st.integers(0, 14), st.integers(1018, 1030), st.integers(2**64 - 6, 2**64 - 1))


@st.composite
def traffic(draw):
    """Datagrams of two sessions; what a number carries is mostly, not always, the same."""
    rows = []
    for _ in range(draw(st.integers(0, 14))):
        sequence, count = draw(numbers), draw(st.integers(0, 4))
        salt = draw(st.sampled_from([0, 0, 0, 0, 1, 2]))
        blocks = [b"z%d:%d" % (salt if draw(st.booleans()) else 0, sequence + n)
                  for n in range(count)]  # fmt: skip
        rows.append((draw(st.sampled_from([ONE, TWO])), sequence, blocks))
    return rows


@settings(max_examples=400)
@given(traffic())
def test_any_traffic_is_accounted_as_by_the_oracle(rows):
    assert accounted(*[as_datagram(*row) for row in rows]) == oracle(rows)


@settings(max_examples=200)
@given(traffic())
def test_the_short_way_and_the_long_way_agree(rows):
    # `account` takes a short way where no number came twice; a Sequencer never does.
    total = Accounting(unsequenced=sum(sequence == 0 for _, sequence, _ in rows))
    for name in (ONE, TWO):
        of = [(sequence, blocks) for session, sequence, blocks in rows if session == name]
        sequencer = Sequencer(lambda datagram, a, b, of=of: frames(*of[datagram][1][a:b]))
        for datagram, (sequence, blocks) in enumerate(of):
            if sequence:
                sequencer.feed(datagram, sequence, len(blocks))
        total += sequencer.result()
    assert total == accounted(*[as_datagram(*row) for row in rows]) == oracle(rows)


@settings(max_examples=60)
@given(st.permutations(range(1, 13)), st.sets(st.integers(1, 12)))
def test_any_order_of_arrival_gives_the_same(order, lost):
    rows = [(SESSION, number, [b"z%d" % number]) for number in order if number not in lost]
    found = accounted(*[as_datagram(*row) for row in rows])
    assert found == accounted(*[as_datagram(*row) for row in sorted(rows)]) == oracle(rows)
    assert (found.duplicates, found.restarts) == (0, 0)


@pytest.mark.parametrize("repeated", [False, True], ids=["each once", "each twice"])
def test_long_captures_do_not_take_long(repeated):
    # 60,000 sessions or numbers, in the worst order: sorting, not comparing each with each.
    copies = 2 if repeated else 1
    many = [numbered(1, 1, b"S%09d" % n) for n in range(5_000)] * copies
    assert accounted(*many) == Accounting(duplicates=5_000 * (copies - 1))
    falling = [numbered(n, 1) for n in range(20_000, 0, -1)]
    assert accounted(*falling) == Accounting()
    rising = [numbered(n, 1) for n in range(1, 20_001) for _ in range(copies)]
    assert accounted(*rising) == Accounting(duplicates=20_000 * (copies - 1))


def test_numbers_in_any_order_stand_in_short_lists():
    # What one insertion may move aside is bounded by the page, not by all that came before.
    for order in (range(50_000, 0, -1), range(1, 50_001)):
        sequencer = Sequencer(lambda datagram, first, after: b"")
        for datagram, number in enumerate([*order, 1]):
            sequencer.feed(datagram, number, 1)
        assert sequencer.result() == Accounting(duplicates=1)
        assert max(map(len, sequencer._pages.values())) <= 1024


def test_one_datagram_over_thousands_takes_no_square_of_their_number():
    # Empty blocks: sixteen thousand numbers one by one, then all of them once more in one datagram.
    many = 16_000
    single = [mold(at + 1, b"") for at in range(many)]
    again = mold(1, *[b""] * many)
    found = accounted(*single, again)
    assert found == Accounting(duplicates=1)
