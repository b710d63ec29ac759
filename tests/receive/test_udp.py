"""What recv, recv_into and recvmsg have of their own."""

from __future__ import annotations

import errno
import time

import numpy as np
import pytest

from tests.receive.loopback import SLOT_PATHS, drained, numbered, opened, sender
from zcviz.kernels.messages import DATAGRAM
from zcviz.receive import constants

linux = pytest.mark.skipif(not constants.LINUX, reason="only Linux tells")
LONG = bytes(range(256)) * 4


@linux
@pytest.mark.parametrize("path", SLOT_PATHS)
def test_what_has_no_room_is_cut_and_counted_and_its_length_is_known(path):
    with opened(path, slot=128) as receiver, sender(receiver) as send:
        send(LONG, LONG[:128], LONG[:129], b"short")
        batch = receiver.receive(5)
        assert [bytes(view) for view in batch] == [LONG[:128], LONG[:128], LONG[:128], b"short"]
        rows = batch.table
        assert (rows[:, DATAGRAM.FULL] - rows[:, DATAGRAM.START]).tolist() == [1024, 128, 129, 5]
        assert batch.nbytes == 3 * 128 + 5
        assert receiver.counters.cut == 2
        assert receiver.counters.bytes == batch.nbytes


@pytest.mark.parametrize("path", ["udp.recv", "udp.gro", "asyncio"])
def test_these_cut_nothing(path):
    with opened(path, slot=128) as receiver, sender(receiver) as send:
        largest = bytes(60_000)
        send(LONG, largest)
        assert drained(receiver, 2) == [LONG, largest]
        assert receiver.counters.cut == 0


def test_a_system_that_refuses_long_datagrams_has_them_counted(monkeypatch):
    """Windows: WSAEMSGSIZE, and the datagram is gone."""

    class Refusing:
        def __init__(self, real):
            self.real, self.calls = real, 0

        def recv_into(self, *arguments):
            self.calls += 1
            if self.calls == 1:
                self.real.recv_into(*arguments)
                raise OSError(errno.EMSGSIZE, "too long")
            return self.real.recv_into(*arguments)

        def __getattr__(self, name):
            return getattr(self.real, name)

    with opened("udp.recv_into") as receiver, sender(receiver) as send:
        receiver._socket = Refusing(receiver._socket)
        send(LONG, b"next")
        assert drained(receiver, 1) == [b"next"]
        assert receiver.counters.cut == 1


def test_other_errors_of_the_system_are_raised():
    with opened("udp.recv_into") as receiver:
        receiver._socket.close()
        with pytest.raises(OSError) as raised:
            receiver.receive(0)
        assert raised.value.errno == errno.EBADF


@pytest.mark.parametrize("path", ["udp.recv", "asyncio"])
def test_new_bytes_for_every_batch_are_never_overwritten(path):
    with opened(path, slots=1) as receiver, sender(receiver) as send:
        send(b"first", b"later")
        kept = receiver.receive(5)[0]
        receiver.receive(5)
        assert bytes(kept) == b"first"


@pytest.mark.parametrize("path", SLOT_PATHS)
def test_slots_are_the_same_memory_at_every_batch(path):
    with opened(path) as receiver, sender(receiver) as send:
        addresses = set()
        for _ in range(3):
            send(b"a", b"b")
            batch = receiver.receive(5)
            addresses.add(batch.memory.ctypes.data)
            assert np.diff(batch.table[:, DATAGRAM.START]).tolist() == [receiver.where.slot]
        assert len(addresses) == 1


def test_the_kernel_says_when_it_saw_each():
    with opened("udp.recvmsg") as receiver, sender(receiver) as send:
        before = time.time_ns()
        send(*numbered(0, 5))
        after = time.time_ns()
        times = receiver.receive(5).times
        assert times.dtype == np.int64
        assert (np.diff(times) >= 0).all()
        slack = 50_000_000  # a clock that is being put right
        assert before - slack <= times[0] and times[-1] <= after + slack


def test_the_stamped_counter_of_drops_is_behind_and_the_other_is_not():
    with opened("udp.recvmsg", buffer=20_000) as receiver, sender(receiver) as send:
        send(*numbered(0, 400))
        dropped = receiver.counters.dropped
        assert dropped > 0
        drained(receiver)
        assert receiver.overflow == 0  # the last one that had room came before the first drop
        send(b"one more")
        drained(receiver)
        assert receiver.overflow == dropped == receiver.counters.dropped
