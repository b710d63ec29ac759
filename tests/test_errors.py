"""Errors read like sentences, and show the bytes they are about."""

from __future__ import annotations

import pytest

from zcviz import errors
from zcviz.errors import DecodeError, ZcvizError


def test_what_where_expected_found():
    error = DecodeError("itch50.add_order.price", offset=1032, expected="4 bytes", found=2)
    assert str(error) == "itch50.add_order.price at byte 1032: expected 4 bytes, found 2"
    assert (error.what, error.offset, error.expected, error.found) == (
        "itch50.add_order.price", 1032, "4 bytes", 2)  # fmt: skip
    assert error.hexdump() == "(the bytes are not at hand)"


@pytest.mark.parametrize("offset", [0, 1, 15, 16, 17, 31, 100, 255, 256, 300])
def test_the_line_of_the_offset_is_marked(offset):
    data = memoryview(bytes(range(256)))
    error = DecodeError("x", offset=offset, expected=1, found=2, buffer=data)
    lines = error.hexdump().splitlines()
    marked = [line for line in lines if line.startswith(">")]
    if offset < 256:
        (line,) = marked
        start = int(line[2:10], 16)
        assert start <= offset < start + 16
        assert line[12:59].split() == [f"{b:02x}" for b in data[start : start + 16]]
        assert "".join(chr(b) if 32 <= b < 127 else "." for b in data[start : start + 16]) in line
    else:
        assert not marked
    assert all(len(line) <= 77 for line in lines)


def test_a_hexdump_shows_no_control_characters():
    error = DecodeError("x", offset=0, expected=1, found=2, buffer=memoryview(bytes(range(64))))
    assert all(line.isprintable() for line in error.hexdump().splitlines())


def test_the_tree_is_as_it_is_drawn():
    drawn = [line.split("(")[0].strip("│├└─ ") for line in errors.__doc__.splitlines()
             if line.strip().startswith(("├", "└", "│", "ZcvizError"))]  # fmt: skip
    names = {name.split()[0] for name in drawn}
    kinds = {name for name in errors.__all__ if name != "Problem"}
    assert names == kinds
    assert all(issubclass(getattr(errors, name), ZcvizError) for name in kinds)
