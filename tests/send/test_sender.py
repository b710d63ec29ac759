"""A sender against plain sockets on loopback: every byte, every accident, every error."""

from __future__ import annotations

import errno
import json
import math
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import zcviz
from tests.helpers import end_of_session, feed_pcap, frames, mold, numbered
from tests.send.listening import Listener
from zcviz import cli, samples
from zcviz.buffers import address_of
from zcviz.errors import BufferLifetimeError, SelectionError, TruncatedError
from zcviz.mmsg import call_named
from zcviz.send import Faults, Sender, cargo_of, outlet, plan_of, replay

ROOT = Path(__file__).resolve().parents[2]
SENT = [numbered(1, 2), mold(3), *(numbered(3 + 2 * n, 2) for n in range(40)), end_of_session(83)]
AT_ONCE = {"rate": math.inf}


@pytest.fixture
def path(tmp_path):
    made = tmp_path / "feed.pcap"
    made.write_bytes(feed_pcap(*SENT))
    return made


@pytest.fixture
def feed(path):
    with zcviz.open(path) as opened:
        yield opened


@pytest.fixture(params=["sendmmsg", "send"])
def way(request, monkeypatch):
    """Each way to hand datagrams to the system."""
    if request.param == "send":
        monkeypatch.setattr(outlet, "call_named", lambda name: None)
    elif call_named("sendmmsg") is None:
        pytest.skip("no sendmmsg here")
    return request.param


# --- bytes ---------------------------------------------------------------------------------------


def test_every_byte_arrives_in_order(path, listener, way):
    sent = replay(path, listener.address, **AT_ONCE)
    assert listener.taken() == SENT
    assert (sent.datagrams, sent.bytes) == (len(SENT), sum(map(len, SENT)))
    assert sent.calls == (1 if way == "sendmmsg" else len(SENT))
    assert (sent.late, sent.refused, sent.dropped, sent.missing) == (0, 0, 0, 0)


def test_a_binaryfile_arrives_as_the_capture_of_it_does(tmp_path, listener, way):
    itch, pcap = samples.make(tmp_path, 5000)
    with zcviz.open(pcap) as capture:
        (count,) = capture.index.datagrams.offsets.shape
    came = []
    for each in (itch, pcap):
        with Sender(each, listener.address, **AT_ONCE) as sender:
            while sender.turn(0):
                came += listener.taken()
        came += listener.taken()
    assert came[:count] == came[count:]
    assert b"".join(each[20:] for each in came[:count]) == itch.read_bytes()


@pytest.mark.skipif(call_named("sendmmsg") is None, reason="no sendmmsg here")
def test_the_system_is_pointed_into_the_map(feed, itch_file, listener):
    for one, column in ((feed, 1), (zcviz.open(itch_file), 1)):
        start, size = address_of(one.source.view)
        with Sender(one, listener.address, **AT_ONCE) as sender:
            sender.turn(0)
            base = sender.lanes[0]._outlet._base[:5, column].astype(int)
            assert ((start <= base) & (base < start + size)).all()
    one.close()


def test_in_pieces_on_systems_without_a_call_for_pieces(feed):
    class Windows:
        def __init__(self):
            self.came = []

        def send(self, piece):
            self.came.append(bytes(piece))

    there = Windows()
    cargo = cargo_of(feed).with_headers()
    out = outlet.Single(cargo, there)
    flips = np.array([-1, -1, 0, 22, len(SENT[4]) - 1])
    out.aim(np.arange(5), flips)
    assert [out.push(at, 5) for at in range(5)] == [1] * 5
    expected = [bytearray(each) for each in SENT[:5]]
    for each, at in zip(expected[2:], flips[2:], strict=True):
        each[at] ^= 0x80
    assert there.came == [bytes(each) for each in expected]


# --- which, how often ----------------------------------------------------------------------------


def test_from_a_datagram_on(path, listener):
    replay(path, listener.address, first=30, **AT_ONCE)
    assert listener.taken() == SENT[30:]
    replay(path, listener.address, first=len(SENT) - 1, **AT_ONCE)
    assert listener.taken() == SENT[-1:]
    with pytest.raises(SelectionError, match=f"datagram {len(SENT)}: .* has {len(SENT)}, counted"):
        replay(path, listener.address, first=len(SENT))


