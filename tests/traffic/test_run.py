"""Runs of traffic: counted to the packet, changed while they go on, and always reaped."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import zcviz
from tests import helpers
from tests.waiting import gone, linux, until
from zcviz.errors import SelectionError
from zcviz.live import Publisher
from zcviz.traffic import Sample, Settings, TrafficRun
from zcviz.traffic import run as run_module

ROOT = Path(__file__).resolve().parents[2]
DEFAULT = Settings(paths=("udp.recv_into",), rate=2000)


@pytest.fixture(scope="module")
def warm() -> Iterator[TrafficRun]:
    with TrafficRun() as run:
        until(lambda: run.ready)
        yield run


@pytest.fixture
def run(warm: TrafficRun) -> Iterator[TrafficRun]:
    """A run whose processes are there already."""
    warm.stop()
    warm.settings = DEFAULT
    yield warm
    warm.stop()


def begin(run: TrafficRun, **values) -> None:
    run.change(**values)
    run.start()


def received(run: TrafficRun, datagrams: int = 100) -> Sample:
    """Wait until every path that is not refused has received something."""

    def enough() -> Sample | None:
        sample = run.sample()
        names = run.settings.paths
        shown = [p for name, p in zip(names, sample.paths, strict=True) if name not in run.problems]
        return sample if all(path.total_received >= datagrams for path in shown) else None

    found = until(enough)
    assert isinstance(found, Sample)
    return found


def accounts(run: TrafficRun) -> list[float]:
    """Stop, and return for each path how many datagrams nobody can account for."""
    run.stop()
    sample = run.sample()
    return [
        sample.sender.sent
        - path.total_received
        - float(np.nansum([path.total_dropped, path.total_lost, path.queued]))
        for path in sample.paths
    ]


# --- counts


@pytest.mark.parametrize("path", ["udp.recv", "udp.recv_into", "udp.recvmmsg", "asyncio"])
def test_all_that_was_sent_is_accounted_for(run, path):
    begin(run, paths=[path], rate=5000)
    received(run, 500)
    assert accounts(run) == [0]
    (reading,) = run.sample().paths
    assert reading.state == 3
    assert reading.total_decoded == 4 * reading.total_received
    assert reading.queued == 0


@linux
@pytest.mark.parametrize("path", ["udp.recv_into", "udp.recvmmsg"])
def test_what_a_slow_consumer_loses_is_counted_to_the_packet(run, path):
    begin(run, paths=[path], rate=0, delay=500, buffer=20_000)
    until(lambda: run.sample().paths[0].total_dropped > 500)
    until(lambda: run.sample().paths[0].total_missing > 0)
    assert 0 < run.sample().paths[0].used <= run.sample().paths[0].capacity + 4096
    assert accounts(run) == [0]
    (last,) = run.sample().paths
    assert last.queued == 0  # it was taken out
    missing_at_the_end = 4 * last.total_dropped - last.total_missing
    assert missing_at_the_end >= 0
    assert last.total_decoded == 4 * last.total_received
    assert "dropped" in run.sentence()
    assert "socket buffer" in run.sentence()


@linux
def test_what_takes_too_long_to_decode_at_the_end_is_counted_too(run):
    begin(run, pipeline="copying", rate=0, delay=10_000, messages=30, buffer=1 << 22)
    if received(run, 1).paths[0].capacity < 4e6:
        pytest.skip("this machine grants no large buffer")
    until(lambda: run.sample().paths[0].used > 3e6)
    assert accounts(run) == [0]
    (last,) = run.sample().paths
    assert last.queued > 0
    assert "in its buffer when it ended" in run.sentence()
    assert last.total_received * 30 == last.total_decoded


@linux
def test_a_buffer_that_was_not_granted_is_remarked(run):
    begin(run, buffer=1 << 30)
    received(run)
    assert "net.core.rmem_max" in run.remarks["udp.recv_into"]
    assert not run.problems
    run.change(buffer=None)
    received(run)
    assert "udp.recv_into" not in run.remarks


def test_two_paths_see_the_same_traffic(run):
    begin(run, paths=["udp.recv", "udp.recv_into"], rate=3000, burst=16)
    received(run, 400)
    assert accounts(run) == [0, 0]
    paths = run.sample().paths
    assert [path.duplicates for path in paths] == [0, 0]
    assert [path.copies for path in paths] == [2, 1]


@linux
@pytest.mark.parametrize("path", ["packet.ring_v2", "packet.ring_v3", "xdp.copy"])
def test_what_a_ring_loses_is_counted_to_the_packet(run, path):
    begin(run, paths=[path], rate=0, delay=500, buffer=1 << 17)
    until(lambda: run.sample().paths[0].total_lost > 500 or run.problems)
    if run.problems:
        pytest.skip(run.problems[path])
    reading = run.sample().paths[0]
    assert 0 < reading.used <= reading.capacity
    assert 0 <= reading.tail < reading.capacity
    assert accounts(run) == [0]
    assert "in the ring" in run.sentence()


@linux
def test_rings_beside_sockets(run):
    begin(run, paths=["udp.recv_into", "packet.ring_v3"], pipeline="flyweight")
    received(run, 200)
    if "packet.ring_v3" in run.problems:
        pytest.skip(run.problems["packet.ring_v3"])
    assert accounts(run) == [0, 0]
    assert not run.problems
    assert run.process_ids.keys() == {"sender", "receiver 1", "receiver 2"}


def test_latency_is_measured_for_every_datagram(run):
    begin(run)
    sample = received(run, 200)
    assert sample.latency.shape == (1, zcviz.traffic.layout()["bins"])
    run.stop()
    last = run.sample()
    assert last.latency.sum() == last.paths[0].total_received
    assert last.paths[0].median > 0
    assert last.paths[0].p99 >= last.paths[0].median


def test_traffic_without_a_network(run):
    begin(run, paths=["replay"], pipeline="copying")
    sample = received(run, 200)
    assert sample.sender.sent > 0
    assert sample.paths[0].copies == 5
    assert sample.paths[0].syscalls == 0
    assert accounts(run) == [0]


def test_replay_beside_a_path_has_numbers_of_its_own(run):
    begin(run, paths=["replay", "udp.recv"], rate=1000)
    received(run)
    run.stop()
    for path in run.sample().paths:
        assert path.median < 1e6
        assert path.duplicates == path.gaps == 0


def test_messages_of_a_feed():
    sent = [helpers.add(ref) for ref in range(50)]
    with zcviz.open(helpers.frames(*sent)) as feed, TrafficRun(feed, DEFAULT) as run:
        run.start()
        received(run)
        assert accounts(run) == [0]


# --- changes


def test_what_may_change_changes_at_once(run):
    begin(run, rate=500)
    received(run, 50)
    pids = run.process_ids
    run.change(rate=20_000, delay=5, burst=4)
    sample = until(lambda: (s := run.sample()).sender.offered == 20_000 and s)
    before = sample.sender.sent
    until(lambda: run.sample().sender.sent - before > 2000)
    assert (run.sample().delay, run.sample().burst) == (5, 4)
    assert run.process_ids == pids
    run.change(rate=0)
    until(lambda: np.isnan(run.sample().sender.offered))


def test_other_changes_begin_a_new_run(run):
    begin(run)
    received(run)
    pids = run.process_ids
    run.change(paths=["udp.recv"], messages=9, pipeline="none")
    assert run.running
    sample = received(run, 50)
    assert sample.paths[0].total_decoded == 0
    assert run.process_ids == pids
    assert list(run.to_frame().columns).count("udp.recv.received") == 1
    with pytest.raises(SelectionError):
        run.change(paths=["udp.recv"], speed=9)


def test_a_change_before_the_start_is_kept(run):
    run.change(messages=2, pipeline="flyweight")
    assert not run.running
    run.start()
    received(run)
    run.stop()
    (path,) = run.sample().paths
    assert path.total_decoded == 2 * path.total_received


# --- what is shown


def test_stop_leaves_totals_and_no_rates(run):
    begin(run)
    received(run)
    run.stop()
    one, two = run.sample(), run.sample()
    assert not one.running
    assert one is two
    assert one.paths[0].received == one.sender.sending == 0
    assert one.paths[0].cpu > 0  # of the whole run
    assert "received all of" in run.sentence()


def test_frozen_it_shows_one_moment_and_goes_on(run):
    begin(run)
    shown = received(run)
    run.freeze()
    assert run.sample().frozen
    assert run.sample().number == run.sample().number
    before = len(run._record)
    run.sample()
    assert len(run._record) == before + 1
    run.freeze(False)
    assert until(lambda: run.sample().sender.sent > shown.sender.sent)
    assert not run.sample().frozen


def test_what_was_seen_can_be_taken_away(run, tmp_path):
    begin(run)
    received(run)
    run.stop()
    frame = run.to_frame()
    assert frame["sender.sent"].is_monotonic_increasing
    assert frame["running"].iloc[-1] == 0
    run.to_csv(tmp_path / "seen.csv")
    assert (tmp_path / "seen.csv").read_text().count("\n") == len(frame) + 1


def test_nothing_is_said_before_anything_was_seen(run):
    assert run.sentence() == "" or run.running is False
    begin(run, rate=1)
    run.sample()
    assert run.sentence() == ""


def test_a_publisher_tells_it_20_times_a_second(run):
    begin(run)
    seen: list[Sample] = []
    publisher = Publisher(run, seen.append)
    publisher.start()
    until(lambda: len(seen) > 10 and seen[-1].paths[0].total_received > 100)
    run.stop()
    until(lambda: not seen[-1].running)
    publisher.stop()
    assert publisher.error is None
    assert np.all(np.diff([each.t for each in seen]) > 0)


def grown(run: TrafficRun, samples: int, pause: float) -> int:
    """Return by how many bytes Python's memory grew over so many samples."""
    tracemalloc.start()
    try:
        for number in range(2 * samples):
            run.sample().pack()
            time.sleep(pause)
            if number == samples - 1:
                gc.collect()
                before = tracemalloc.get_traced_memory()[0]
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


