"""UDP_GRO: trains of datagrams that come as one."""

from __future__ import annotations

import socket

import numpy as np
import pytest

from tests.receive.loopback import numbered, opened, sender
from zcviz.kernels.rooms import list_pieces, list_segments
from zcviz.receive import constants

UDP_SEGMENT = 103


def trains(receiver, size, *payloads):
    """Send each payload as one train of datagrams of `size` bytes."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.connect(receiver.address)
        try:
            made.setsockopt(constants.SOL_UDP, UDP_SEGMENT, size)
        except OSError as error:
            pytest.skip(f"no trains can be sent here: {error}")
        for payload in payloads:
            made.send(payload)


def test_the_segments_of_a_train_are_rows_of_the_table():
    payloads = numbered(0, 40)
    with opened("udp.gro") as receiver:
        trains(receiver, 100, b"".join(payloads))
        batch = receiver.receive()
        assert [bytes(view) for view in batch] == payloads
        assert batch.nbytes == 4000
        assert receiver.counters.syscalls == 2  # one for the train, and a look for the next


def test_the_last_of_a_train_may_be_shorter():
    with opened("udp.gro") as receiver, sender(receiver) as send:
        trains(receiver, 100, bytes(250), bytes(100), bytes(99), bytes(200))
        send(b"alone", b"")
        sizes = [len(view) for view in receiver.receive()]
        assert sizes == [100, 100, 50, 100, 99, 100, 100, 5, 0]


def test_trains_are_taken_until_there_are_enough():
    with opened("udp.gro", slots=64) as receiver:
        trains(receiver, 100, *[bytes(4000)] * 5)
        assert [len(batch) for batch in receiver.batches(0)] == [80, 80, 40]
        assert receiver.counters.datagrams == 200


def test_without_the_option_the_kernel_cuts_the_train_up():
    with opened("udp.recv_into") as receiver:
        trains(receiver, 100, bytes(250))
        assert [len(view) for view in receiver.receive()] == [100, 100, 50]


# --- the tables, made of sizes alone -------------------------------------------------------------


@pytest.mark.parametrize("room", [0, 64])
def test_pieces_lie_one_after_the_other_or_each_in_its_room(room):
    sizes = np.array([0, 10, 64, 100, 5], np.uint32)
    table = np.full((7, 5), -1, np.int64)
    nbytes, cut = list_pieces(sizes, 5, room, table)
    kept = [min(size, room or size) for size in sizes.tolist()]
    starts = [room * i if room else sum(kept[:i]) for i in range(5)]
    assert table[:5].tolist() == [
        [at, at, at, at + kept[i], at + int(sizes[i])] for i, at in enumerate(starts)
    ]
    assert (nbytes, cut) == (sum(kept), 1 if room else 0)
    assert (table[5:] == -1).all()


@pytest.mark.parametrize(
    ("train", "sizes"),
    [
        ((0, 0), [0]), ((7, 0), [7]), ((7, 7), [7]), ((7, 100), [7]), ((7, -1), [7]),
        ((7, 3), [3, 3, 1]), ((6, 3), [3, 3]), ((0, 5), [0]),
    ],
)  # fmt: skip
def test_a_train_is_cut_up(train, sizes):
    table = np.full((10, 5), -1, np.int64)
    rows, nbytes = list_segments(np.array([[0, 0], train], np.int64), 2, 1000, table)
    assert (rows, nbytes) == (1 + len(sizes), sum(sizes))
    ends = np.cumsum([0, *sizes]) + 1000
    assert table[1:rows, 2].tolist() == ends[:-1].tolist()
    assert table[1:rows, 3].tolist() == table[1:rows, 4].tolist() == ends[1:].tolist()


def test_more_segments_than_rows_write_nothing_beyond():
    table = np.full((4, 5), -1, np.int64)
    rows, nbytes = list_segments(np.array([[100, 1], [50, 5]], np.int64), 2, 1000, table[:3])
    assert (rows, nbytes) == (3, 3)
    assert (table[3] == -1).all()
