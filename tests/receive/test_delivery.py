"""The sample feed by every path: byte for byte, and the same Summary as from the file."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest

import zcviz
from tests.agreement import EVERY_PIPELINE
from tests.conftest import ROOT
from tests.receive.batches import captured
from tests.receive.loopback import SOCKET_PATHS
from tests.receive.permitted import opened
from tests.waiting import PATIENCE, is_alive, linux, until
from zcviz import receive
from zcviz.pipelines import PIPELINES
from zcviz.receive import Intake
from zcviz.send import Faults, Sender, cargo_of, plan_of
from zcviz.session import Accounting
from zcviz.summary import Summary

FEED = ROOT / "data" / "feed.pcap"
WINDOW = 64
"""Datagrams on their way at once: fewer than any buffer has room for, veth's own included."""
PLENTY = 1 << 20
WIRED = [path for path in receive.PATHS if path != "replay"]


class Sample(NamedTuple):
    datagrams: list[bytes]
    summary: Summary
    accounting: Accounting
    ends: int
    heartbeats: int


@pytest.fixture(scope="module")
def sample():
    with zcviz.open(FEED) as feed:
        cargo, view = cargo_of(feed), feed.source.view
        places = zip(cargo.starts.tolist(), cargo.sizes.tolist(), strict=True)
        datagrams = [bytes(view[at : at + size]) for at, size in places]
        del cargo, view
        summary, report = PIPELINES["copying"](feed), feed.report
        return Sample(datagrams, summary, feed.sequences, report.ends, report.heartbeats)


class Place(NamedTuple):
    """Where to receive, and contexts for who sends and who receives."""

    options: dict
    sending: object
    receiving: object


LOOPBACK = Place({}, nullcontext, nullcontext)


def across(veth):
    return Place({"host": veth.address}, veth.inside_sender, veth.inside_receiver)


@pytest.fixture
def cabled(veth):
    return across(veth)


class Passed(NamedTuple):
    """What came of a pass."""

    datagrams: list[bytes]
    summary: Summary
    intake: Intake
    counters: receive.Counters
    sent: object


def passed(path, place, pipeline="columnar", **how):
    """Send the sample, a window at a time, and put what comes through a pipeline."""
    intake, came = Intake(), []
    run = EVERY_PIPELINE[pipeline].live(intake)

    def take(batch):
        came.extend(map(bytes, batch))
        run.take(batch)

    with ExitStack() as undo:
        with place.receiving():
            options = {"buffer": PLENTY, "retire": 2, "file": FEED} | place.options
            receiver = undo.enter_context(opened(path, **options))
        sent = None
        if path == "replay":
            for batch in receiver.batches(0):
                take(batch)
        else:
            with place.sending():
                away = bool(place.options)
                sender = undo.enter_context(
                    Sender(FEED, receiver.address, allow_remote=away, rate=np.inf, **how)
                )
            for _ in windows(sender):
                while len(came) < sender.sent.datagrams:
                    batch = receiver.receive(PATIENCE)
                    assert batch is not None, f"{sender.sent.datagrams - len(came)} never came"
                    take(batch)
                    del batch
            sent = sender.sent
            assert receiver.receive(0.05) is None
        counters = receiver.counters
    return Passed(came, run.result(), intake, counters, sent)


def windows(sender):
    """Send a window at each step, whatever the time."""
    (lane,) = sender.lanes
    while not lane.finished:
        lane.send(lane.slot + WINDOW, None)
        yield


def check(got, sample):
    assert got.datagrams == sample.datagrams
    assert got.summary == sample.summary
    assert got.intake.accounting == sample.accounting
    report = got.intake.report
    assert (report.packets, report.datagrams) == (len(sample.datagrams),) * 2
    assert (report.ends, report.heartbeats) == (sample.ends, sample.heartbeats)
    assert (report.problems_total, report.skipped) == (0, {})
    counters = got.counters
    assert counters.datagrams == len(sample.datagrams)
    assert counters.bytes == sum(map(len, sample.datagrams))
    assert (counters.cut, counters.dropped or 0, counters.lost or 0) == (0, 0, 0)


# --- every path, every pipeline ------------------------------------------------------------------


