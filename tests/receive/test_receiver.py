"""What is the same on every path with a socket: contents, counts, lifetimes, waiting, closing."""

from __future__ import annotations

import errno
import gc
import math
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from tests.receive.loopback import (
    CALLING_PATHS,
    SLOT_PATHS,
    SOCKET_PATHS,
    drained,
    numbered,
    numbers_in,
    opened,
    sender,
)
from zcviz import receive
from zcviz.errors import BufferLifetimeError, SelectionError
from zcviz.kernels.messages import DATAGRAM

PAYLOADS = [b"", b"x", b"", bytes(range(256)) * 5, b"ITCH" * 25, b"\0" * 1400, b""]


@pytest.fixture(params=SOCKET_PATHS)
def path(request):
    return request.param


def received(receiver, count):
    """The numbers of so many datagrams, in as many batches as it takes."""
    got = []
    while sum(map(len, got)) < count and (batch := receiver.receive(10)) is not None:
        got.append(numbers_in(batch))
    return np.concatenate(got)


# --- contents ------------------------------------------------------------------------------------


def test_every_byte_arrives_and_empty_datagrams_too(path):
    with opened(path) as receiver, sender(receiver) as send:
        send(*PAYLOADS)
        batch = receiver.receive(5)
        assert [bytes(view) for view in batch] == PAYLOADS
        assert len(batch) == len(PAYLOADS)
        assert batch.nbytes == sum(map(len, PAYLOADS))
        assert (batch.table[:, DATAGRAM.FULL] == batch.table[:, DATAGRAM.STOP]).all()
        assert all(view.readonly for view in batch)
        assert not batch.memory.flags.writeable
        counters = receiver.counters
        assert (counters.datagrams, counters.bytes) == (len(PAYLOADS), batch.nbytes)
        assert (counters.cut, counters.dropped or 0, counters.lost or 0) == (0, 0, 0)
        assert counters.cpu > 0


def test_more_than_fits_at_once_comes_in_several_batches(path):
    payloads = numbered(0, 50)
    with opened(path, slots=16) as receiver, sender(receiver) as send:
        send(*payloads)
        batches = [len(batch) for batch in receiver.batches(0)]
        assert batches == [16, 16, 16, 2]
        send(*payloads)
        assert drained(receiver, 50) == payloads
        assert receiver.counters.datagrams == 100


def test_a_batch_over_many_slots_is_listed_as_it_lies(path):
    with opened(path, slots=300) as receiver, sender(receiver) as send:
        for first in (0, 200, 400):
            send(*numbered(first, first + 200))
            assert received(receiver, 200).tolist() == list(range(first, first + 200))


