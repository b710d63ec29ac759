"""What values say beside their bits, held against Python's own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zcviz.spec import Field, WireType
from zcviz.values import cells, decoded, distinct, nulls


def number(null, kind="uint"):
    return Field("n", WireType(kind, 8), null=null)


@given(st.integers(1, 21), st.lists(st.binary(max_size=21)))
def test_every_text_is_decoded_once_and_keeps_its_row(size, texts):
    column = np.array([text[:size] for text in texts], f"S{size}")
    codes, found = distinct(column)
    expected = [text[:size].decode("latin-1").rstrip(" \0") for text in texts]
    assert [found[code] for code in codes] == expected
    assert len(found) == len(set(found)) == len(set(expected))


def test_a_strided_column_is_text_too():
    rows = np.array([(b"AB  ", 1), (b"C\0\0\0", 2), (b"AB\0 ", 3)], "S4,u4")
    codes, found = distinct(rows["f0"])
    assert (codes.tolist(), found) == ([0, 1, 0], ["AB", "C"])


@pytest.mark.parametrize(
    ("column", "field", "expected"),
    [
        (np.array([1, 255], np.uint8), number(255), [False, True]),
        (np.array([1, 254], np.uint8), number(255), None),
        (np.array([1, 255], np.uint8), number(None), None),
        (np.array([1, 255], np.uint8), number(-1), None),
        (np.array([0, -(2**63)], np.int64), number(-(2**63), "int"), [False, True]),
        (np.array([0.0, np.nan]), number(float("nan"), "float"), None),
        (np.array([b"\0"]), Field("c", WireType("alpha", 1), null=0), None),
        (np.empty(0, np.uint8), number(255), None),
    ],
)
def test_nulls(column, field, expected):
    found = nulls(column, field)
    assert found is None if expected is None else found.tolist() == expected


def test_text_of_variable_length_is_utf_8_or_escaped():
    assert decoded([b"", "\u00e9\u20ac".encode(), b"a\xff\0"]) == ["", "\u00e9\u20ac", "a\\xff\0"]


def test_cells():
    assert cells(np.array([7, 255], np.uint8), number(255)) == ["7", ""]
    assert cells(np.array([b"A\xe9 ", b"\x1b"]), Field("c", WireType("alpha", 3))) == [
        "A\\xe9", "\\x1b",
    ]  # fmt: skip
    pieces = np.array([b"\xff\n"], object)
    assert cells(pieces, Field("v", WireType("raw", 0))) == ["\\\\xff\\n"]
