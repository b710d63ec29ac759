"""What must hold for any bytes whatever: a result that all ways agree on, or our error."""

from __future__ import annotations

import dataclasses

import zcviz
from zcviz.capture import open_capture
from zcviz.errors import ZcvizError
from zcviz.framing import tag_reader
from zcviz.index import build_index
from zcviz.pipelines import EXPERIMENTS, PIPELINES
from zcviz.report import Report
from zcviz.walk import walk

EVERY_PIPELINE = PIPELINES | EXPERIMENTS


def walked(capture):
    """What the copying traversal finds: (offset, bytes) of each message, and its report."""
    report = Report()
    return [(block.offset, bytes(block.data)) for block in walk(capture, report)], report


def indexed(capture):
    """The same from the zero-copy traversal."""
    index, report = build_index(capture)
    view, tag_of = capture.source.view, tag_reader(capture.protocol)
    places = zip(index.offsets.tolist(), index.sizes.tolist(), index.tags.tolist(), strict=True)
    found = []
    for at, size, tag in places:
        found.append((at, bytes(view[at : at + size])))
        assert tag_of(view, at) == tag
    return found, report


def traversals_agree(content, protocol=None, schema=None):
    """Walk and index of `content`: the same messages, the same report; None if it is refused."""
    try:
        capture = open_capture(content, protocol, schema)
    except ZcvizError as error:
        assert str(error)
        return None
    try:
        messages, report = walked(capture)
        again, report_again = indexed(capture)
        assert messages == again
        for field in dataclasses.fields(Report):
            assert getattr(report, field.name) == getattr(report_again, field.name), field.name
        return messages, report
    finally:
        capture.source.close()


def pipelines_agree(content, protocol=None, schema=None):
    """Run every pipeline over `content`: the same summary; None if it is refused."""
    try:
        feed = zcviz.open(content, protocol, schema)
    except ZcvizError:
        return None
    with feed:
        summaries = {name: pipeline(feed) for name, pipeline in EVERY_PIPELINE.items()}
        expected = summaries["copying"]
        for name, summary in summaries.items():
            assert summary == expected, name
        assert expected.messages == feed.counts()
        return expected
