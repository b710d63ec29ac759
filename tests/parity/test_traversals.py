"""Two traversals, and all pipelines, of every feed in every container: the same is found.

On sound files, on files with all that a network does to them, on files cut at each byte and on
files in which each byte of the headers is another one. What else may be wrong with bytes, and what
tables and views say of them, is in tests/hostile.
"""

from __future__ import annotations

from functools import cache

import pytest

from tests.agreement import pipelines_agree, traversals_agree
from tests.packets import flipped
from zcviz import samples
from zcviz.protocols import FEEDS

EVERY = [(feed, container) for feed in FEEDS for container in samples.containers_of(feed)]
every_file = pytest.mark.parametrize(("feed", "container"), EVERY)
IEX = ("tops16", "deep10", "deepplus10")
ITCH = ("itch50", "itch41")
ACCIDENTS = {"gaps": 2, "duplicates": 3, "swaps": 2, "restarts": 1, "unknown": 3, "sides": 2}
ONLY = {
    **{feed: {"heartbeats": 3, "unsequenced": 2, "empty": 3} for feed in ITCH},
    **{feed: {"heartbeats": 3, "empty": 3, "channels": 3, "grown": 4} for feed in IEX},
    "deribit": {"channels": 3},
}
WIRES = {
    "cut": {"snap": 120},
    "others between": {"fragments": 3, "strangers": 4},
    "loopback, big-endian": {"links": ("null",), "ip": "ipv6 extension", "order": ">"},
    "cooked": {"links": ("sll2",), "ip": "ipv4 options"},
}
HEADERS = 400
"""How much of a file holds one of each of its headers [bytes]."""


@cache
def small(feed, container="pcap", messages=8):
    return samples.small(feed, container, messages).data


def schemas(feed):
    """None, and the schema that the feed's samples were written by if there is one."""
    return {None: None, feed: samples.SCHEMAS.get(feed)}.values()


@every_file
def test_sound_files(feed, container):
    content, truth = samples.small(feed, container, 100)
    for schema in schemas(feed):
        messages, report = traversals_agree(content, None, schema)
        assert len(messages) == truth["messages"]
        assert report.problems_total == 0
        assert pipelines_agree(content, None, schema).messages == truth["counts"]


@pytest.mark.parametrize("feed", FEEDS)
@pytest.mark.parametrize("wire", WIRES)
def test_odd_files(feed, wire):
    options = {**ACCIDENTS, **ONLY.get(feed, {}), **WIRES[wire]}
    content, truth = samples.small(feed, "pcapng", 60, 3, **options)
    for schema in schemas(feed):
        messages, _ = traversals_agree(content, None, schema)
        assert len(messages) == truth["messages"]
        assert pipelines_agree(content, None, schema).messages == truth["counts"]


def cuts_agree(feed, container, step):
    content, schema = small(feed, container), samples.SCHEMAS.get(feed)
    whole, _ = traversals_agree(content, feed, schema)
    told = whole[0][0] + len(whole[0][1])  # with less, there may be no telling what it is
    for cut in range(step // 2, len(content), step):
        answer = traversals_agree(content[:cut], feed, schema)
        if cut < told:
            continue
        messages, report = answer
        assert messages == whole[: len(messages)]
        if report.truncated is None:  # between two records
            assert len(traversals_agree(content[: cut + 1], feed, schema)[0]) == len(messages)
        else:
            assert sum(report.truncated) == cut


@every_file
def test_cut_files(feed, container):
    cuts_agree(feed, container, 67)


@pytest.mark.slow
@every_file
def test_files_cut_at_every_byte(feed, container):
    cuts_agree(feed, container, 1)


def changes_agree(feed, container, step):
    schema = samples.SCHEMAS.get(feed)
    found = set()
    for number, damaged in enumerate(flipped(small(feed, container), HEADERS)):
        if number % step == 0:
            answer = traversals_agree(damaged, None, schema)
            found.add(answer and len(answer[0]))
            if number % (8 * step) == 0:
                pipelines_agree(damaged, None, schema)
    assert len(found) > 1  # some of it did matter


@every_file
def test_changed_headers(feed, container):
    changes_agree(feed, container, 13)


@pytest.mark.slow
@every_file
def test_every_byte_of_the_headers_changed(feed, container):
    changes_agree(feed, container, 1)
