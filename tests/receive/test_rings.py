"""Rings at work: every packet is received or counted, and memory is lent and taken back."""

from __future__ import annotations

import errno
import socket
import struct
import sys
import threading
import time
from contextlib import ExitStack, nullcontext
from pathlib import Path

import numpy as np
import pytest

from tests.helpers import ethernet, ipv4
from tests.receive.permitted import drained, open_or_skip, opened, payloads, sender_to
from zcviz import receive
from zcviz.errors import BufferLifetimeError, DecodeError

if sys.platform != "linux":
    pytest.skip("packet rings are Linux's", allow_module_level=True)

PATHS = ["packet.ring_v3", "packet.ring_v2", "xdp.copy"]
SMALL = {"block": 1 << 14, "blocks": 4, "slots": 64}


@pytest.fixture(params=PATHS)
def path(request):
    return request.param


@pytest.fixture(params=["loopback", "veth"])
def place(request):
    """(options, a context for the sender, one for the receiver)."""
    if request.param == "loopback":
        return {}, nullcontext, nullcontext
    veth = request.getfixturevalue("veth")
    return {"host": veth.address}, veth.inside_sender, veth.inside_receiver


def test_payloads_arrive_byte_for_byte(path, place):
    options, sending, receiving = place
    sent = payloads(1000)
    with receiving(), opened(path, **options) as receiver:
        with sending(), sender_to(receiver.address) as sender:
            for each in sent:
                sender.send(each)
        assert drained(receiver) == sent
        counted = receiver.counters
        assert (counted.datagrams, counted.bytes) == (1000, sum(map(len, sent)))
        assert (counted.lost, counted.cut, counted.dropped or 0) == (0, 0, 0)
        assert 0 < counted.syscalls < 50


def test_times_are_when_the_packets_came(place):
    options, sending, receiving = place
    for path in ("packet.ring_v3", "packet.ring_v2"):
        with receiving(), opened(path, **options) as receiver:
            before = time.time_ns()
            with sending(), sender_to(receiver.address) as sender:
                sender.send(b"one")
                sender.send(b"two")
            times = [at for batch in receiver.batches(0.1) for at in batch.times.tolist()]
            assert before - 10**7 <= times[0] <= times[1] <= time.time_ns()


def test_a_full_ring_loses_what_is_counted(path, place):
    options, sending, receiving = place
    with receiving(), opened(path, **options, **SMALL, retire=60_000) as receiver:
        count = 3000
        with sending(), sender_to(receiver.address) as sender:
            for number in range(count):
                sender.send(number.to_bytes(4, "big") * 25)
            received = drained(receiver)
            assert received == [i.to_bytes(4, "big") * 25 for i in range(len(received))]
            assert 10 < len(received) < count
            assert len(received) + receiver.counters.lost == count
            if path == "packet.ring_v2":
                assert len(received) == receiver._layout[1]
            elif path == "xdp.copy":
                assert len(received) == receiver._chunks
            sender.send(b"after that")  # in a block of version 3 it would wait for a minute
        if path != "packet.ring_v3":
            assert drained(receiver) == [b"after that"]


def test_a_full_ring_goes_on_once_it_is_read(path):
    with opened(path, **SMALL) as receiver, sender_to(receiver.address) as sender:
        sent = received = 0
        for _ in range(3):
            for _ in range(1000):
                sender.send(bytes(100))
            sent += 1000
            here = len(drained(receiver))
            assert 10 < here < 1000
            received += here
        assert received + receiver.counters.lost == sent
        assert receiver.counters.lost == receiver.counters.lost > 0  # asking is not forgetting


def test_a_lent_batch_stays_as_it_is_while_others_arrive(path):
    with opened(path, slots=8) as receiver, sender_to(receiver.address) as sender:
        sender.send(b"first")
        batch = receiver.receive(2)
        before = bytes(batch[0])
        for _ in range(2000):
            sender.send(b"later")
        assert bytes(batch[0]) == before == b"first"
        assert len(drained(receiver)) == 2000


