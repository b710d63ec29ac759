"""The same work, end to end, in several ways of handling memory.

A pipeline is a row of named stages; each takes what the one before it gave. At full speed the
stages follow one another, packet by packet (columnar: block by block), until the feed is read.
Stepped, one packet goes through, and what each stage took and gave can be looked at. Both run the
same functions. Batches of datagrams as they arrive go through them as well (`Pipeline.live`).

========== ======================================================== ===========================
pipeline   how a message is reached                                 made for each message
========== ======================================================== ===========================
copying    packet, datagram and message are cut out as `bytes`      a copy, a record, its values
slicing    the same cuts, as memoryview slices                      a view, a record, its values
flyweight  packet and datagram are views; one view a type moves on  the values that are read
columnar   an array of offsets, then arrays of values               nothing
========== ======================================================== ===========================

`slicing` is an experiment for the lessons: views alone do not pay.
"""

from .columnar import Columns, columnar_stages
from .inputs import Input
from .pipeline import Batches, BatchRun, Pipeline
from .stage import Run, Stage, StageResult
from .walking import Aim, copying_stages, flyweight_stages, slicing_stages

__all__ = [
    "EXPERIMENTS",
    "PIPELINES",
    "Aim",
    "BatchRun",
    "Batches",
    "Columns",
    "Input",
    "Pipeline",
    "Run",
    "Stage",
    "StageResult",
]

PIPELINES: dict[str, Pipeline] = {
    "copying": Pipeline("copying", copying_stages),
    "flyweight": Pipeline("flyweight", flyweight_stages),
    "columnar": Pipeline("columnar", columnar_stages),
}
"""The three that are compared everywhere."""

EXPERIMENTS: dict[str, Pipeline] = {"slicing": Pipeline("slicing", slicing_stages)}
"""Others, for lessons that ask what makes the difference."""