def test_samples_leave_no_memory_behind(run):
    begin(run)
    received(run)
    assert grown(run, 100, 0.0) < 100_000


@pytest.mark.slow
@linux
def test_minutes_at_20_hz_leave_no_memory_behind(run):
    begin(run, paths=["udp.recv_into", "udp.recvmmsg"], rate=10_000)
    received(run)
    pids = run.process_ids.values()

    def resident() -> int:
        return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)

    assert grown(run, 600, 0.05) < 100_000  # the window of histograms is full by then
    before = resident()
    assert grown(run, 600, 0.05) < 100_000
    assert resident() - before < 256  # pages


# --- refusals


def test_a_path_that_is_refused_is_a_sentence_and_the_other_goes_on(run):
    begin(run, paths=["xdp.zerocopy", "udp.recv_into"])
    until(lambda: (run.sample(), run.problems)[1])
    before = received(run).paths[1].total_received
    until(lambda: run.sample().paths[1].total_received > before)
    assert run.sample().paths[0].state == 4
    assert set(run.problems) == {"xdp.zerocopy"}
    why = run.problems["xdp.zerocopy"]
    assert "(E" in why
    assert "; " in why  # and what would help
    assert run.sentence().startswith(f"xdp.zerocopy: {why.rstrip('.')}.")
    assert accounts(run)[1] == 0