@pytest.mark.parametrize(
    "total",
    [20_000, 100_000, pytest.param(1_000_000, marks=pytest.mark.slow)],
    ids="{:,}".format,
)
def test_all_arrive_without_loss(path, total):
    """In lock-step: a window is sent, and all of it received before the next one."""
    window = 200
    payloads = numbered(0, window)
    expected = np.arange(window)
    with opened(path) as receiver, sender(receiver) as send:
        for _ in range(total // window):
            send(*payloads)
            assert np.array_equal(received(receiver, window), expected)
        counters = receiver.counters
        assert (counters.datagrams, counters.bytes) == (total, 100 * total)
        assert not counters.dropped and not counters.lost


def test_sent_is_received_and_dropped_while_both_go_on(path):
    """A sender that does not wait, in a thread of its own; what is lost is counted exactly."""
    total = 20_000
    with opened(path, buffer=20_000) as receiver, sender(receiver) as send:
        sending = threading.Thread(target=send, args=numbered(0, total))
        sending.start()
        got = []
        while sending.is_alive() or not got:
            got += [numbers_in(batch) for batch in receiver.batches(0.05)]
        sending.join()
        got += [numbers_in(batch) for batch in receiver.batches(0)]
        numbers, counters = np.concatenate(got), receiver.counters
        assert (np.diff(numbers) > 0).all()
        assert counters.datagrams == len(numbers)
        if counters.dropped is not None:
            assert total == counters.datagrams + counters.dropped + (counters.lost or 0)


def test_a_wait_does_not_end_before_something_came(path):
    """Whatever comes at which moment: there is room for all, and so nobody waits in vain."""
    total = 4000
    with opened(path, buffer=4_000_000) as receiver, sender(receiver) as send:
        if total * 1000 > receiver.granted:
            pytest.skip("there is not room for all")
        sending = threading.Thread(target=lambda: [send(each) for each in numbered(0, total)])
        sending.start()
        while receiver.counters.datagrams < total:
            assert receiver.receive(10) is not None
        sending.join()


# --- lifetimes -----------------------------------------------------------------------------------


def test_a_batch_is_used_up_by_release_and_by_the_next_receive(path):
    with opened(path, slots=1) as receiver, sender(receiver) as send:
        send(b"first", b"second", b"third")
        first = receiver.receive(5)
        view = first[0]
        assert bytes(view) == b"first"
        second = receiver.receive(5)
        assert first.released
        for look in (lambda: first[0], lambda: first.memory, lambda: first.table, first.copy):
            with pytest.raises(BufferLifetimeError, match="released"):
                look()
        with second:
            assert bytes(second[0]) == b"second"
        second.release()  # once more does nothing
        assert second.released and receiver.generation == 2
        assert bytes(receiver.receive(5)[0]) == b"third"


@pytest.mark.parametrize("path", SLOT_PATHS)
def test_a_view_that_is_kept_sees_other_bytes_later(path):
    with opened(path, slots=1) as receiver, sender(receiver) as send:
        send(b"first", b"later")
        kept = receiver.receive(5)[0]
        assert bytes(kept) == b"first"
        batch = receiver.receive(5)
        assert bytes(kept) == b"later" == bytes(batch[0])


def test_a_copy_stays(path):
    with opened(path) as receiver, sender(receiver) as send:
        send(*PAYLOADS)
        copied = receiver.receive(5).copy()
        send(*numbered(0, 20))
        assert len(receiver.receive(5)) == 20
        assert [bytes(view) for view in copied] == PAYLOADS
    assert [bytes(view) for view in copied] == PAYLOADS


def test_debug_mode_names_a_view_that_is_kept(path):
    with opened(path, debug=True) as receiver, sender(receiver) as send:
        send(b"one", b"two")
        batch = receiver.receive(5)
        kept_by_me = batch[1]
        with pytest.raises(BufferLifetimeError, match=r"2 datagrams.*memoryview 'kept_by_me'"):
            batch.release()
        with pytest.raises(BufferLifetimeError, match="kept_by_me"):
            receiver.receive(0)
        assert bytes(kept_by_me) == b"two"
        del kept_by_me
        batch.release()
        assert receiver.receive(0) is None


def test_debug_mode_lets_go_what_nobody_looks_at(path):
    with opened(path, debug=True) as receiver, sender(receiver) as send:
        for _ in range(3):
            send(*PAYLOADS)
            batch = receiver.receive(5)
            assert sum(map(len, batch)) == batch.nbytes
        assert receiver.generation == 2


# --- waiting -------------------------------------------------------------------------------------


def test_nothing_comes_in_time(path):
    with opened(path) as receiver:
        assert receiver.receive(0) is None
        assert receiver.receive(-1) is None
        before = time.monotonic()
        assert receiver.receive(0.03) is None
        assert time.monotonic() - before >= 0.025
        assert list(receiver.batches(0.001)) == []


def test_waiting_for_ever_ends_when_something_comes(path):
    with opened(path) as receiver, sender(receiver) as send:
        later = threading.Timer(0.05, send, [b"at last"])
        later.start()
        assert [bytes(view) for view in receiver.receive()] == [b"at last"]
        later.join()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no signals from a timer here")
def test_a_signal_runs_its_handler_and_the_wait_goes_on(path):
    with opened(path) as receiver, sender(receiver) as send:
        seen = []

        def handler(*_):
            seen.append(len(seen))
            if len(seen) == 3:
                send(b"sent by the handler")

        before = signal.signal(signal.SIGALRM, handler)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
            batch = receiver.receive(10)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        assert bytes(batch[0]) == b"sent by the handler" and len(seen) >= 3


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no signals from a timer here")
def test_an_interruption_ends_the_wait_and_the_receiver_still_works(path):
    class Enough(Exception):
        pass

    def handler(*_):
        raise Enough

    with opened(path) as receiver, sender(receiver) as send:
        before = signal.signal(signal.SIGALRM, handler)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.02)
            with pytest.raises(Enough):
                receiver.receive(10)
        finally:
            signal.signal(signal.SIGALRM, before)
        send(b"after")
        assert bytes(receiver.receive(5)[0]) == b"after"


@pytest.mark.parametrize("path", CALLING_PATHS)
def test_an_error_that_came_back_for_something_sent_is_passed_over(path):
    nobody = opened("udp.recv")
    nobody.close()
    with opened(path) as receiver:
        receiver._socket.connect(nobody.address)  # only a connected one is told
        receiver._socket.send(b"is anybody there?")
        assert receiver.receive(0.05) is None
        receiver._socket.send(b"is anybody there?")
        assert receiver.receive(0) is None