def test_occupancy_is_what_is_ours(path):
    with opened(path, **SMALL, retire=1) as receiver, sender_to(receiver.address) as sender:
        used, capacity, tail = receiver.occupancy()
        assert used == tail == 0
        for _ in range(3):
            sender.send(b"x")
        time.sleep(0.1)
        used = receiver.occupancy().used
        assert used == 3 or (path == "packet.ring_v3" and 1 <= used <= 3)
        batch = receiver.receive(0)
        assert receiver.occupancy() == (used, capacity, 0)
        batch.release()
        assert receiver.occupancy().tail == (1 if path == "packet.ring_v3" else 3)
        for _ in range(3000):
            sender.send(bytes(100))
        assert receiver.occupancy().used >= capacity - 1
    assert receiver.occupancy() is None


def test_another_thread_may_close_it(path):
    receiver = open_or_skip(path)
    waiting = threading.Thread(target=receiver.receive)
    waiting.start()
    time.sleep(0.05)
    receiver.close()
    waiting.join(5)
    assert not waiting.is_alive()


def test_closing_waits_until_nobody_reads_the_ring(path, monkeypatch):
    receiver = open_or_skip(path)
    take, closing = receiver._take, threading.Thread(target=receiver.close)

    def take_slowly():
        taken = take()
        if closing.ident is None:
            closing.start()
            closing.join(0.1)
            assert not receiver.closed
        return taken

    monkeypatch.setattr(receiver, "_take", take_slowly)
    assert receiver.receive(1) is None
    closing.join(5)
    assert receiver.closed


def test_what_is_given_back_too_late_touches_no_memory(path):
    receiver = open_or_skip(path)
    receiver.close()
    receiver._held = 1  # as when another thread closed it under a batch
    receiver._give_back()


def test_a_kept_view_is_named_when_its_batch_is_released(path):
    with opened(path, debug=True) as receiver, sender_to(receiver.address) as sender:
        sender.send(b"kept")
        batch = receiver.receive(2)
        kept_view = batch[0]
        with pytest.raises(BufferLifetimeError, match="kept_view"):
            receiver.receive(0)
        assert bytes(kept_view) == b"kept"
        del kept_view
        assert receiver.receive(0) is None
        with pytest.raises(BufferLifetimeError, match="released"):
            batch[0]


def test_closing_names_who_looks(path):
    receiver = open_or_skip(path)
    with sender_to(receiver.address) as sender:
        sender.send(b"kept")
        sender.send(b"more")
    batch = receiver.receive(2)
    kept_view = batch[0]
    with pytest.raises(BufferLifetimeError, match="kept_view"):
        receiver.close()
    assert bytes(kept_view) == b"kept"
    assert not receiver.closed
    del kept_view
    receiver.close()
    receiver.close()
    with pytest.raises(BufferLifetimeError, match="closed"):
        receiver.receive(0)
    assert receiver.counters.datagrams == len(batch)
    assert receiver.counters.lost == 0


def test_batches_that_were_kept_do_not_hinder_closing(path):
    with opened(path, slots=1) as receiver, sender_to(receiver.address) as sender:
        for _ in range(3):
            sender.send(b"x")
        kept = list(receiver.batches(0.1))
        assert sum(map(len, kept)) == 3
    assert receiver.closed


def descriptors() -> list[str]:
    return sorted(each.name for each in Path("/proc/self/fd").iterdir())


def test_nothing_is_left_open(path):
    open_or_skip(path).close()
    before = descriptors()
    for _ in range(3):
        receiver = receive.open(path)
        receiver.close()
        with pytest.raises(OSError, match=r".") as refused:
            receive.open(path, interface="no-such-thing")
        assert refused.value.errno in (errno.ENODEV, errno.ENXIO)
    assert descriptors() == before


def test_what_is_not_for_us_is_not_received(path, veth):
    with veth.inside_receiver(), opened(path, host=veth.address) as receiver:
        host, port = receiver.address
        with veth.inside_sender(), sender_to((host, port + 1 & 0xFFFF)) as other:
            other.send(b"other port")
        with veth.inside_sender(), sender_to((host, port)) as sender:
            sender.send(bytes(5000))  # three fragments
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, b"\1" * 8)
            sender.send(b"with options")
        assert drained(receiver) == [b"with options"]


def test_nobody_is_told_that_nobody_listens(path):
    with opened(path) as receiver, sender_to(receiver.address) as sender:
        for _ in range(5):
            sender.send(b"x")  # the second would be refused
        assert len(drained(receiver)) == 5