@linux
@pytest.mark.parametrize("path", WIRED)
def test_over_a_cable_the_feed_arrives_as_it_is(path, cabled, sample):
    check(passed(path, cabled), sample)


@pytest.mark.parametrize("path", [*SOCKET_PATHS, "replay"])
def test_on_loopback_the_feed_arrives_as_it_is(path, sample):
    check(passed(path, LOOPBACK), sample)


@pytest.mark.parametrize("pipeline", [name for name in EVERY_PIPELINE if name != "columnar"])
def test_every_pipeline_makes_the_same_of_it(pipeline, sample):
    check(passed("udp.recv_into", LOOPBACK, pipeline), sample)


@linux
def test_all_that_this_machine_refuses_over_a_cable_is_zero_copy(veth):
    with veth.inside_receiver():
        with opened("xdp.copy", host=veth.address):  # with the privileges it takes
            pass
        refused = {
            each["name"]: each["errno"]
            for each in receive.probe(host=veth.address)
            if not each["available"]
        }
    assert refused == {"xdp.zerocopy": "EOPNOTSUPP"}


# --- accidents -----------------------------------------------------------------------------------

ACCIDENTS = [
    Faults(gap=0.02, seed=1),
    Faults(duplicate=0.02, seed=2),
    Faults(reorder=0.02, distance=3, seed=3),
    Faults(corrupt=0.02, seed=4),
    Faults(corrupt_header=0.02, seed=5),
    Faults(0.02, 0.02, 0.02, 0.02, 0.02, distance=5, seed=6),
]


def check_accidents(got, sample):
    counts, intake, report = got.sent, got.intake, got.intake.report
    count = len(sample.datagrams)
    assert len(got.datagrams) == counts.datagrams == count - counts.dropped + counts.duplicated
    accounting = intake.accounting
    assert (accounting.gaps, accounting.missing) == (counts.gaps, counts.missing)
    assert (accounting.duplicates, accounting.restarts) == (counts.duplicated, 0)
    assert intake.tracker.late == counts.reordered
    odd = report.skipped.get("another protocol", 0)
    assert odd == counts.corrupted_headers == counts.datagrams - report.datagrams
    known = set(sample.summary.messages)
    unknown = sum(n for tag, n in got.summary.messages.items() if tag not in known)
    assert unknown == counts.corrupted
    messages = sum(got.summary.messages.values())
    if not counts.duplicated:
        assert messages == sum(sample.summary.messages.values()) - counts.missing


@pytest.mark.parametrize("faults", ACCIDENTS, ids=lambda faults: f"seed {faults.seed}")
def test_accidents_are_counted_as_they_were_planned(faults, sample):
    with zcviz.open(FEED) as feed:
        cargo = cargo_of(feed)
        planned = plan_of(cargo, faults).counts(cargo)
        del cargo
    pipeline = "copying" if faults is ACCIDENTS[-1] else "columnar"
    got = passed("udp.recv_into", LOOPBACK, pipeline, faults=faults)
    assert any(planned)
    assert {name: getattr(got.sent, name) for name in planned._fields} == planned._asdict()
    check_accidents(got, sample)


@linux
@pytest.mark.parametrize("path", ["packet.ring_v3", "xdp.copy", "udp.recvmmsg"])
def test_accidents_over_a_cable(path, cabled, sample):
    check_accidents(passed(path, cabled, faults=ACCIDENTS[-1]), sample)


# --- too much at once ----------------------------------------------------------------------------


@linux
@pytest.mark.parametrize("path", WIRED)
def test_what_was_sent_was_received_dropped_or_lost(path, cabled, sample):
    with ExitStack() as undo:
        with cabled.receiving():
            small = {"buffer": 1 << 16, "slots": 64, "block": 1 << 14, "blocks": 8}
            receiver = undo.enter_context(opened(path, **small, **cabled.options))
        with cabled.sending():
            sender = undo.enter_context(
                Sender(FEED, receiver.address, allow_remote=True, rate=np.inf, first=5000)
            )
        intake = Intake()
        for number, _ in enumerate(windows(sender)):
            settle(receiver, sender.sent.datagrams)
            if number % 16 == 15:
                for batch in receiver.batches(0):
                    intake.index(batch)
        for batch in receiver.batches(0.1):
            intake.index(batch)
        counted = receiver.counters
    gone = (counted.dropped or 0) + (counted.lost or 0)
    assert gone > 0
    assert counted.datagrams + gone == sender.sent.datagrams == len(sample.datagrams) - 5000
    assert intake.report.packets == counted.datagrams
    assert intake.accounting.missing > 0


