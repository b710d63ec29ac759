"""The ledger of functions in a row."""

from __future__ import annotations

import numpy as np
import pytest

import zcviz
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