def test_a_group_and_its_source(path, veth):
    group = "239.11.12.13"
    options = {"host": veth.address, "interface": veth.interface, "group": group}
    for source, expected in {"": 3, veth.sender_address: 3, "10.111.0.77": 0}.items():
        with veth.inside_receiver(), opened(path, source=source, **options) as receiver:
            with (
                veth.inside_sender(),
                sender_to((group, receiver.address[1]), veth.sender_address) as sender,
            ):
                for _ in range(3):
                    sender.send(b"to all")
            assert drained(receiver) == [b"to all"] * expected
            assert receiver.address[0] == group


def test_a_tagged_interface(path, veth):
    try:
        sender_address, address = veth.add_vlan(PATHS.index(path) + 20)
    except OSError as error:
        pytest.skip(f"no tagged interfaces here: {error}")
    with veth.inside_receiver(), opened(path, host=address) as receiver:
        with veth.inside_sender(), sender_to(receiver.address, sender_address) as sender:
            sender.send(b"tagged")
        assert drained(receiver) == [b"tagged"]


def test_what_is_tagged_is_for_others(path, veth):
    with veth.inside_receiver(), opened(path, host=veth.address) as receiver:
        port = receiver.address[1].to_bytes(2, "big")
        packet = bytearray(ipv4(b"\0\7" + port + b"\0\x0b\0\0tag"))
        packet[16:20] = socket.inet_aton(veth.address)
        with veth.inside_sender(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
            sender.bind((veth.interface, 0))
            sender.send(ethernet(bytes(packet), vlans=((0x8100, 5),)))
            sender.send(ethernet(bytes(packet)))
        assert drained(receiver) == [b"tag"]


def test_a_datagram_longer_than_a_frame_is_cut():
    with opened("packet.ring_v2", slot=100) as receiver, sender_to(receiver.address) as sender:
        sender.send(bytes(range(200)))
        batch = receiver.receive(2)
        size = len(batch[0])
        assert 100 <= size < 200
        assert bytes(batch[0]) == bytes(range(size))
        assert batch.table[0, 4] - batch.table[0, 2] == 200
        assert receiver.counters.cut == 1


def test_a_datagram_longer_than_a_chunk_is_lost():
    with opened("xdp.copy") as receiver, sender_to(receiver.address) as sender:
        sender.send(bytes(5000))
        sender.send(b"short")
        assert drained(receiver) == [b"short"]
        assert receiver.counters.lost == 1


def test_a_contradiction_is_an_error_and_the_ring_goes_on():
    with opened("packet.ring_v3", retire=1) as receiver, sender_to(receiver.address) as sender:
        sender.send(b"damaged")
        receiver._poll.poll(2000)
        at = receiver._next * receiver._block + 12
        receiver._map.owner[at : at + 4] = struct.pack("=I", 1 << 30)
        with pytest.raises(DecodeError, match=r"ring of packet.ring_v3"):
            receiver.receive(0)
        sender.send(b"sound")
        assert drained(receiver) == [b"sound"]


def test_an_interface_that_goes_away_is_an_error_not_a_wait(path, veth):
    interface, _, address = veth.add_cable(PATHS.index(path) + 30)
    with veth.inside_receiver(), opened(path, host=address) as receiver:
        veth.remove(interface)
        with pytest.raises(OSError, match="ENETDOWN"):
            receiver.receive(5)


def paced(path, place, count, burst=200):
    options, sending, receiving = place
    with receiving(), opened(path, **options, slots=1024) as receiver:
        with ExitStack() as sockets:
            with sending():
                sender = sockets.enter_context(sender_to(receiver.address))
            expected = 0
            for start in range(0, count, burst):
                for number in range(start, start + burst):
                    sender.send(number.to_bytes(4, "big") * 25)
                expected = in_order(receiver, 0, expected)
            assert in_order(receiver, 0.3, expected) == count
        counted = receiver.counters
        assert (counted.lost, counted.dropped or 0, counted.datagrams) == (0, 0, count)


def in_order(receiver, timeout, expected):
    four = np.arange(4)
    for batch in receiver.batches(timeout):
        numbers = batch.memory[batch.table[:, 2, None] + four].view(">u4")[:, 0]
        assert numbers.tolist() == list(range(expected, expected + len(batch)))
        expected += len(batch)
    return expected


def test_a_hundred_thousand_packets_and_none_lost(path, place):
    paced(path, place, 100_000)


@pytest.mark.slow
def test_a_million_packets_and_none_lost(path, place):
    paced(path, place, 1_000_000)
