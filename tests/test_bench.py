"""The benchmark: what is measured stands beside what is wanted, and what fails is reported.

No time is asserted.
"""

from __future__ import annotations

import errno
import importlib.util
import json
import math
import os
import subprocess
import sys
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest

import zcviz
import zcviz.receive
from tests import helpers
from tests.conftest import ROOT
from tests.helpers import feed_pcap, frames, mold
from zcviz.bench import environments, measure, memory, passes, peers, process, receiving
from zcviz.bench.environments import HERE, Environments
from zcviz.bench.files import repeat, shorten
from zcviz.bench.job import Goal, Job, Line, Unavailable, Work, measure_jobs, without_places
from zcviz.bench.jobs import COPY, JOBS
from zcviz.bench.machine import machine
from zcviz.bench.markdown import number, to_markdown
from zcviz.bench.peers import PEERS, measure_peers
from zcviz.bench.receiving import Pace, Reception, measure_receiving
from zcviz.bench.report import Report, Section

MESSAGES = helpers.day() * 5


@pytest.fixture
def feeds(tmp_path):
    """The same messages as a BinaryFILE and as a capture."""
    itch, pcap = tmp_path / "feed.itch", tmp_path / "feed.pcap"
    itch.write_bytes(frames(*MESSAGES))
    pcap.write_bytes(feed_pcap(*[mold(n * 7 + 1, *MESSAGES[n * 7 :][:7]) for n in range(10)]))
    with zcviz.open(itch) as first, zcviz.open(pcap) as second:
        yield first, second


# --- goals and lines -----------------------------------------------------------------------------


def test_a_figure_is_the_median():
    speed = Line("job", "M messages/s", (4.0, 1.0, 2.0), amount=6e6, nbytes=8)
    assert (speed.figure, speed.bandwidth, speed.spread) == (3.0, 4.0, 4.0)
    assert Line("job", "s", (4.0, 1.0, 2.0)).figure == 2.0


@pytest.mark.parametrize(
    ("goal", "value", "met"),
    [(Goal(2), 2, True), (Goal(2), 1.99, False), (Goal(2, less=True), 2, True),
     (Goal(2, less=True), 2.01, False)],
)  # fmt: skip
def test_a_goal_is_met_at_its_limit(goal, value, met):
    (wanted,) = goal.limits.values()
    assert goal.is_met(value, wanted) is met


def test_a_goal_may_have_a_stretch_only():
    assert Goal(stretch=3).limits == {"stretch": 3}
    assert Goal(2, 1, less=True).limits == {"at most": 2, "stretch": 1}


@pytest.mark.parametrize(
    ("value", "text"), [(0.0123, "0.012"), (1.234, "1.23"), (12.34, "12.3"), (1234.5, "1,234")]
)
def test_numbers_have_the_digits_that_say_something(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("text", "kept"),
    [("no module named 'x'", "no module named 'x'"), ("cannot open '/a/b'", "cannot open '…'"),
     ("see https://example.com/a?b, or not", "see …, or not"), ("C:/x/y no", "… no"),
     ("3 messages/s", "3 messages/s")],
)  # fmt: skip
def test_a_report_names_no_place_of_this_machine(text, kept):
    assert without_places(text) == kept


# --- measuring -----------------------------------------------------------------------------------


def test_every_job_runs_once_to_warm_up_and_then_in_turns(monkeypatch):
    ran, recycled = [], []
    monkeypatch.setattr("zcviz.bench.job.recycle", recycled.append)
    jobs = [
        Job(name, "things", lambda inputs, name=name: Work(lambda: ran.append(name), inputs, 8))
        for name in "ab"
    ]
    lines = measure_jobs(jobs, 3, rounds=2, memory=4096)
    assert ran == [*"ab", *"abab"]
    assert recycled == [4096] * 4
    assert [(each.job, each.unit, each.amount, each.nbytes) for each in lines] == [
        ("a", "M things/s", 3, 8), ("b", "M things/s", 3, 8)]  # fmt: skip
    assert all(len(each.samples) == 2 for each in lines)


def test_a_job_that_cannot_be_done_says_why():
    def not_here(inputs):
        raise Unavailable("there is no /usr/bin/such thing")

    jobs = [Job("a", "things", not_here, (Goal(1),)),
            Job("b", "things", lambda inputs: Work(lambda: None, 1, 1))]  # fmt: skip
    a, b = measure_jobs(jobs, None, rounds=1, memory=4096)
    assert (a.samples, a.note, a.goals) == ((), "there is no … thing", (Goal(1),))
    assert len(b.samples) == 1


