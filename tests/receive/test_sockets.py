"""The socket under a path: room and its limit, what is dropped, groups, interfaces."""

from __future__ import annotations

import errno
import socket

import pytest

from tests.receive.loopback import (
    CALLING_PATHS,
    SOCKET_PATHS,
    drained,
    numbered,
    opened,
    sender,
    settled,
)
from zcviz import receive
from zcviz.receive import constants
from zcviz.receive.sockets import memory_of

linux = pytest.mark.skipif(not constants.LINUX, reason="only Linux can be asked")


# --- room ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SOCKET_PATHS)
def test_room_is_granted_double_and_more_than_allowed_is_reported(path):
    with opened(path, buffer=50_000) as receiver:
        assert receiver.granted >= 50_000
        assert receiver.clamped == ""
    if constants.LINUX:
        with opened(path, buffer=1 << 30) as receiver:
            allowed = receiver.granted // 2
            assert receiver.clamped == (
                f"asked for a socket buffer of 1,073,741,824 bytes, the system allows {allowed:,}; "
                "net.core.rmem_max limits it"
            )
    with opened(path) as receiver:
        assert receiver.granted > 0 and receiver.clamped == ""


@linux
@pytest.mark.parametrize("size", [100, 512, 1400])
@pytest.mark.parametrize("path", SOCKET_PATHS)
def test_fill_then_drain_keeps_what_has_room_to_the_packet(path, size):
    """Nobody reads while it is filled: how many are kept is a division, and always the same."""
    kept = []
    for _ in range(2):
        with opened(path, buffer=50_000) as receiver, sender(receiver) as send:
            send(bytes(size))
            charged = receiver.queued
            drained(receiver, 1)
            capacity = receiver.granted // charged
            sent = numbered(0, capacity + 40, size)
            send(*sent)
            dropped = settled(receiver, len(sent), charged)
            got = drained(receiver)
            assert got == sent[: len(got)]
            assert len(got) + dropped == len(sent)
            # Some versions of Linux look before they charge: then one more has room.
            assert len(got) - capacity in (0, 1)
            assert receiver.counters.dropped == dropped
            kept.append((charged, len(got)))
    assert kept[0] == kept[1]


@linux
@pytest.mark.parametrize("path", CALLING_PATHS)
def test_lock_step_overflow_is_the_same_in_every_run(path):
    """Each tick 20 are sent and 15 taken: the clock plays no part, and what is lost adds up.

    When exactly it is lost is the kernel's: it gives room back in portions.
    """

    def run():
        lost, got = [], 0
        with opened(path, buffer=40_000, slots=15) as receiver, sender(receiver) as send:
            for _ in range(100):
                send(*numbered(0, 20))
                got += len(receiver.receive(0))
                lost.append(receiver.counters.dropped)
            got += len(drained(receiver))
            assert got + lost[-1] == 2000
        assert got < 2000
        return lost

    # More than one attempt, as a busy machine may put off delivering.
    assert any(run() == run() for _ in range(3))


@linux
@pytest.mark.parametrize("path", CALLING_PATHS)
def test_occupancy_rises_with_what_waits(path):
    with opened(path) as receiver, sender(receiver) as send:
        assert receiver.queued == 0
        send(*numbered(0, 1))
        one = receiver.queued
        assert one > 100
        send(*numbered(1, 10))
        assert receiver.queued == 10 * one
        assert receiver.occupancy()[:2] == (10 * one, receiver.granted)
        drained(receiver)
    assert receiver.queued is None


def test_where_the_kernel_cannot_be_asked_drops_are_unknown(monkeypatch):
    monkeypatch.setattr(constants, "LINUX", False)
    with opened("udp.recv_into") as receiver, sender(receiver) as send:
        send(b"x")
        assert drained(receiver) == [b"x"]
        assert receiver.counters.dropped is None
        assert receiver.queued is None and receiver.occupancy() is None


@linux
def test_an_older_kernel_cannot_be_asked_either(monkeypatch):
    monkeypatch.setattr(constants, "SO_MEMINFO", 9999)
    with opened("udp.recv_into") as receiver:
        assert memory_of(receiver._socket) is None
        assert receiver.counters.dropped is None


