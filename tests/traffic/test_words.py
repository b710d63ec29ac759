"""What a run says of itself."""

from __future__ import annotations

import numpy as np

from zcviz.traffic import PathReading, Sample, SenderReading, Settings
from zcviz.traffic.bins import BINS
from zcviz.traffic.words import sentence

TWO = Settings(("udp.recv_into", "packet.ring_v3"))


def seen(
    *paths: PathReading, sent: float = 1000, given_up: float = 0, running: bool = True,
    steal: float = 0.0,
) -> Sample:  # fmt: skip
    none = np.zeros((len(paths), BINS), np.int64)
    sender = SenderReading(sent=sent, given_up=given_up)
    return Sample(0, 0.0, running, False, steal, 0, 0, 1, sender, paths, none, none)


def path(**values: float) -> PathReading:
    return PathReading(**{"state": 2, "total_received": 1000, "stall": 0.0, **values})


def said(before: Sample | None, after: Sample, settings: Settings = TWO, **problems: str) -> str:
    return sentence(settings, [before, after] if before else [after], problems)


BEFORE = seen(path(total_received=0), path(total_received=0), sent=0)


def test_who_keeps_up():
    text = said(BEFORE, seen(path(cpu=2.0), path(cpu=0.31)))
    assert text == (
        "udp.recv_into receives all. packet.ring_v3 receives all. packet.ring_v3 needs 0.31 µs of "
        "processor time for each datagram, udp.recv_into 2 µs."
    )


def test_where_datagrams_are_lost():
    text = said(BEFORE, seen(path(total_dropped=100), path(total_lost=5)))
    assert text.startswith("udp.recv_into drops 10 % in the socket buffer. ")
    assert "packet.ring_v3 loses 0.5 % in the ring." in text


def test_only_what_is_new_is_told_while_it_runs():
    before = seen(path(total_dropped=100), path(), sent=1000)
    after = seen(path(total_dropped=100), path(), sent=2000)
    assert said(before, after).startswith("udp.recv_into receives all.")


def test_a_run_that_has_ended_is_told_as_a_whole():
    last = seen(
        path(total_dropped=100, state=3), path(queued=20, state=3), sent=2000, running=False
    )
    text = said(seen(path(), path(), sent=1000), last)
    assert text.startswith("udp.recv_into dropped 5.0 % of 2,000 datagrams in the socket buffer.")
    assert "packet.ring_v3 left 1.0 % of 2,000 datagrams in its buffer when it ended." in text


def test_a_loss_that_no_counter_knows():
    text = said(BEFORE, seen(path(total_missing=40), path()))
    assert "udp.recv_into: 40 messages are missing, and no counter says where." in text


def test_a_buffer_that_fills_is_told_before_it_overflows():
    text = said(BEFORE, seen(path(used=80.0, capacity=100.0), path(used=1.0, capacity=100.0)))
    assert "udp.recv_into receives all; its buffer is 80 % full." in text
    assert "packet.ring_v3 receives all." in text


def test_the_machine_is_named_where_it_had_a_part():
    text = said(BEFORE, seen(path(stall=0.5), path(), steal=0.2))
    assert text.endswith(
        "udp.recv_into waited for a processor 25 % of the time, the host gave 10 % of the time to "
        "others: a long tail may be the machine’s doing, not the path’s."
    )
    assert "machine" not in said(BEFORE, seen(path(), path()))


def test_a_sender_that_is_too_slow():
    text = said(BEFORE, seen(path(), path(), given_up=1000))
    assert "The sender was too slow for 50 % of what was due." in text
    alone = seen(path(), given_up=1000)
    text = said(seen(path(total_received=0), sent=0), alone, Settings(("replay",)))
    assert "The consumer was too slow for 50 %" in text


def test_a_refusal_comes_first_and_the_other_path_follows():
    refused = path(state=4, total_received=0)
    text = said(BEFORE, seen(path(), refused), **{"packet.ring_v3": "not permitted (EPERM)."})
    assert text.startswith("packet.ring_v3: not permitted (EPERM). udp.recv_into receives all.")
    assert said(None, BEFORE, sender="gone") == "Sender: gone."


def test_of_too_little_nothing_is_said():
    assert said(BEFORE, seen(path(), path(), sent=5)) == ""
    assert sentence(TWO, [], {}) == ""
