"""recvmmsg: many with one call, and the structures that it is handed."""

from __future__ import annotations

import pytest

from tests.receive.loopback import numbered, opened, sender
from zcviz.mmsg import HEADER, MOST, PIECE, call_named


def test_the_structures_are_as_the_system_has_them():
    """Of a 64-bit Linux; sizes from the findings, places from the manual's declarations."""
    if PIECE.itemsize != 16:
        pytest.skip("not a 64-bit machine")
    assert HEADER.itemsize == 64
    places = {name: HEADER["message"].fields[name][1] for name in HEADER["message"].names}
    assert places == {
        "name": 0, "name_size": 8, "pieces": 16, "n_pieces": 24, "control": 32,
        "control_size": 40, "flags": 48,
    }  # fmt: skip
    assert HEADER.fields["size"][1] == 56


def test_one_call_takes_all_that_is_there():
    with opened("udp.recvmmsg") as receiver, sender(receiver) as send:
        payloads = numbered(0, 100)
        send(*payloads)
        assert [bytes(view) for view in receiver.receive()] == payloads
        assert receiver.counters.syscalls == 1


def test_no_more_than_the_system_takes_at_once():
    with opened("udp.recvmmsg", slots=2 * MOST, slot=64, buffer=2 << 20) as receiver:
        with sender(receiver) as send:
            send(*numbered(0, MOST + 10, 16))
        assert [len(batch) for batch in receiver.batches(0)] == [MOST, 10]
        assert receiver.counters.syscalls == 3


def test_there_is_no_call_of_another_name():
    assert call_named("recv_no_such_thing") is None
