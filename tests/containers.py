"""What must hold for any capture whatever: the kernels find what their plain twins find."""

from __future__ import annotations

import numpy as np

from zcviz.buffers import HeldBytes
from zcviz.damage import PROBLEMS, SKIPPED
from zcviz.errors import ZcvizError
from zcviz.kernels.links import find_datagrams
from zcviz.kernels.tally import Tally
from zcviz.links import datagram_bounds
from zcviz.records import open_records


class Seen:
    """A report as the twins want one."""

    def __init__(self):
        self.packets = 0
        self.truncated = None
        self.problems = []
        self.skipped = {}

    def note(self, offset, what, expected, found):
        self.problems.append((offset, what, expected, found))

    def skip(self, reason):
        self.skipped[reason] = self.skipped.get(reason, 0) + 1


def written(problems, tally):
    """What a kernel noted, as `Seen` has it: the problems that had room, and how many of all."""
    found = int(tally[Tally.PROBLEMS])
    rows = problems[: min(found, len(problems))].tolist()
    return [(at, PROBLEMS[kind], want, have) for kind, at, want, have in rows], found


def skipped(tally):
    return {text: int(tally[reason]) for reason, text in SKIPPED.items() if tally[reason]}


def scanned(records, room=7):
    """All packets of a capture from its kernel, a few at a time."""
    table = np.zeros((room, 5), np.uint64)
    found = []
    while not records.finished:
        before = records.position
        count = records.scan(table)
        assert count or records.finished or records.position > before
        found += table[:count].tolist()
    return found


def bounds_by_kernel(data, packets):
    """Rows (record, ip, start, stop, full) of a list of packets, their skips and problems."""
    table = np.array(packets, np.uint64).reshape(-1, 5)
    datagrams = np.full((len(table), 8), 77, np.uint64)
    problems, tally = np.zeros((100, 4), np.int64), np.zeros(len(Tally), np.int64)
    count = find_datagrams(data, table, len(table), datagrams, problems, tally)
    assert (datagrams[:, 5:] == 77).all()
    return datagrams[:count, :5].tolist(), skipped(tally), *written(problems, tally)


def bounds_by_twin(view, packets):
    seen, rows = Seen(), []
    for record, start, end, link, _ in packets:
        bounds = datagram_bounds(view[start:end], link, start, seen)
        if bounds is not None:
            rows.append([record, *(start + each for each in bounds)])
    return rows, seen.skipped, seen.problems[:100], len(seen.problems)


def containers_agree(content, room=7):
    """Scan and walk `content`: the same packets, datagrams and damage; None if it is refused."""
    source = HeldBytes(content, "test")
    try:
        records = open_records(source)
    except ZcvizError as error:
        assert str(error)
        return None
    if records is None:
        return None
    seen = Seen()
    walked = [list(packet) for packet in records.iter_packets(seen)]
    found = scanned(records, room)
    assert found == walked
    assert written(records.problems, records.tally) == (seen.problems[:100], len(seen.problems))
    assert skipped(records.tally) == seen.skipped
    assert int(records.tally[Tally.PACKETS]) == seen.packets
    assert seen.packets == len(found) + seen.skipped.get("bad header", 0)
    left = (records.position, source.size - records.position) if records.cut else None
    assert seen.truncated == left
    assert records.cut or records.position == source.size
    for record, start, end, _, _ in found:
        assert record < start <= end <= source.size
        assert records.header_of(record).size == start - record
    assert len(records.times(np.array([row[0] for row in found], np.uint64))) == len(found)
    datagrams = bounds_by_kernel(source.data, found)
    assert datagrams == bounds_by_twin(source.view, found)
    for record, ip, start, stop, full in datagrams[0]:
        assert record < ip < start <= stop <= full
        assert start - record <= 0xFFFF
        assert stop <= source.size
    return found, seen, datagrams
