"""Compiled kernels neither read nor write outside what they are given: guard pages see to it.

A process of its own puts every file right before such a page (and right after one), and every array
that numpy makes for a kernel right before another. There it asks each file for all there is to
ask, which runs every kernel. One byte too far, and the process is dead.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.guarded import Guard, needs_guards, survives
from zcviz.forms import forms
from zcviz.kernels import COMPILED, jit
from zcviz.kernels.simd import byte, put

pytestmark = [
    needs_guards,
    pytest.mark.skipif(not COMPILED, reason="plain Python checks each index"),
]


def test_no_kernel_goes_outside():
    files, arrays = map(int, survives("tests.hostile.test_guarded").split())
    assert files > 150
    assert arrays > 10_000


@pytest.mark.slow
@pytest.mark.parametrize("form", ["avx512-vbmi", "ssse3", "scalar"])
def test_no_kernel_goes_outside_on_many_files(form):
    if form not in forms():
        pytest.skip("not on this machine")
    told = survives("tests.hostile.test_guarded", ZCVIZ_FORM=form, ZCVIZ_GUARDED="4")
    assert int(told.split()[0]) > 500


@pytest.mark.parametrize("how", ["read", "write"])
def test_a_step_outside_is_noticed(how):
    with pytest.raises(AssertionError, match="outside its bytes"):
        survives("tests.hostile.test_guarded", ZCVIZ_STEP_OUTSIDE=how)


# --- in a process of its own ---------------------------------------------------------------------


@jit
def _read(data: Any, at: int) -> int:
    return byte(data, at)


@jit
def _write(out: Any, at: int) -> None:
    put(out, at, 1)


def step_outside(how: str) -> None:
    """What a kernel with a mistake would do."""
    guard_arrays()
    data, out = Guard(9).before_end(b"abc"), np.zeros(3, np.int64)
    for at in (2, 3):
        if how == "read":
            print(_read(data, at), flush=True)
        else:
            print(_write(out, at), flush=True)


guarded = 0


def guard_arrays() -> None:
    """From now on, arrays that numpy makes end where no more may be touched."""
    plain = np.empty

    def empty(shape: Any, dtype: Any = float, **options: Any) -> np.ndarray:
        global guarded
        made = plain(shape, dtype, **options)
        if options or made.dtype.hasobject or not made.nbytes:
            return made
        guarded += 1
        return Guard(made.nbytes).zeros(made.nbytes).view(made.dtype).reshape(made.shape)

    np.empty, np.zeros = empty, empty


def files(times: int) -> Iterator[tuple[bytes, str, Path | None]]:
    """Sound files, cut ones, mutated ones, and noise."""
    from tests.hostile.test_feeds import absurd, some_files, wrapped
    from tests.packets import mutated
    from tests.parity.test_traversals import EVERY, small
    from zcviz.protocols import FEEDS
    from zcviz.samples import SCHEMAS

    noise = random.Random(6)
    yield from some_files()
    for feed, container in EVERY:
        content = small(feed, container)
        for _ in range(2 * times):
            yield content[: noise.randrange(len(content))], feed, SCHEMAS.get(feed)
            yield mutated(content, noise), feed, SCHEMAS.get(feed)
    for feed in FEEDS:
        for _ in range(2 * times):
            body = noise.randbytes(noise.randrange(90))
            yield wrapped(feed, body, noise.randrange(5)), feed, SCHEMAS.get(feed)
        if times > 1:
            for each in islice(absurd(feed), 0, None, 4):
                yield each, feed, SCHEMAS.get(feed)


def against_guards(times: int) -> int:
    """Ask every file for everything; return how many there were."""
    from tests.hostile.answers import answers
    from zcviz import index

    # An array in guarded memory cannot be made shorter in its place.
    index._Growing.finish = lambda self: [array[: self.count] for array in self.arrays]
    every = list(files(times))
    guard = Guard(1 << 16)
    guard_arrays()
    for number, (content, *way) in enumerate(every):
        place = guard.after_start if number % 8 == 0 else guard.before_end
        answers(place(content), *way)
    return len(every)


if __name__ == "__main__":
    if how := os.environ.get("ZCVIZ_STEP_OUTSIDE"):
        step_outside(how)
    else:
        print(against_guards(int(os.environ.get("ZCVIZ_GUARDED", "1"))), guarded)