def test_a_run_without_any_path_ends(run):
    begin(run, paths=["xdp.zerocopy"])
    until(lambda: (run.sample(), not run.running)[1])
    assert set(run.problems) == {"xdp.zerocopy"}
    run.change(paths=["udp.recv"])
    run.start()
    received(run)
    assert not run.problems


def test_what_this_machine_permits(run):
    assert run.available["udp.recv_into"] == ""
    assert run.available["replay"] == ""
    assert run.available["xdp.zerocopy"]


def test_where_no_process_may_be_started_replay_works(monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError("no")

    monkeypatch.setattr(run_module, "Crew", refuse)
    with TrafficRun(settings=Settings(("replay", "udp.recv"), "flyweight", rate=2000)) as run:
        assert run.ready
        run.start()
        sample = until(lambda: (s := run.sample()).paths[0].total_received > 100 and s)
        assert sample.paths[1].state == 4
        assert "no subprocess" in run.problems["udp.recv"]
        run.change(paths=["replay"])
        received(run)
        assert accounts(run) == [0]
        assert run.available["udp.recv"] == run.problems.get("udp.recv", run.available["udp.recv"])
        assert run.available["replay"] == ""


# --- ends that nobody planned


@linux
def test_a_receiver_that_is_killed_is_reported_and_the_other_goes_on(run):
    begin(run, paths=["udp.recv", "udp.recv_into"])
    received(run)
    os.kill(run.process_ids["receiver 1"], signal.SIGKILL)
    until(lambda: (run.sample(), run.problems)[1])
    assert run.problems == {"udp.recv": "its process was killed by SIGKILL"}
    before = run.sample().paths[1].total_received
    until(lambda: run.sample().paths[1].total_received > before + 100)
    assert run.running
    run.stop()
    run.start()  # with a new one
    received(run)
    assert not run.problems


@linux
def test_a_run_whose_sender_is_killed_ends(run):
    begin(run)
    received(run)
    os.kill(run.process_ids["sender"], signal.SIGKILL)
    until(lambda: (run.sample(), not run.running)[1])
    assert run.problems == {"sender": "its process was killed by SIGKILL"}
    assert run.sentence().startswith("Sender: its process was killed by SIGKILL.")
    run.start()
    received(run)


@linux
@pytest.mark.parametrize("victim", ["sender", "receiver 1"])
def test_a_process_that_hangs_is_ended_at_stop(run, victim):
    begin(run)
    received(run)
    pid = run.process_ids[victim]
    os.kill(pid, signal.SIGSTOP)
    run.stop()
    assert gone([pid])
    assert not run.running
    run.start()
    received(run)


@linux
def test_nothing_is_left_when_the_kernel_is_killed():
    program = (
        "import time\nfrom zcviz.traffic import TrafficRun\n"
        "run = TrafficRun()\nrun.start()\n"
        "while run.sample().paths[0].total_received < 10: time.sleep(0.02)\n"
        "print(*run.process_ids.values(), flush=True)\ntime.sleep(600)\n"
    )
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, env=env
    ) as kernel:
        assert kernel.stdout is not None
        pids = [int(word) for word in kernel.stdout.readline().split()]
        kernel.kill()
    assert len(pids) == 3
    until(lambda: gone(pids))


@linux
def test_nothing_is_left_after_close():
    def held() -> tuple[int, int]:
        maps = Path("/proc/self/maps").read_text().count("memfd:zcviz")
        return len(list(Path("/proc/self/fd").iterdir())), maps

    gc.collect()
    before = held()
    run = TrafficRun(settings=DEFAULT)
    pids = list(run.process_ids.values())
    for _ in range(3):
        run.start()
        received(run, 20)
        run.stop()
    assert list(run.process_ids.values()) == pids
    run.close()
    run.close()
    assert gone(pids)
    with pytest.raises(ChildProcessError):  # not even a zombie is left to wait for
        os.waitpid(pids[0], 0)
    del run
    gc.collect()
    assert held() == before


@linux
def test_a_run_that_is_forgotten_ends():
    run = TrafficRun(settings=DEFAULT)
    run.start()
    pids = list(run.process_ids.values())
    del run
    gc.collect()
    until(lambda: gone(pids))


def test_a_closed_run_can_start_again():
    run = TrafficRun(settings=DEFAULT)
    run.close()
    run.start()
    received(run)
    run.close()
    assert not run.running