class Counted:
    """An object that knows how many of its kind there are."""

    alive = most = 0

    def __init__(self):
        Counted.alive += 1
        Counted.most = max(Counted.most, Counted.alive)

    def __del__(self):
        Counted.alive -= 1


def test_what_a_job_returns_is_gone_before_the_next_run():
    seen = []
    measure.interleaved({"a": Counted, "b": Counted}, 2, before=lambda: seen.append(Counted.alive))
    assert (seen, Counted.alive, Counted.most) == ([0] * 4, 0, 1)


def test_the_machine_is_described():
    facts = machine()
    assert all(facts.values())
    for name in ("processor", "cores", "python", "numpy", "numba", "pandas", "pyarrow",
                 "transparent huge pages"):  # fmt: skip
        assert name in facts


def test_an_index_is_weighed(feeds, monkeypatch):
    monkeypatch.setattr(memory, "BEYOND", 1 << 20)
    small, beyond, pcap = memory.measure_memory(*feeds)
    for line in (small, pcap):
        assert line.unit == "B/message"
        assert line.figure > 7  # its arrays, and as there are few messages much else
    if sys.platform == "linux":
        # 16 messages of 64 KiB follow those of the file.
        assert beyond.note.startswith(f"{len(MESSAGES) + 16} messages")


# --- files ---------------------------------------------------------------------------------------


def test_files_are_made_shorter(feeds, tmp_path):
    itch, pcap = feeds
    path = tmp_path / "short"
    assert shorten(itch, path, 20) == 20
    assert path.read_bytes() == frames(*MESSAGES[:20])
    assert shorten(pcap, path, 20) == 21  # whole packets
    with zcviz.open(path) as head:
        assert len(head) == 21
    without = [each for each in MESSAGES if each[:1] != b"A"]
    assert shorten(itch, path, len(MESSAGES), b"A") == len(without) < len(MESSAGES)
    assert path.read_bytes() == frames(*without)


@pytest.mark.parametrize(("size", "times"), [(0, 1), (9, 1), (10, 2), (29, 5)])
def test_files_are_made_longer(tmp_path, size, times):
    source, path = tmp_path / "source", tmp_path / "longer"
    source.write_bytes(b"12345")
    assert repeat(source, path, size) == times
    assert path.read_bytes() == b"12345" * times


# --- programs ------------------------------------------------------------------------------------


def test_a_program_prints():
    script = "import os, sys; print(sys.argv[1], os.environ['X'], 'PYTHONPATH' in os.environ)"
    printed = process.run(process.interpreter(script, "a"), 60, {"X": "b"})
    assert printed.split() == ["a", "b", "False"]


