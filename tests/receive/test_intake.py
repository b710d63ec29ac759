"""What arrives in batches, against the same datagrams in a file."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import zcviz
from tests import helpers
from tests.agreement import EVERY_PIPELINE
from tests.helpers import add, cross, mold, trade
from tests.packets import mutated
from tests.receive.batches import FEEDS, arriving, captured, payloads_of, sample
from zcviz import samples
from zcviz.codec import gather
from zcviz.errors import BufferLifetimeError, DecodeError, SelectionError
from zcviz.holders import holders
from zcviz.pipelines import PIPELINES
from zcviz.receive.batch import Batch, room_for
from zcviz.receive.intake import Intake
from zcviz.summary import Summary

every_feed = pytest.mark.parametrize("feed", FEEDS)
every_pipeline = pytest.mark.parametrize("name", EVERY_PIPELINE)


def schemas(feed):
    return {None: None, feed: samples.SCHEMAS.get(feed)}.values()


def taken(name, batches, feed="itch50", schema=None):
    intake = Intake(feed, schema=schema)
    run = EVERY_PIPELINE[name].live(intake)
    for batch in batches:
        run.take(batch)
    return run, intake


def of_file(payloads, feed="itch50", schema=None):
    """Summary, accounting, and what else was met, of the file."""
    with zcviz.open(captured(payloads), feed, schema) as opened:
        return PIPELINES["copying"](opened), opened.sequences, opened.report


# --- pipelines -----------------------------------------------------------------------------------


@every_feed
@every_pipeline
def test_batches_come_to_the_summary_of_the_file(feed, name):
    payloads = sample(feed, duplicates=2, swaps=2, gaps=1)
    for schema in schemas(feed):
        expected, accounting, report = of_file(payloads, feed, schema)
        assert sum(expected.messages.values()) > 100
        for size, how in ((1, {}), (7, {}), (7, {"headers": True}), (1000, {}),
                          (5, {"slots": 13}), (5, {"slots": 13, "shuffled": 1})):  # fmt: skip
            run, intake = taken(name, arriving(payloads, size, **how), feed, schema)
            assert run.result() == expected
            assert run.done == sum(expected.messages.values())
            assert intake.accounting == accounting
            assert intake.report.packets == intake.report.datagrams == len(payloads)
            assert intake.report.heartbeats == report.heartbeats
            assert intake.report.skipped == report.skipped


def test_a_trade_is_later_though_it_lies_before():
    payloads = [mold(1, trade(price=1), add(locate=2)), mold(3, cross(price=2)), mold(4, trade())]
    late = [mold(5, trade(price=9))]
    for name in EVERY_PIPELINE:
        for shuffled in range(4):
            batches = arriving(payloads + late, 2, slots=4, shuffled=shuffled)
            run, _ = taken(name, batches)
            assert run.result().locates[1].last_trade == 9


def test_a_symbol_is_read_while_its_message_is_there():
    payloads = [mold(n + 1, add(locate=n, stock=b"S%d" % n)) for n in range(1, 30)]
    payloads.append(mold(99, add(locate=3, stock=b"LATER")))
    for name in EVERY_PIPELINE:
        run, _ = taken(name, arriving(payloads, 2))
        found = run.result().locates
        assert {n: found[n].symbol for n in found} == {n: f"S{n}" for n in range(1, 30)}


@every_pipeline
def test_nothing_arrived_and_nothing_of_ours(name):
    assert taken(name, [])[0].result() == Summary()
    run, intake = taken(name, arriving([b"", b"x", b"\1" * 100, mold(1)], 3))
    assert run.result() == Summary()
    assert (intake.report.packets, intake.report.datagrams) == (4, 1)
    assert intake.report.heartbeats == 1
    assert intake.report.skipped == {"another protocol": 3}
    run.take(Batch(np.zeros(0, np.uint8), room_for(0), 0))


@every_pipeline
def test_the_stages_are_the_functions_that_files_go_through(name):
    pipeline = EVERY_PIPELINE[name]
    live = pipeline.live(Intake()).stages
    with zcviz.open(helpers.small_pcap()) as feed:
        stages = {stage.name: stage for stage in pipeline.stages(feed)}
    for stage in live:
        if stage.name != "datagram":
            assert stage.function.__func__ is stages[stage.name].function.__func__


@every_pipeline
def test_nothing_looks_into_a_batch_that_went_through(name):
    intake = Intake()
    run = EVERY_PIPELINE[name].live(intake)
    for batch in arriving([mold(1, *helpers.day())], 1):
        memory = batch.memory
        run.take(batch)
        intake.index(batch)
        own = (memory, batch, memory.base)
        assert holders(memory.ctypes.data, memory.nbytes, own) == []
        del batch, memory, own


def test_views_that_were_moved_over_a_batch_are_revoked():
    run = PIPELINES["flyweight"].live(Intake())
    message = next(stage for stage in run.stages if stage.name == "message")
    kept = []

    def watched(piece):
        kept.append(message.function(piece))
        return kept[-1]

    work = run._passing
    work.stages = tuple(
        type(each)(each.name, each.does, watched) if each is message else each
        for each in work.stages
    )
    for batch in arriving([mold(1, add(price=7))], 1):
        run.take(batch)
    view = kept[0]._views[ord("A")]
    with pytest.raises(BufferLifetimeError):
        view.price  # noqa: B018


# --- damage --------------------------------------------------------------------------------------


def problems(report):
    return [(each.what, each.expected, each.found) for each in report.problems]


@every_feed
def test_damage_is_reported_as_of_the_file(feed):
    whole = sample(feed, 60)
    for step in (3, 5):
        payloads = [bytes(p[: len(p) - n % step]) for n, p in enumerate(whole)]
        expected, accounting, report = of_file(payloads, feed)
        assert report.problems_total
        ends = np.cumsum([0, *map(len, payloads)])
        offsets = set()
        for name in EVERY_PIPELINE:
            for size in (1, 4, 100):
                run, intake = taken(name, arriving(payloads, size), feed)
                assert run.result() == expected
                assert intake.accounting == accounting
                found = intake.report
                assert found.problems_total == report.problems_total
                assert problems(found) == problems(report)
                offsets.add(tuple(each.offset for each in found.problems))
        assert len(offsets) == 1  # the same place, whichever way and in whatever batches
        first = offsets.pop()[0]
        number = int(np.searchsorted(ends, first, "right")) - 1
        assert len(payloads[number]) < len(whole[number])


@settings(max_examples=60)
@given(
    st.sampled_from(FEEDS),
    st.lists(st.one_of(st.binary(max_size=80), st.integers(0, 10**6)), min_size=1, max_size=12),
    st.integers(1, 5),
)
def test_any_bytes_are_summed_as_in_the_file(feed, given_, size):
    sound = sample(feed, 40)
    payloads = []
    for each in given_:
        whole = sound[each % len(sound)] if isinstance(each, int) else b""
        payloads.append(mutated(whole, random.Random(each)) if isinstance(each, int) else each)
    for schema in schemas(feed):
        expected, accounting, report = of_file(payloads, feed, schema)
        for name in EVERY_PIPELINE:
            run, intake = taken(name, arriving(payloads, size, slots=7, shuffled=1), feed, schema)
            assert run.result() == expected
            assert intake.report.problems_total == report.problems_total
            assert intake.report.skipped == report.skipped
            # A restart may be told from a duplicate in the file only.
            assert intake.accounting == accounting or accounting.restarts


def test_problems_are_counted_when_no_more_are_kept():
    payloads = [mold(n, b"A too short") for n in range(1, 300)]
    for name in ("copying", "columnar"):
        _, intake = taken(name, arriving(payloads, 64))
        assert len(intake.report.problems) == 100
        assert intake.report.problems_total == 299


@every_pipeline
@pytest.mark.parametrize(
    "row",
    [(0, 0, 0, 99, 99), (0, 0, -1, 5, 5), (0, 0, 9, 5, 5), (5, 5, 4, 6, 6), (0, 0, 4, 6, 5),
     (2, 1, 4, 6, 6), (0, 0, 2**40, 2**40 + 1, 2**40 + 1)],
)  # fmt: skip
def test_a_table_that_points_elsewhere_is_refused(name, row):
    memory = np.frombuffer(mold(1, add())[:20] * 3, np.uint8)[:50]
    table = room_for(2)
    table[0], table[1] = (0, 0, 0, 20, 20), row
    intake = Intake()
    run = EVERY_PIPELINE[name].live(intake)
    for put in (run.take, intake.index):
        with pytest.raises(DecodeError, match="datagram 1 of the batch"):
            put(Batch(memory, table, 1))
    run.take(Batch(memory, table[:1], 20))  # and it goes on
    assert intake.report.heartbeats + intake.report.problems_total > 0


def test_a_batch_that_was_released_is_refused():
    batch = next(arriving([mold(1, add())], 1))
    batch.release()
    for name in PIPELINES:
        with pytest.raises(BufferLifetimeError):
            taken(name, [batch])
    with pytest.raises(BufferLifetimeError):
        Intake().index(batch)


# --- the index of a batch ------------------------------------------------------------------------


@every_feed
def test_the_index_of_a_batch_is_that_of_the_file(feed):
    payloads = sample(feed, 80)
    with zcviz.open(captured(payloads), feed) as opened:
        expected, cut = opened.index, opened.index.datagrams
        view = opened.source.view
        places = zip(expected.offsets.tolist(), expected.sizes.tolist(), strict=True)
        messages = [bytes(view[at : at + size]) for at, size in places]
        for size, how in ((1, {}), (9, {}), (9, {"slots": 20, "shuffled": 2}), (999, {})):
            intake, found, tags, firsts, sequences = Intake(feed), [], [], [], []
            for batch in arriving(payloads, size, **how):
                index = intake.index(batch)
                assert {index.offsets.dtype, index.sizes.dtype} == {np.dtype("u4"), np.dtype("u2")}
                here = memoryview(batch.memory)
                places = zip(index.offsets.tolist(), index.sizes.tolist(), strict=True)
                firsts += (index.datagrams.firsts + len(found)).tolist()
                found += [bytes(here[at : at + size]) for at, size in places]
                tags += index.tags.tolist()
                sequences += index.datagrams.sequences.tolist()
                del here
            assert found == messages
            assert (tags, firsts) == (expected.tags.tolist(), cut.firsts.tolist())
            assert sequences == cut.sequences.tolist()
            assert intake.accounting == opened.sequences
        del view


def test_an_index_owns_its_memory_and_a_table_says_when_it_is_too_late():
    payloads = [mold(n + 1, add(price=n), trade(price=n)) for n in range(8)]
    intake, prices, tables, kept = Intake(), [], [], []
    for batch in arriving(payloads, 4):
        index = intake.index(batch)
        kept.append((index, index.offsets.copy()))
        assert not np.shares_memory(index.offsets, batch.memory)
        prices += gather(
            batch.memory, index.of_type(ord("A")), intake.protocol["A"], "price"
        ).tolist()
        tables.append(intake.table(batch, index, "trade"))
        assert len(tables[-1]["price"]) == 4
        del batch
    assert prices == list(range(8))
    for index, offsets in kept:
        assert index.offsets.tolist() == offsets.tolist()
    assert tables[0]["price"].tolist() == [0, 1, 2, 3]  # gathered in time
    with pytest.raises(BufferLifetimeError):
        tables[0]["shares"]


def test_a_group_of_a_batch():
    schema = samples.SCHEMAS["mdp3"]
    payloads = sample("mdp3", 100)
    with zcviz.open(captured(payloads), "mdp3", schema) as feed:
        message = next(m for m in feed.protocol if m.groups and feed.index.count(m.key))
        name = message.groups[0].name
        expected = len(feed.table(message.name, group=name))
    intake, rows = Intake("mdp3", schema=schema), 0
    for batch in arriving(payloads, 16):
        index = intake.index(batch)
        rows += len(intake.table(batch, index, message.name).group(name))
    assert rows == expected > 0


def test_more_messages_than_there_is_room_for():
    # Messages of no known type and of one byte: 21,000 fit into a datagram.
    payload = mold(1, *[b"z"] * 21_000)
    memory = np.frombuffer(payload * 5, np.uint8)
    table = room_for(5)
    table[:] = (np.arange(5) * len(payload))[:, None]
    table[:, 3:] += len(payload)
    batch = Batch(memory, table, len(memory))
    intake = Intake()
    index = intake.index(batch)
    assert index.offsets.tolist() == [
        n * len(payload) + 22 + 3 * i for n in range(5) for i in range(21_000)
    ]
    assert index.datagrams.firsts.tolist() == [n * 21_000 for n in range(5)]
    run, _ = taken("columnar", [batch, batch])
    assert run.result().messages == {"z": 210_000}


# --- what an intake is of ------------------------------------------------------------------------


def test_protocols_and_framings():
    assert Intake().framing.name == "moldudp64"
    assert Intake("itch50", "moldudp64").protocol.name == "itch50"
    for wrong in (("nothing",), ("itch50", "binaryfile"), ("itch50", "x")):
        with pytest.raises(SelectionError):
            Intake(*wrong)
    with pytest.raises(SelectionError, match="takes no schema"):
        Intake("itch50", schema=samples.SCHEMAS["mdp3"])


def test_a_run_needs_an_intake_of_its_own():
    intake = Intake()
    PIPELINES["copying"].live(intake)
    for pipeline in PIPELINES.values():
        with pytest.raises(SelectionError, match="its own"):
            pipeline.live(intake)


def test_what_a_capture_holds_is_what_arrives():
    payloads = payloads_of(helpers.small_pcap(), "itch50")
    assert payloads
    run, _ = taken("columnar", arriving(payloads, 3))
    assert run.result() == of_file(payloads)[0]