def test_a_loop_repeats_the_bytes_as_they_are(path, listener, way):
    sent = replay(path, listener.address, loop=3, **AT_ONCE)
    assert listener.taken() == 3 * SENT
    assert sent.datagrams == 3 * len(SENT)


def test_a_loop_without_end_goes_on_until_it_is_stopped(path, listener):
    with Sender(path, listener.address, loop=0, **AT_ONCE) as sender:
        came = []
        for _ in range(7):
            assert sender.turn(0)
            came += listener.taken()
        assert came == 7 * SENT
        assert sender.share == 0
    assert sender.sent.datagrams == 7 * len(SENT)


@pytest.mark.parametrize("renumber", [False, True])
def test_numbers_may_go_on_from_round_to_round(path, listener, way, renumber):
    faults = Faults(gap=0.1, seed=4)
    options = {"loop": 3, "renumber": renumber, "faults": faults, **AT_ONCE}
    with Sender(path, listener.address, **options) as sender:
        while sender.turn(1):
            pass
    came, sent = listener.taken(), sender.sent
    seen = accounting(came)
    assert (seen.missing, seen.gaps, seen.restarts) == (sent.missing, sent.gaps, 0)
    assert sent.dropped == 12
    if renumber:
        assert (seen.missing, seen.duplicates) == (24, 0)
        assert [each[20:] for each in came] == 3 * [each[20:] for each in came[: len(came) // 3]]
        assert came[-1] == end_of_session(83 + 2 * 82)
    else:
        assert (seen.missing, seen.duplicates) == (8, 2 * 37)


def test_numbers_that_go_round_are_no_trouble(listener):
    odd = [numbered(5, 1), numbered(2**64 - 1, 1), mold(0, b"S" + bytes(11)), mold(9)]
    with zcviz.open(feed_pcap(*odd), "itch50") as feed:
        replay(feed, listener.address, loop=3, renumber=True, **AT_ONCE)
    came = [int.from_bytes(each[10:18], "big") for each in listener.taken()]
    assert came[:4] == [5, 2**64 - 1, 0, 9]
    assert came[4:8] == [0, 2**64 - 6, 0, 4]
    assert came[10] == 0


def test_what_is_not_moldudp64_is_not_renumbered(listener):
    with zcviz.open(samples.small("tops16").data) as feed, pytest.raises(SelectionError):
        Sender(feed, listener.address, renumber=True)


# --- accidents -----------------------------------------------------------------------------------


def accounting(came):
    with zcviz.open(feed_pcap(*came), "itch50") as feed:
        return feed.sequences


@pytest.mark.parametrize("container", ["pcap", "itch"])
def test_accidents_arrive_exactly_as_planned(tmp_path, listener, way, container):
    path = dict(zip(("itch", "pcap"), samples.make(tmp_path, 3000, seed=2), strict=True))[container]
    faults = Faults(0.05, 0.04, 0.03, 0.02, 0.01, distance=3, seed=11)
    came = []
    with Sender(path, listener.address, faults=faults, **AT_ONCE) as sender:
        plan, whole = sender.lanes[0].plan, sender.lanes[0].cargo
        expected = plan.which.tolist()
        counts = plan.counts(whole)
        del whole
        while sender.turn(0):
            came += listener.taken()
        came += listener.taken()
        sent = sender.sent
    assert sent.datagrams == len(came) == len(expected)
    assert min(counts) > 0
    assert tuple(sent.to_dict().values())[-7:] == counts
    came_whole = replayed(path, listener)
    for datagram, which, flip in zip(came, expected, plan.flips.tolist(), strict=True):
        assert datagram == turned(came_whole[which], flip)
    # And a receiver finds it so.
    with zcviz.open(feed_pcap(*came), "itch50") as feed:
        seen, types = feed.sequences, feed.counts()
        assert (seen.missing, seen.gaps) == (sent.missing, sent.gaps)
        assert (seen.duplicates, seen.restarts) == (sent.duplicated, 0)
        assert feed.report.skipped == {"another protocol": sent.corrupted_headers}
        odd = sum(count for tag, count in types.items() if tag.startswith("0x"))
        assert odd == sent.corrupted


def replayed(path, listener):
    came = []
    with Sender(path, listener.address, **AT_ONCE) as sender:
        while sender.turn(0):
            came += listener.taken()
    return came + listener.taken()


def turned(datagram, at):
    if at < 0:
        return datagram
    return datagram[:at] + bytes([datagram[at] ^ 0x80]) + datagram[at + 1 :]


def test_two_sides_meet_with_accidents_of_their_own(path, listener, other):
    faults = Faults(gap=0.2, seed=3)
    with Sender(path, [listener.address, other.address], faults=faults, **AT_ONCE) as sender:
        while sender.turn(1):
            pass
    for seed, each, side in zip((3, 4), (listener, other), sender.sides, strict=True):
        with zcviz.open(path) as feed:
            lost = set(plan_of(cargo_of(feed), Faults(gap=0.2, seed=seed)).dropped.tolist())
        assert each.taken() == [one for at, one in enumerate(SENT) if at not in lost]
        assert (side.dropped, side.missing) == (8, 16)
    assert (sender.sent.dropped, sender.sent.datagrams) == (16, 2 * (len(SENT) - 8))


def test_faults_may_be_given_side_by_side(path, listener, other):
    both = [listener.address, other.address]
    sent = replay(path, both, faults=[Faults(), Faults(duplicate=1)], **AT_ONCE)
    assert sent.duplicated == 39
    assert len(listener.taken()) == len(SENT)
    assert len(other.taken()) == len(SENT) + 39
    with pytest.raises(SelectionError, match="expected 2, one a destination, found 1"):
        Sender(path, both, faults=[Faults()])


def test_a_side_is_behind_by_the_skew(path, listener, other):
    went = []
    options = {"rate": 1000, "skew": 15_000, "announce": lambda side, which: went.extend(
        (side, int(each)) for each in which)}  # fmt: skip
    replay(path, [listener.address, other.address], **options)
    assert listener.taken() == other.taken() == SENT
    first, *_ = (at for at, (side, _) in enumerate(went) if side == 1)
    assert first >= 15
    assert [number for side, number in went if side == 1][:3] == [1, 3, 3]


# --- pace ----------------------------------------------------------------------------------------


def test_only_what_is_due_goes_out(path, listener):
    with Sender(path, listener.address, rate=0.001, burst=5) as sender:
        assert sender.turn(0)
        assert sender.turn(0.01)
        assert listener.taken() == SENT[:5]
        assert sender.backlog == 0
        sender.change(rate=0.001, burst=3)
        sender.turn(0)
        assert listener.taken() == SENT[5:8]
        sender.rate = math.inf
        assert not sender.turn(1)
        assert listener.taken() == SENT[8:]
        assert sender.rate == math.inf
        assert sender.finished
        assert sender.share == 1
        assert not sender.turn(0)


def test_back_to_the_recorded_pace(path, listener):
    with Sender(path, listener.address, rate=0.001, burst=5) as sender:
        sender.turn(0)
        sender.rate = None
        sender.turn(0)
        assert listener.taken() == SENT[:6]
        sender.change(factor=1e9)
        assert not sender.turn(10)
        assert listener.taken() == SENT[6:]
        with pytest.raises(SelectionError, match="loop: cannot be changed"):
            sender.change(loop=2)


def test_without_times_a_rate_has_to_be_given(listener):
    with zcviz.open(samples.small("itch41", "binaryfile").data, "itch41") as feed:
        with pytest.raises(SelectionError, match="give a rate"):
            Sender(feed, listener.address)
        replay(feed, listener.address, **AT_ONCE)


def test_what_is_behind_is_told(path, listener):
    with Sender(path, listener.address, rate=10_000) as sender:
        assert sender.backlog == 0
        sender.turn(0)
        time.sleep(0.02)
        assert sender.backlog >= 40
        sender.change()  # after a pause: not made up for
        assert sender.backlog < 40
    assert sender.backlog == 0


def test_progress_is_told(itch_file, listener):
    seen = []
    replay(itch_file, listener.address, rate=100, progress=lambda *at: seen.append(at))
    assert len(listener.taken()) == 20 or seen
    read = []
    Sender(itch_file, listener.address, progress=lambda *at: read.append(at), rate=1).close()
    assert read[-1] == (itch_file.stat().st_size,) * 2


def test_those_that_are_late_are_counted(path, listener):
    with Sender(path, listener.address, rate=10_000) as sender:
        sender.turn(0)
        time.sleep(0.02)
        while sender.turn(0.1):
            pass
    assert sender.sent.late >= 1
    assert listener.taken() == SENT


# --- what the system says ------------------------------------------------------------------------


def test_nobody_listens(path, way):
    gone = Listener()
    gone.close()
    sent = replay(path, gone.address, **AT_ONCE)
    assert sent.datagrams == len(SENT)
    if sys.platform == "linux":
        assert sent.refused > 0
    with Sender(path, gone.address, loop=0, **AT_ONCE) as sender:
        sender.turn(0.01)  # and it does not go round for ever


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOBUFS])
def test_no_room_is_waited_for_and_nothing_is_lost(path, listener, monkeypatch, way, number):
    kind = outlet.Many if way == "sendmmsg" else outlet.Single
    real, calls = kind.push, []

    def push(self, done, ready):
        calls.append(done)
        if len(calls) % 3:
            raise OSError(number, "no room")
        return real(self, done, min(ready, done + 7))

    monkeypatch.setattr(kind, "push", push)
    sent = replay(path, listener.address, **AT_ONCE)
    assert listener.taken() == SENT
    assert sent.full > 0
    assert sent.full == len(calls) - len(calls) // 3
    assert sent.calls == len(calls)


