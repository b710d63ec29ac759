"""The ledger of the recorded AAPL file, held against a count by hand."""

from __future__ import annotations

import pytest

import zcviz
from tests.real.test_nasdaq import AAPL, AAPL_COUNTS
from zcviz.pipelines import PIPELINES
from zcviz.trace.ledger import Ledger

# NQTVITCHspecification, section 1.1 to 1.8: the size of each message [bytes].
SIZES = {"A": 36, "D": 19, "E": 31, "P": 44, "L": 26, "U": 35, "X": 23, "F": 40, "R": 39, "H": 25,
         "Y": 20}  # fmt: skip
# 4,758 × 36 + 4,083 × 19 + 849 × 31 + 240 × 44 + 52 × 26 + 7 × 35 + 6 × 23 + 2 × 40 + 39 + 25 + 20
MESSAGES = 287_643
# and the two bytes of length before each of the 10,000
FILE = 307_643
# What the sums need. Of every message its time (6 bytes); the locate (2) of those that name the
# security or trade it; shares (4) and price (4) of A, F and P; the shares (4) of E.
COLUMNS = {"A": 16, "F": 16, "P": 16, "E": 12, "R": 8, "H": 8, "Y": 8, "L": 8, "D": 6, "U": 6,
           "X": 6}  # fmt: skip
# 5,000 × 16 + 849 × 12 + 55 × 8 + 4,096 × 6
GATHERED = 115_204


def test_the_hand_has_counted_well():
    assert sum(SIZES[tag] * count for tag, count in AAPL_COUNTS.items()) == MESSAGES
    assert MESSAGES + 2 * sum(AAPL_COUNTS.values()) == FILE
    assert sum(COLUMNS[tag] * count for tag, count in AAPL_COUNTS.items()) == GATHERED


@pytest.fixture
def ledger(captures):
    def of(name):
        feed = zcviz.open(captures / AAPL)  # the ledger holds views of it: it goes with them
        found = Ledger((feed.source.address, feed.source.size))
        run = PIPELINES[name].start(feed, stepped=False)
        while (results := run.step(watched=True)) is not None:
            for each in results:
                found.note(each.stage.name, each.input, each.output, each.seen)
        return found.entries

    return of


def amounts(entries):
    return {name: (each.viewed, each.copied, each.derived) for name, each in entries.items()}


def test_copying_copies_every_byte_three_times_over(ledger):
    found = ledger("copying")
    assert amounts(found) | {"summary": ()} == {
        "packet": (0, FILE, 0), "message": (0, MESSAGES, 0), "record": (0, MESSAGES, 0),
        "summary": (),
    }  # fmt: skip
    if found["packet"].seen is not None:  # the allocators agree: it cannot copy into less memory
        for name, nbytes in (("packet", FILE), ("message", MESSAGES), ("record", MESSAGES)):
            assert found[name].seen.allocated > nbytes


def test_columnar_copies_no_byte_up_to_the_index_and_then_the_columns(ledger):
    found = amounts(ledger("columnar"))
    assert found["index"] == (0, 0, 7 * 10_000)
    assert found["gather"][:2] == (0, GATHERED)
    assert found["summary"][:2] == (0, 0)


def test_flyweight_copies_nothing(ledger):
    found = amounts(ledger("flyweight"))
    assert found["packet"] == (FILE, 0, 0)
    assert found["message"][:2] == (MESSAGES, 0)
    assert found["summary"][:2] == (0, 0)