def test_a_new_interpreter_finds_this_zcviz(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = process.interpreter("import zcviz; print(zcviz.__file__)")
    assert process.run(command, 60, process.FRESH).strip() == zcviz.__file__


@pytest.mark.parametrize(
    ("script", "words"),
    [("import nothing_of_that_name", "ModuleNotFoundError: No module named 'nothing_of_that_name'"),
     ("open('/no/such | file')", "No such file or directory: '…"),
     ("import os; os._exit(3)", "ended with status 3"),
     ("import time; time.sleep(60)", "took longer than 1 s")],
)  # fmt: skip
def test_a_program_that_fails_says_why(script, words):
    with pytest.raises(Unavailable) as reason:
        process.run(process.interpreter(script), 1 if "sleep" in script else 60)
    assert words in str(reason.value)
    assert "|" not in str(reason.value)


def test_a_program_that_is_missing_is_named():
    with pytest.raises(Unavailable, match="nothing_of_that_name"):
        process.run(["nothing_of_that_name"], 1)


@pytest.mark.skipif(sys.platform != "linux", reason="tells mapped files from memory on Linux only")
def test_a_program_is_weighed_without_the_files_that_it_maps(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(200 << 20))
    script = """
import mmap, sys, time
with open(sys.argv[1], "rb") as file:
    mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    seen = sum(mapped[::4096])
memory = bytearray(b"1" * (100 << 20))
time.sleep(0.1)
"""
    printed, peak = process.weigh(process.interpreter(script, path), 60)
    assert printed == ""
    assert 100 << 20 < peak < 250 << 20  # the bytes, and for a moment a copy of them


# --- peers ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def drive():
    spec = importlib.util.spec_from_file_location("drive", HERE / "peers" / "drive.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_peers_are_pinned_and_can_be_driven(drive, tmp_path):
    listed = Environments.listed(tmp_path)
    for peer in PEERS:
        assert listed.version(peer.package)
        if not peer.program:
            assert peer.way in drive.WAYS[peer.package]
        else:
            assert peer.way in (HERE / "peers" / peer.program).read_text(encoding="utf-8")
    assert len({peer.name for peer in PEERS}) == len(PEERS)


def test_jobs_and_peers_refer_to_jobs_that_there_are():
    jobs = [job.name for job in JOBS]
    assert len(set(jobs)) == len(jobs)
    assert COPY in jobs
    assert {peer.rival for peer in PEERS} <= set(jobs)
    against = {goal.against for job in JOBS for goal in job.goals if goal.against}
    assert against <= {*jobs, *(peer.name for peer in PEERS)}


class Stub:
    """Environments with this interpreter in each, but for packages that cannot be had."""

    def version(self, package):
        return "1.0"

    def python(self, package):
        if package == "meatpy":
            raise Unavailable("no such package")
        return Path(sys.executable)

    def program(self, package, source):
        raise Unavailable("there is no C++ compiler")


def test_a_peer_that_fails_is_reported(feeds, tmp_path):
    said = []
    lines = measure_peers(*feeds, tmp_path, Stub(), 1, said.append)
    assert [line.job for line in lines] == [peer.name for peer in PEERS]
    assert len(said) == len(PEERS)
    notes = {line.job: line.note for line in lines}
    assert notes["meatpy, objects"].endswith("**not measured**: no such package")
    assert notes["itchcpp C++, decode"].endswith("there is no C++ compiler")
    assert "No module named 'dpkt'" in notes["dpkt, datagrams"]
    assert not any(line.samples for line in lines)


@pytest.mark.parametrize(
    ("printed", "note"),
    [("nothing", "**not measured**: it printed no result"),
     ('{"seconds": [1]}', "**not measured**: it printed no result"),
     ('{"seconds": [1, 2], "count": 70}', ": what it does"),
     ('{"seconds": [1, 2], "count": 69}', "took 69 messages of 70")],
)  # fmt: skip
def test_what_a_peer_prints_is_read(feeds, tmp_path, monkeypatch, printed, note):
    told = []
    peer = peers.Peer("itchfeed", "objects", "what it does", "rival")
    monkeypatch.setattr(peers, "PEERS", (peer,))
    monkeypatch.setattr(peers, "run", lambda command, seconds: told.append(command) or printed)
    (line,) = measure_peers(*feeds, tmp_path, Stub(), 3, lambda what: None)
    assert told == [[Path(sys.executable), HERE / "peers" / "drive.py", "itchfeed", "objects",
                     feeds[0].path, "3"]]  # fmt: skip
    assert line.note.endswith(note)
    if line.samples:
        assert (line.samples, line.amount, line.rival) == ((1, 2), 70, "rival")


def test_a_peer_may_get_less(feeds, tmp_path, monkeypatch):
    few = peers.Peer("meatpy", "objects", "x", "rival", messages=20, without=b"A")
    monkeypatch.setattr(peers, "PEERS", (few,))
    monkeypatch.setattr(Stub, "python", lambda self, package: Path(sys.executable))
    seen = []
    result = '{"seconds": [1], "count": 0}'
    monkeypatch.setattr(
        peers, "run", lambda command, seconds: seen.append(command[-2].read_bytes()) or result
    )
    (line,) = measure_peers(*feeds, tmp_path, Stub(), 1, lambda what: None)
    expected = [each for each in MESSAGES[:20] if each[:1] != b"A"]
    assert seen == [frames(*expected)]
    assert (line.amount, line.nbytes) == (len(expected), len(seen[0]))
    assert f"; {len(expected)} messages of the sample" in line.note


def test_what_cannot_be_installed_is_tried_once(tmp_path, monkeypatch):
    tried = []

    def run(command, seconds):
        tried.append(command)
        raise Unavailable("no network")

    monkeypatch.setattr(environments, "run", run)
    made = Environments(tmp_path, ["peer==1.0"])
    for _ in range(2):
        with pytest.raises(Unavailable, match="no network"):
            made.python("peer")
        with pytest.raises(Unavailable, match="no network"):
            made.program("peer", "peer.cpp")
    assert len(tried) == 1


def test_what_is_installed_is_kept_until_another_version_is_asked_for(tmp_path, monkeypatch):
    tried = []

    def run(command, seconds):
        tried.append(command)
        (tmp_path / "peer").mkdir(exist_ok=True)

    monkeypatch.setattr(environments, "run", run)
    for version, installs in ("1.0", 1), ("1.0", 1), ("2.0", 2):
        python = Environments(tmp_path, [f"peer=={version}"]).python("peer")
        assert python.parents[1] == tmp_path / "peer"
        assert [each[-1] for each in tried if "install" in each].count(f"peer=={version}") == 1
        assert len(tried) == 2 * installs


def test_without_a_checkout_there_are_no_peers(tmp_path, monkeypatch):
    monkeypatch.setattr(environments, "HERE", tmp_path)
    with pytest.raises(Unavailable, match="checkout"):
        Environments.listed(tmp_path)


# --- receive paths -------------------------------------------------------------------------------


STEADY, FLAT_OUT = Pace("1,000/s", 1000), Pace("saturated", math.inf, 2)
DATAGRAMS = 200


@pytest.fixture
def datagrams(tmp_path):
    """A capture of some hundred datagrams."""
    path = tmp_path / "datagrams.pcap"
    path.write_bytes(feed_pcap(*[mold(n + 1, MESSAGES[0]) for n in range(DATAGRAMS)]))
    with zcviz.open(path) as feed:
        yield feed


def test_paths_are_measured_in_processes_of_their_own(datagrams, tmp_path):
    said, paths = [], ("udp.recv_into", "replay")
    slow, fast, file = measure_receiving(
        datagrams, tmp_path, 1, said.append, paces=(STEADY, FLAT_OUT), paths=paths
    )
    assert [(each.path, each.pace) for each in (slow, fast, file)] == [
        ("udp.recv_into", STEADY.name), ("udp.recv_into", FLAT_OUT.name),
        ("replay", FLAT_OUT.name),
    ]  # fmt: skip
    assert slow.sent == (DATAGRAMS,)
    assert fast.sent == (2 * DATAGRAMS,)
    assert file.sent == file.received == (DATAGRAMS,)
    for each in (slow, fast, file):
        assert 0 <= each.lost < sum(each.sent)
        assert len(each.cpu) == len(each.allocations) == len(each.syscalls) == 1
        assert min(each.cpu) > 0
        assert not each.note
    assert all(calls >= 1 for calls in slow.syscalls)
    assert file.syscalls == (None,)
    assert len(said) == len(paths)


def test_a_path_whose_sender_fails_says_so(datagrams, tmp_path):
    with pytest.raises(Unavailable, match="No such file"):
        receiving._run("udp.recv_into", tmp_path / "nothing", [STEADY])


def not_permitted(path, **options):
    raise PermissionError(errno.EPERM, "not permitted")


def test_a_refusal_names_the_error_and_what_would_help(monkeypatch, datagrams, tmp_path):
    refusal = {"refused": errno.EPERM}
    monkeypatch.setattr(passes, "open_path", not_permitted)
    assert passes._receive("packet.ring_v3", "any", []) == refusal
    told = json.dumps(refusal)
    monkeypatch.setattr(receiving, "run", lambda command, seconds, environment: told)
    said = []
    (found,) = measure_receiving(
        datagrams, tmp_path, 3, said.append, paces=(STEADY,), paths=("packet.ring_v3",)
    )
    assert len(said) == 1  # it is not tried again
    assert (found.pace, found.cpu, found.sent, found.lost) == ("", (), (), 0)
    assert found.note.startswith("refused: EPERM; ")
    assert "CAP_NET_RAW" in found.note


def test_a_pass_ends_with_what_the_sender_did_not_get_through(datagrams):
    class Silent:
        datagrams = DATAGRAMS

        def begin(self, address, rate, rounds):
            answer = Future()
            answer.set_result("7\n")
            return answer

    with zcviz.receive.open("udp.recv_into") as receiver:
        assert passes._pass(receiver, Silent(), 1.0, 1) == (7, 0)


# --- the report ----------------------------------------------------------------------------------

COPIED = Line(COPY, "M messages/s", (0.5, 1.0, 2.0), 6e6, 100)
FAST = Line("fast", "M messages/s", (0.25,), 6e6, 100, goals=(Goal(3, 5, against=COPY), Goal(20)))
SMALL = Line("small", "MiB", (7.0,), note="of a file", goals=(Goal(8, less=True),))
PART = Line("part", "M records/s", (1.0,), 6e6)
NEVER = Line("never", "M messages/s", note="not here", goals=(Goal(2, against="fast"),))
SLOW = Line("slow", "M messages/s", (2.0,), 6e6, 100, "1.0: looks", rival="fast")
QUICK = Line("quick", "M messages/s", (0.1,), 6e6, 100, "1.0: sees", rival="fast")
FAILED = Line("failed", "M messages/s", note="1.0: fails; **not measured**: x", rival="fast")


@pytest.fixture(scope="module")
def report():
    sections = (Section("Ours", "text", (COPIED, FAST, PART, SMALL, NEVER)),
                Section("Theirs", "text", (SLOW, QUICK, FAILED)))  # fmt: skip
    return Report({"processor": "x"}, 6_000_000, COPY, sections)


def test_a_report_compares_what_can_be_compared(report):
    assert report.ratio(FAST, COPY) == 4
    assert report.ratio(FAST, "absent") is report.ratio(NEVER, COPY) is None
    found = [(each.job, each.name, each.value, each.met) for each in report.verdicts(FAST)]
    assert found == [("fast", "at least", 4, True), ("fast", "stretch", 4, False),
                     ("fast", "at least", 24, True)]  # fmt: skip
    assert [each.met for each in report.verdicts(SMALL)] == [True]
    assert [each.met for each in report.verdicts(NEVER)] == [None]


def test_a_report_reads(report):
    text = to_markdown(report)
    lines = dict(line[2:].split(" | ", 1) for line in text.splitlines() if line.startswith("| "))
    assert "6.00 M messages/s | 0.000 | 1.00 |  | 4.00 | 3 |" in lines[COPY]
    assert "4.00 × fresh copy: at least 3 met, stretch 5 not met" in lines["fast"]
    assert "24.0 M messages/s: at least 20 met" in lines["fast"]
    assert lines["part"] == "6.00 M records/s |  |  |  | 1.00 | 1 |"
    assert "7.00 MiB |  |  | 7.00 MiB: at most 8 met; of a file | 1.00 | 1 |" in lines["small"]
    assert lines["never"] == "– |  |  | × fast: at least 2; not here |  |  |"
    assert "| fast | 8.00 | 1.00 | 1 |" in lines["slow"]
    assert "| fast | 0.400, **not ahead** |" in lines["quick"]
    assert "**not measured**: x | – |  | fast |  |  |  |" in lines["failed"]
    assert "- processor: x" in text


def test_tables_are_whole(report):
    tables = [block for block in to_markdown(report).split("\n\n") if block.startswith("| ")]
    assert len(tables) == 3
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1


def test_a_report_shows_paths_side_by_side(report):
    met = Reception("udp.recv", "slow", (2.0, 1.5, 3.0), (None,) * 3, (1.0,) * 3, (10,) * 3,
                    (10, 9, 10))  # fmt: skip
    refused = Reception("xdp.copy", "", note="refused: EPERM; ask")
    whole = replace(report, receptions=(met, refused))
    text = to_markdown(whole)
    cpu, blocks = "2.00 (1.50 to 3.00)", "1.00 (1.00 to 1.00)"
    assert f"| slow | udp.recv | {cpu} | {blocks} | not known | 1 of 30 | 3 |  |" in text
    assert "|  | xdp.copy | – | – | – |  |  | refused: EPERM; ask |" in text
    assert "## Receiving" not in to_markdown(report)
    kept = json.loads(whole.to_json())["receptions"]
    assert [each["cpu"] for each in kept] == [[2.0, 1.5, 3.0], []]


def test_a_report_keeps_raw_samples(report):
    kept = json.loads(report.to_json())
    assert kept["sections"][0]["lines"][0]["samples"] == [0.5, 1.0, 2.0]
    assert [each["met"] for each in kept["verdicts"]] == [True, False, True, True, None]


@pytest.mark.slow
def test_the_benchmark_writes_its_report(tmp_path):
    command = [sys.executable, "-m", "zcviz.bench", "--messages", "20000", "--rounds", "1"]
    subprocess.run(
        [*command, "--no-peers", "--out", str(tmp_path)],
        check=True, capture_output=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["messages"] == 20_000
    text = (tmp_path / "REPORT.md").read_text(encoding="utf-8")
    lines = [line for section in report["sections"] for line in section["lines"]]
    assert all(line["job"] in text for line in lines)
    paths = {each["path"] for each in report["receptions"]}
    assert paths == set(zcviz.receive.PATHS)
    assert all(each["cpu"] or each["note"] for each in report["receptions"])
    missing = {line["note"] for line in lines if not line["samples"]}
    assert missing <= {"left out of this run", "not on this processor"}
    assert (tmp_path / "pipelines.svg").read_text(encoding="utf-8").startswith("<svg ")