def test_what_is_too_long_for_udp_is_left_out(listener, way):
    content = frames(b"z" * 60_000, b"y" * 65_535, b"x" * 50)
    with zcviz.open(content, "itch50") as feed:
        sent = replay(feed, listener.address, **AT_ONCE)
    came = listener.taken()
    assert (sent.oversized, sent.datagrams) == (1, len(came))
    assert [each[22:23] for each in came if len(each) > 20] == [b"z", b"x"]


def test_other_errors_end_it_and_say_where(path, listener, monkeypatch, way):
    kind = outlet.Many if way == "sendmmsg" else outlet.Single
    real = kind.push

    def push(self, done, ready):
        if done > 4:
            raise OSError(errno.ENETUNREACH, "Network is unreachable")
        return real(self, done, min(ready, done + 5))

    monkeypatch.setattr(kind, "push", push)
    with Sender(path, listener.address, **AT_ONCE) as sender:
        with pytest.raises(OSError, match="unreachable") as refused:
            sender.turn(1)
        assert refused.value.filename == "{}:{}".format(*listener.address)
        # It may be tried again: nothing went out twice, nothing is left out.
        monkeypatch.setattr(kind, "push", real)
        assert not sender.turn(1)
    assert listener.taken() == SENT
    monkeypatch.setattr(kind, "push", push)
    with pytest.raises(OSError, match="unreachable") as refused:
        replay(path, listener.address, **AT_ONCE)
    assert not hasattr(refused.value, "__notes__")  # the file could be closed