def settle(receiver, sent):
    # What the cable itself lost nobody would count: it must be empty before more is sent.
    if receiver.name in ("packet.ring_v2", "xdp.copy"):  # who tell how many wait

        def there():
            counted = receiver.counters
            gone = counted.lost + (counted.dropped or 0)
            return counted.datagrams + gone + receiver.occupancy().used == sent

        until(there)
    else:
        time.sleep(0.001)


# --- a sender that is killed ---------------------------------------------------------------------


def belongings():
    """Descriptors and children of this process."""
    children = []
    for each in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(each.read_text().rpartition(")")[2].split()[1]) == os.getpid():
                children.append(each.parent.name)
    return sorted(each.name for each in Path("/proc/self/fd").iterdir()), sorted(children)


@contextmanager
def sending_process(address, prefix):
    to = "{}:{}".format(*address)
    command = [*prefix, sys.executable, "-m", "zcviz", "replay", FEED, "--to", to,
               "--rate", "2000", "--loop", "0", "--renumber", "--allow-remote"]  # fmt: skip
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@linux
@pytest.mark.slow
@pytest.mark.parametrize("where", ["loopback", "veth"])
def test_a_sender_that_is_killed_leaves_a_receiver_that_ends(where, request, sample):
    place, prefix, paths = LOOPBACK, [], ["udp.recv_into", "asyncio", "udp.recvmmsg"]
    if where == "veth":
        veth = request.getfixturevalue("veth")
        place, prefix = across(veth), ["ip", "netns", "exec", veth.sender]
        paths = ["packet.ring_v3", "packet.ring_v2", "xdp.copy"]
    for path in paths:
        before = belongings()
        with ExitStack() as undo:
            with place.receiving():
                options = {"buffer": PLENTY} | place.options
                receiver = undo.enter_context(opened(path, **options))
            process = undo.enter_context(sending_process(receiver.address, prefix))
            intake, came = Intake(), []
            while len(came) < 1000:
                came += take(receiver, intake, PATIENCE)
            assert is_alive(process.pid)
            process.send_signal(signal.SIGKILL)
            assert process.wait(PATIENCE) == -signal.SIGKILL
            while some := take(receiver, intake, 0.5):
                came += some
            counted = receiver.counters
        if not (counted.dropped or counted.lost):  # the machine may have stood still
            assert came == sample.datagrams[: len(came)]
        assert counted.datagrams == len(came) == intake.report.packets
        assert intake.accounting.duplicates == intake.accounting.restarts == 0
        assert belongings() == before


def take(receiver, intake, timeout):
    batch = receiver.receive(timeout)
    if batch is None:
        return []
    intake.index(batch)
    return [bytes(each) for each in batch]


# --- as the README has it ------------------------------------------------------------------------

README = ROOT / "README.md"


def test_the_example_receives_a_feed(sample):
    first, printed = 4000, []

    def opened_and_sent_to(path, port):  # at a port that is free
        receiver = receive.open(path, buffer=PLENTY)
        with Sender(FEED, receiver.address, rate=np.inf, first=first) as sender:
            next(windows(sender))
        return receiver

    names = SimpleNamespace(open=opened_and_sent_to, Intake=receive.Intake)
    network = README.read_text(encoding="utf-8").partition("## From the network")[2]
    example = re.findall(r"^```python\nfrom zcviz import receive\n(.*?)^```", network, re.M | re.S)[
        0
    ]
    exec(example.replace("=5", "=0.2"), {"receive": names, "print": printed.append})
    with zcviz.open(captured(sample.datagrams[first : first + WINDOW])) as feed:
        expected = feed.table("A")["price"]
    assert len(expected) > 10
    assert np.concatenate(printed).tolist() == expected.tolist()