@pytest.mark.parametrize(
    ("path", "calls"),
    [("udp.recv", 4), ("udp.recv_into", 4), ("udp.recvmsg", 4), ("udp.recvmmsg", 1),
     ("udp.gro", 4)],
)  # fmt: skip
def test_calls_of_the_system_are_counted(path, calls):
    with opened(path) as receiver, sender(receiver) as send:
        assert receiver.counters.syscalls == 0
        send(b"a", b"b", b"c")
        receiver.receive()
        assert receiver.counters.syscalls == calls  # one for each and one more, or one for all
        receiver.receive(0)
        assert receiver.counters.syscalls == calls + 1
        receiver.receive(0.001)  # how long to wait has to be said first
        receiver.receive(0.001)
        assert receiver.counters.syscalls == calls + 4


# --- closing -------------------------------------------------------------------------------------


def test_closing_twice_and_using_it_afterwards(path):
    receiver = opened(path)
    with sender(receiver) as send:
        send(b"one")
        batch = receiver.receive(5)
    counted = receiver.counters
    receiver.close()
    receiver.close()
    assert receiver.closed and batch.released
    assert "closed" in repr(receiver)
    assert (receiver.counters.datagrams, receiver.counters.dropped) == (1, counted.dropped)
    with pytest.raises(BufferLifetimeError, match="closed"):
        receiver.receive(0)
    with pytest.raises(BufferLifetimeError, match="released"):
        batch[0]


@pytest.mark.parametrize("timeout", [None, 30])
def test_closing_from_another_thread_ends_the_wait(path, timeout):
    receiver = opened(path)
    got = []
    waiting = threading.Thread(target=lambda: got.append(receiver.receive(timeout)))
    waiting.start()
    time.sleep(0.1)
    receiver.close()
    waiting.join(10)
    assert not waiting.is_alive() and got == [None]


def test_a_wait_without_an_end_may_be_told_as_infinity(path):
    with opened(path) as receiver, sender(receiver) as send:
        send(b"x")
        assert [bytes(view) for view in receiver.receive(math.inf)] == [b"x"]


def test_nothing_is_left_open(path):
    descriptors = Path("/proc/self/fd")
    if not descriptors.is_dir():
        pytest.skip("descriptors are not listed here")
    opened(path).close()
    before = len(list(descriptors.iterdir()))
    for _ in range(3):
        with opened(path) as receiver, sender(receiver) as send:
            send(b"x")
            receiver.receive(5)
    gc.collect()
    assert len(list(descriptors.iterdir())) == before


def test_an_address_that_is_taken_is_refused_with_the_systems_errno(path):
    with opened(path) as receiver, pytest.raises(OSError) as refused:
        receive.open(path, port=receiver.address[1])
    assert refused.value.errno == errno.EADDRINUSE


def test_each_path_says_which_copies_it_makes():
    for name in receive.PATHS:
        kind = receive.path_named(name)
        assert kind.name == name and kind.copies


# --- options -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"port": 70_000}, "port: expected a whole number from 0 to 65,535, found 70000"),
        ({"port": 1.5}, "port: expected a whole number from 0 to 65,535, found 1.5"),
        ({"host": ""}, "host: expected an IPv4 address, found ''"),
        ({"host": 2130706433}, "host: expected an IPv4 address, found 2130706433"),
        ({"interface": "lo\0x"}, "interface: expected a name, found 'lo\\x00x'"),
        (
            {"buffer": 1 << 40},
            "buffer: expected a whole number from 1 to 1,073,741,824, found 1099511627776",
        ),
        (
            {"block": 1 << 30, "blocks": 1 << 16},
            "blocks: expected up to 68,719,476,736 bytes in all, found 70,368,744,177,664",
        ),
        ({"host": "localhost"}, "host: expected an IPv4 address, found 'localhost'"),
        ({"group": "10.0.0.1"}, "group: expected 224.0.0.0 to 239.255.255.255, found 10.0.0.1"),
        ({"source": "10.0.0.1"}, "source: a sender is chosen for a group, and no group is given"),
        ({"slots": 0}, "slots: expected a whole number from 1 to 1,048,576, found 0"),
    ],
)
def test_options_that_make_no_sense(options, text):
    with pytest.raises(SelectionError) as refused:
        receive.open("udp.recv", **options)
    assert str(refused.value) == text


def test_a_path_that_is_not_there():
    with pytest.raises(
        SelectionError, match=r"no receive path is called 'udp'; there are udp\.recv"
    ):
        receive.open("udp")


@pytest.mark.parametrize("choice", ["fast", "low-latency"])
def test_a_default_takes_the_first_that_is_permitted(choice, monkeypatch):
    def forbidden(where):
        raise PermissionError(1, "not permitted")

    names = {"fast": receive.FAST, "low-latency": receive.LOW_LATENCY}[choice]
    real = receive.path_named
    allowed = "udp.recv_into"
    monkeypatch.setattr(
        receive, "path_named", lambda name: real(name) if name == allowed else forbidden
    )
    with receive.open(choice) as receiver:
        assert receiver.name == allowed
    allowed = "none of them"
    with pytest.raises(PermissionError):
        receive.open(choice)
    assert "udp.recv_into" in names