@pytest.mark.parametrize("path", ["udp.recv", "udp.recv_into"])
def test_a_system_whose_calls_cannot_be_asked_not_to_wait(path, monkeypatch):
    """As on Windows: one datagram at a time, waited for with `select`."""
    monkeypatch.setattr(constants, "DONT_WAIT", 0)
    with opened(path) as receiver, sender(receiver) as send:
        assert receiver.receive(0) is None
        assert receiver.receive(0.01) is None
        assert receiver.counters.syscalls == 2
        send(*numbered(0, 3))
        assert [len(batch) for batch in receiver.batches(0)] == [1, 1, 1]
        assert receiver.counters.syscalls == 2 + 3 * 2 + 1


@pytest.mark.parametrize("path", ["udp.recvmsg", "udp.recvmmsg", "udp.gro"])
def test_what_only_linux_has_is_refused_elsewhere(path, monkeypatch):
    monkeypatch.setattr(constants, "LINUX", False)
    monkeypatch.setattr("zcviz.receive.mmsg.call_named", lambda name: None)
    with pytest.raises(OSError, match="only Linux has") as refused:
        receive.open(path)
    assert refused.value.errno == errno.EOPNOTSUPP


def test_busy_polling_is_granted_or_not_but_never_fails():
    with opened("udp.recv_into", busy_poll=50) as receiver:
        assert receiver.busy_poll in (0, 50)
    with opened("udp.recv_into") as receiver:
        assert receiver.busy_poll == 0


# --- groups and interfaces -----------------------------------------------------------------------

GROUP = "239.192.7.7"


def to_group(port, payload, source="127.0.0.1"):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind((source, 0))
        made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        made.sendto(payload, (GROUP, port))


def grouped(path, **options):
    try:
        return opened(path, group=GROUP, **options)
    except OSError as error:  # pragma: no cover
        pytest.skip(f"no multicast on loopback: {error}")


@linux
@pytest.mark.parametrize("options", [{}, {"interface": "lo"}], ids=["address", "interface"])
@pytest.mark.parametrize("path", SOCKET_PATHS)
def test_a_group_is_joined_and_nothing_else_comes_in(path, options):
    with grouped(path, **options) as receiver:
        host, port = receiver.address
        assert host == GROUP
        to_group(port, b"to the group")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
            made.sendto(b"to the port", ("127.0.0.1", port))
        assert drained(receiver, 1) == [b"to the group"]


@linux
def test_several_may_listen_to_a_group():
    with grouped("udp.recv") as first, grouped("udp.recv_into", port=first.address[1]) as second:
        to_group(first.address[1], b"to both")
        assert drained(first, 1) == drained(second, 1) == [b"to both"]


@linux
@pytest.mark.parametrize("options", [{}, {"interface": "lo"}], ids=["address", "interface"])
def test_one_source_of_a_group(options):
    with grouped("udp.recv_into", source="127.0.0.2", **options) as receiver:
        port = receiver.address[1]
        to_group(port, b"from another", "127.0.0.3")
        to_group(port, b"from that one", "127.0.0.2")
        assert drained(receiver, 1) == [b"from that one"]


@linux
def test_one_source_is_not_undone_by_who_else_joined():
    with grouped("udp.recv") as anybody:
        port = anybody.address[1]
        with grouped("udp.recv_into", source="127.0.0.2", port=port) as choosy:
            to_group(port, b"from another", "127.0.0.3")
            assert drained(anybody, 1) == [b"from another"]
            assert drained(choosy) == []


@linux
def test_an_interface_that_is_not_there_is_refused():
    with pytest.raises(OSError) as refused:
        receive.open("udp.recv", interface="no-such-if")
    assert refused.value.errno in (errno.ENODEV, errno.EPERM)


def test_interfaces_and_sources_by_name_are_for_linux_only(monkeypatch):
    monkeypatch.setattr(constants, "LINUX", False)
    for options in ({"interface": "lo"}, {"group": GROUP, "source": "127.0.0.2"}):
        with pytest.raises(OSError, match="only Linux has") as refused:
            receive.open("udp.recv", **options)
        assert refused.value.errno == errno.EOPNOTSUPP