def test_a_group_on_loopback(path):
    receiver = Listener()
    group = socket.inet_aton("239.255.77.1") + socket.inet_aton("127.0.0.1")
    try:
        receiver.socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
        receiver.socket.close()
        receiver.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        receiver.socket.bind(("", 0))
        receiver.socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
        receiver.socket.setblocking(False)
        replay(path, ("239.255.77.1", receiver.socket.getsockname()[1]), **AT_ONCE)
        came = receiver.taken()
    except OSError as error:
        pytest.skip(f"no groups here: {error}")
    finally:
        receiver.close()
    assert came == SENT


def test_ipv6(path):
    try:
        there = Listener(socket.AF_INET6, "::1")
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")
    try:
        replay(path, f"[::1]:{there.address[1]}", **AT_ONCE)
        assert there.taken() == SENT
    finally:
        there.close()


# --- memory and files ----------------------------------------------------------------------------


def test_a_feed_stays_open_as_long_as_it_is_sent(feed, listener):
    sender = Sender(feed, listener.address, **AT_ONCE)
    sender.turn(0)
    with pytest.raises(BufferLifetimeError, match="in use by"):
        feed.close()
    sender.close()
    sender.close()
    feed.close()
    assert sender.sent.datagrams == len(SENT)
    with pytest.raises(BufferLifetimeError, match="closed"):
        sender.turn(0)
    with pytest.raises(BufferLifetimeError, match="closed"):
        sender.rate = 5
    with pytest.raises(BufferLifetimeError, match="is closed"):
        replay(feed, listener.address)


