"""Decode the messages of a batch, with the pipelines that are compared everywhere."""

from __future__ import annotations

from collections.abc import Callable

from ..pipelines import EXPERIMENTS, PIPELINES
from ..receive import Batch, path_named
from ..receive.intake import Intake

__all__ = ["copies_of", "decoder_named"]


def decoder_named(name: str) -> Callable[[Batch], int]:
    """Return a function that decodes a batch, and returns how many messages it held."""
    if name == "none":
        return lambda batch: 0
    run = (PIPELINES | EXPERIMENTS)[name].live(Intake("itch50"))

    def decode(batch: Batch) -> int:
        before = run.done
        run.take(batch)
        return run.done - before

    return decode


def copies_of(path: str, pipeline: str, messages: int) -> float:
    """Return how often the bytes of a datagram are copied on their way into a pipeline's hands.

    The kernel's copy into our memory or into a ring counts, that into the memory of a batch, and
    each cut that makes an object; what is made of the values does not.
    """
    return path_named(path).copied + (1 + messages if pipeline == "copying" else 0)
