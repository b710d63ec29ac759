"""The ledger of functions in a row."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import zcviz
from zcviz.errors import ZcvizError
from zcviz.kernels import COMPILED

WIRE = bytes(range(200))


def test_views_and_copies_of_each_function():
    steps = {
        "frame": lambda data: memoryview(data)[10:110],
        "cut": lambda view: bytes(view[:60]),
        "number": lambda data: np.frombuffer(data, ">u2"),
        "native": lambda numbers: numbers.astype("u2"),
    }
    account = zcviz.ledger_of(steps, WIRE)
    assert [(row.stage, row.viewed, row.copied, row.derived) for row in account.rows] == [
        ("frame", 100, 0, 0), ("cut", 0, 60, 0), ("number", 60, 0, 0), ("native", 0, 0, 60),
    ]  # fmt: skip
    assert account.result.tolist() == np.frombuffer(WIRE[10:70], ">u2").tolist()
    assert (account.total.viewed, account.total.copied, account.total.derived) == (160, 60, 60)


@pytest.mark.skipif(not COMPILED, reason="counting allocations needs numba")
def test_what_is_allocated_and_freed_at_once_is_counted_too():
    def churn(times):
        for _ in range(times):
            bytes(1000)
        return times

    many, none = (zcviz.ledger_of([churn], times).rows[0] for times in (50, 0))
    assert many.made - none.made == 50
    assert many.allocated - none.allocated == many.freed - none.freed >= 50_000
    assert many.copied == 0


def test_not_measured_is_said(monkeypatch):
    monkeypatch.setattr("zcviz.trace.account.watch", lambda run: (run(), None))
    account = zcviz.ledger_of([bytes, len], bytearray(9))
    assert account.total.made is None
    assert "not measured" in str(account)
    assert "not measured" in account._repr_html_()


def test_names_are_escaped_and_numbered():
    account = zcviz.ledger_of({"<script>": bytes}, bytearray(9))
    assert "<script>" not in account._repr_html_().split("</style>")[1]
    assert [row.stage for row in zcviz.ledger_of([bytes, bytes], bytearray(9)).rows] == [
        "1. bytes", "2. bytes"
    ]  # fmt: skip


def test_failures_come_through():
    with pytest.raises(ZeroDivisionError):
        zcviz.ledger_of([lambda data: 1 / 0], WIRE)
    assert zcviz.ledger_of([], WIRE).rows == ()
    assert str(zcviz.ledger_of([], WIRE))


def test_views_of_strided_and_reversed_ones_are_views():
    copied = {"copy": np.copy, "step": lambda a: a[::2], "later": lambda a: a[30:]}
    assert [row.viewed for row in zcviz.ledger_of(copied, np.arange(100)).rows] == [0, 400, 160]
    turned = {"copy": np.copy, "turn": lambda a: a[::-1], "later": lambda a: a[50:]}
    assert [row.viewed for row in zcviz.ledger_of(turned, np.arange(100)).rows] == [0, 800, 400]


def test_a_memoryview_may_have_strides():
    steps = {
        "copy": bytearray,
        "turn": lambda data: memoryview(data)[::-2],
        "cut": lambda v: v[50:],
    }
    rows = zcviz.ledger_of(steps, WIRE).rows
    assert [(row.viewed, row.copied) for row in rows] == [(0, 200), (100, 0), (50, 0)]


def copied(function, given):
    row = zcviz.ledger_of([function], given).rows[0]
    return row.viewed, row.copied, row.derived


def test_the_same_bytes_once_more_are_copied_whatever_they_are_in():
    array = np.arange(100)
    assert copied(np.copy, array) == (0, 800, 0)
    assert copied(np.copy, array[::-2]) == (0, 400, 0)
    assert copied(np.copy, np.asfortranarray(array.reshape(10, 10))) == (0, 800, 0)
    assert copied(lambda a: [a.copy(), a + 1, a[5:]], array) == (760, 800, 800)
    assert copied(np.array, memoryview(array)) == (0, 800, 0)
    frame = pd.DataFrame(
        {name: np.arange(10) * 7 + start for name, start in zip("abc", range(3), strict=True)}
    )
    assert copied(lambda f: f.copy(), frame) == (0, 240, 0)
    assert copied(lambda f: f[["b", "c"]] + 1, frame) == (0, 80, 80)  # b + 1 comes to c


def test_what_was_picked_or_computed_is_derived():
    array = np.arange(100)
    for function in (lambda a: a[[1, 5]], lambda a: a[:50].copy(), lambda a: a.astype(">i8"), len):
        assert copied(function, array)[1] == 0
    assert copied(np.copy, np.zeros(0)) == (0, 0, 0)


def test_what_cannot_be_told_is_a_clean_error():
    circle = [bytes(5)]
    circle.append(circle)
    released = memoryview(b"abc")
    released.release()

    class Rude:
        @property
        def __class__(self):
            raise ValueError("no class")

    for output in circle, released, [released], Rude():
        with pytest.raises(ZcvizError, match="consists of"):
            zcviz.ledger_of([lambda _, output=output: output], WIRE)
    with pytest.raises(ZcvizError):
        zcviz.ledger_of([lambda view: view.release()], memoryview(WIRE))