def test_nothing_stays_open(path, tmp_path, listener):
    folder = Path("/proc/self/fd")

    def descriptors():
        return len(list(folder.iterdir())) if folder.is_dir() else 0

    before = descriptors()
    replay(path, [listener.address, listener.address], **AT_ONCE)
    for refused in ("10.0.0.1:5", "nonsense", []):
        with pytest.raises(SelectionError):
            replay(path, refused)
    (tmp_path / "empty").touch()
    with pytest.raises(TruncatedError):
        replay(tmp_path / "empty", listener.address)
    with pytest.raises(SelectionError):
        replay(path, listener.address, first=10**6)
    assert descriptors() == before


def test_a_long_feed_takes_no_memory_for_its_bytes(tmp_path, listener):
    _, pcap = samples.make(tmp_path, 20_000)
    with zcviz.open(pcap) as feed:
        len(feed)
        with Sender(feed, listener.address, **AT_ONCE) as sender:
            sender.turn(0)
            with zcviz.allocations() as seen:
                while sender.turn(0):
                    pass
    assert seen.peak < 100_000


# --- the command line ----------------------------------------------------------------------------


def run(capfd, *words):
    try:
        status = cli.main([str(word) for word in words])
    except SystemExit as ended:
        status = ended.code
    told = capfd.readouterr()
    return status, told.out, told.err


def test_the_command_line(path, listener, capfd):
    to = "{}:{}".format(*listener.address)
    status, out, err = run(capfd, "replay", path, "--to", to, "--rate", "inf")
    assert (status, err) == (0, "")
    assert out.startswith(f"sent to {to}: {len(SENT)} datagrams, ")
    assert out.count("\n") == 1
    assert listener.taken() == SENT
    words = ["--factor", "1e9", "--gap", "0.1", "--duplicate", "0.1", "--seed", "5", "--json"]
    status, out, _ = run(capfd, "replay", path, "--to", to, "--from-datagram", 2, *words)
    told = json.loads(out)
    assert status == 0
    assert (told["file"], told["to"]) == (str(path), [to])
    assert told["datagrams"] == len(listener.taken()) == len(SENT) - 2
    assert (told["dropped"], told["duplicated"], told["missing"]) == (4, 4, 8)


@pytest.mark.parametrize(
    "words",
    [
        ["--to", "10.0.0.1:5"], ["--to", "nonsense"], ["--to", "127.0.0.1:0"], [],
        ["--to", "127.0.0.1:9", "--rate", "0"], ["--to", "127.0.0.1:9", "--rate", "x"],
        ["--to", "127.0.0.1:9", "--gap", "2"], ["--to", "127.0.0.1:9", "--burst", "3"],
        ["--to", "127.0.0.1:9", "--from-datagram", "999"], ["--to", "127.0.0.1:9", "--seed", "-1"],
        ["--to", "127.0.0.1:9", "--loop", "-1"], ["--to", "127.0.0.1:9", "--skew", "nan"],
        ["--to", "127.0.0.1:9", "--rate", "5", "--factor", "5"],
        ["--to", "[ff02::1]:9"], ["--to", "127.255.255.255:9"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_the_command_line_refuses_in_one_line(path, capfd, words):
    status, out, err = run(capfd, "replay", path, *words)
    assert (status, out) == (2, "")
    assert err.startswith("zcviz: ")
    assert err.count("\n") == 1


def test_files_without_anything_to_send(tmp_path, capfd):
    for name, content in (("empty", b""), ("none.pcap", feed_pcap(b"tiny"))):
        path = tmp_path / name
        path.write_bytes(content)
        words = ["replay", path, "--to", "127.0.0.1:9", "--protocol", "itch50"]
        status, out, err = run(capfd, *words)
        assert (status, out, err.count("\n")) == (2, "", 1)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX systems")
@pytest.mark.parametrize("rate", ["5", "inf"])
def test_an_interruption_ends_it_and_tells_what_was_sent(path, listener, rate):
    to = "{}:{}".format(*listener.address)
    words = ["replay", str(path), "--to", to, "--rate", rate, "--loop", "0"]
    process = subprocess.Popen(
        [sys.executable, "-m", "zcviz", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    try:
        listener.socket.settimeout(60)
        assert listener.socket.recv(70_000) == SENT[0]
        listener.socket.setblocking(False)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130
    assert err == b"zcviz: interrupted\n"
    said = re.match(rb"sent to [0-9.:]+: ([0-9,]+) datagrams, ", out)
    assert said
    if rate == "5":
        assert int(said[1].replace(b",", b"")) == 1 + len(listener.taken())
