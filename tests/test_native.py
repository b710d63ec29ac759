"""Full decoding: every form, layout and number of threads gives what the reference decoder does."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import zcviz
from tests import guarded, helpers
from zcviz import chunks
from zcviz.buffers import HeldBytes
from zcviz.capture import Capture
from zcviz.codec import reference
from zcviz.errors import FieldError, SelectionError, TruncatedError
from zcviz.forms import choose_form
from zcviz.index import MessageIndex, build_index
from zcviz.kernels.rows import TURNED
from zcviz.native import Rows, decode, forms, native_dtype_of
from zcviz.protocols import FEEDS
from zcviz.protocols.binaryfile import BINARYFILE
from zcviz.spec import Field, Message, Protocol, WireType, alpha, char, i64, u8, u16, u32, u48, u64

ROOT = Path(__file__).resolve().parents[1]
LAYOUTS = ("rows", "columns")

WIDE = (char("type"), u64("a"), alpha("long", 64))
TEXT = (char("type"), alpha("ten", 10), u16("a"), alpha("twenty", 20))
ODD = (char("type"), alpha("three", 3), u48("t"), alpha("five", 5), u32("a"), u8("b"))
SIGNED = (char("type"), i64("a"), Field("b", WireType("int", 6)))
NAMED = {"wide": WIDE, "text": TEXT, "odd": ODD, "signed": SIGNED}
TEXTUAL = Protocol("textual", "long texts, and signs", tuple(
    Message(name, sum(each.type.size for each in fields), "made up", fields, name[:1].encode())
    for name, fields in NAMED.items()
))  # fmt: skip
PROTOCOLS = [*(feed for feed in FEEDS.values() if feed.head is None), TEXTUAL]


def captured(content: bytes | np.ndarray, protocol: Protocol = FEEDS["itch50"]) -> Capture:
    return Capture(HeldBytes(content, "test"), "binaryfile", protocol, BINARYFILE)


def some_of_each(protocol: Protocol, times: int, seed: int = 1) -> list[bytes]:
    """Random bytes for every message of a protocol, in random order."""
    random = np.random.default_rng(seed)
    messages = [
        bytes([message.key]) + random.bytes(message.size - 1)
        for message in protocol.messages
        for _ in range(times)
    ]
    random.shuffle(messages)
    return messages


def checked(decoded, messages: list[bytes], protocol: Protocol) -> None:
    """Compare every value with the reference decoder's."""
    for message in protocol.messages:
        ours = [each for each in messages if each[0] == message.key]
        rows = decoded[message.tag_text]
        assert len(rows) == len(ours)
        expected = [reference(message, each) for each in ours]
        for field in message.fields:
            found = rows.column(field.name)
            if field.type.is_number:
                assert found.tolist() == [each[field.name] for each in expected]
            else:
                assert found.tobytes() == b"".join(each[field.name] for each in expected)


def every_value(decoded) -> dict[str, bytes]:
    return {
        f"{tag}.{name}": rows.column(name).tobytes()
        for tag, rows in decoded.items()
        for name in rows.dtype.names
    }


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda each: each.name)
def test_rows_are_native_aligned_and_named_as_the_wire(protocol):
    for message in protocol.messages:
        dtype = native_dtype_of(message)
        assert list(dtype.names) == [field.name for field in message.fields]
        assert dtype.itemsize % 8 == 0
        ends = []
        for name in dtype.names:
            kind, at = dtype.fields[name][:2]
            assert kind.isnative
            assert at % kind.alignment == 0
            ends.append((at, at + kind.itemsize))
        ends.sort()
        assert all(stop <= start for (_, stop), (start, _) in pairwise(ends))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("form", forms())
@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda each: each.name)
def test_every_form_agrees_with_the_reference(protocol, form, layout):
    messages = some_of_each(protocol, 40)
    capture = captured(helpers.frames(*messages), protocol)
    decoded = decode(capture, form=form, layout=layout)
    checked(decoded, messages, protocol)
    assert decoded.form == form
    assert decoded.report.problems_total == 0
    assert decoded.report.truncated is None
    index, _ = build_index(capture)
    for threads in (1, 3):
        again = decode(capture, index, form=form, layout=layout, threads=threads)
        assert every_value(again) == every_value(decoded)


@pytest.mark.parametrize("form", forms())
def test_padding_is_zero(form):
    messages = some_of_each(FEEDS["itch50"], 3)
    decoded = decode(captured(helpers.frames(*messages)), form=form)
    for rows in decoded.values():
        used = np.zeros(rows.dtype.itemsize, bool)
        for kind, at, *_ in rows.dtype.fields.values():
            used[at : at + kind.itemsize] = True
        for chunk in rows.chunks:
            raw = chunk.view(np.uint8).reshape(len(chunk), -1)
            assert not raw[:, ~used].any()


@pytest.mark.parametrize("form", forms())
def test_a_file_may_end_anywhere(form):
    content = helpers.frames(*some_of_each(FEEDS["itch50"], 1))
    whole = captured(content)
    index, _ = build_index(whole)
    for stop in [*range(3, 200), *range(len(content) - 100, len(content))]:
        decoded = decode(captured(content[:stop]), form=form)
        number = int(np.searchsorted(index.offsets.astype(int) + index.sizes, stop, side="right"))
        expected = decode(whole, MessageIndex(*(
            array[:number] for array in (index.offsets, index.sizes, index.tags)
        )), form=form)  # fmt: skip
        assert every_value(decoded) == every_value(expected)
        assert (decoded.report.truncated is None) == (
            stop == (int(index.offsets[number]) - 2 if number < len(index) else len(content))
        )


def damaged() -> bytes:
    """Messages of unknown type, of a wrong length, long ones, between many sound ones."""
    sound, random = some_of_each(FEEDS["itch50"], 20), np.random.default_rng(4)
    odd = [b"?" * 17, b"?" * 300, b"\xff", b"A" * 35, b"A" * 400, b"D" * 20, b"S"]
    picked = [odd[i] for i in random.integers(0, len(odd), 40)]
    mixed = sound + picked
    return helpers.frames(*(mixed[i] for i in random.permutation(len(mixed))), b"", b"A" * 36)


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("form", forms())
def test_damage_is_reported_as_in_the_index(form, layout, threads):
    capture = captured(damaged())
    index, report = build_index(capture)
    decoded = decode(capture, form=form, layout=layout, threads=threads)
    assert decoded.report == report
    assert report.problems_total > 20
    unknown = {"?": 0, "0xFF": 0}
    for tag in index.tags.tolist():
        text = capture.protocol.tag_text(tag)
        if text in unknown:
            unknown[text] += 1
    assert decoded.unknown == unknown
    given_index = decode(capture, index, form=form, layout=layout, threads=threads)
    assert given_index.unknown == unknown
    assert given_index.report is None
    assert every_value(decoded) == every_value(given_index)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("form", forms())
def test_a_session_ends_where_a_length_is_zero(form, threads):
    many = some_of_each(FEEDS["itch50"], 30)
    capture = captured(helpers.frames(*many, b"", *many))
    decoded = decode(capture, form=form, threads=threads)
    checked(decoded, many, FEEDS["itch50"])
    assert decoded.report == build_index(capture)[1]
    assert decoded.report.ends == 1


def trap(chain: bytes) -> bytes:
    """Messages of the unknown type ``?`` that hold what looks like messages."""
    return helpers.frames(*[b"?" + chain for _ in range(20)])


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_what_looks_like_messages_inside_one_is_none(threads):
    # Threads but the first begin at a guess, and here each guess is wrong.
    inside = helpers.frames(*[helpers.delete(ref=i) for i in range(60)])
    real = [helpers.delete(ref=1000 + i) for i in range(3)]
    content = helpers.frames(*real) + trap(inside) + helpers.frames(*real) + trap(inside)[:-1]
    one, many = (decode(captured(content), threads=n) for n in (1, threads))
    assert one["D"].column("order_reference_number").tolist() == [1000, 1001, 1002] * 2
    assert every_value(many) == every_value(one)
    assert many.report == one.report
    assert many.unknown == one.unknown == {"?": 39}


@settings(max_examples=40)
@given(data=st.binary(min_size=1, max_size=400), threads=st.integers(1, 4))
def test_any_bytes_decode_as_the_index_has_it(data, threads):
    capture = captured(data)
    index, report = build_index(capture)
    decoded = decode(capture, threads=threads)
    assert decoded.report == report
    assert every_value(decoded) == every_value(decode(capture, index, form="fields"))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("form", forms())
def test_many_small_chunks(form, layout, monkeypatch):
    monkeypatch.setattr(chunks, "_LEAST", 100)
    monkeypatch.setattr(chunks, "_MOST", 400)
    monkeypatch.setattr(chunks, "_SMALL", 1000)
    monkeypatch.setattr(chunks, "_LARGE", 1000)
    messages = some_of_each(FEEDS["itch50"], 200)
    for threads in (1, 2):
        decoded = decode(
            captured(helpers.frames(*messages)), form=form, layout=layout, threads=threads
        )
        checked(decoded, messages, FEEDS["itch50"])
    if form != "fields" and layout == "rows":
        assert len(decoded["A"].chunks) > 10


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("form", forms())
def test_more_messages_than_are_turned_at_once(form, layout, monkeypatch):
    monkeypatch.setattr(chunks, "_MOST", 1 << 16)
    monkeypatch.setattr(chunks, "_SMALL", 1 << 17)
    monkeypatch.setattr(chunks, "_LARGE", 1 << 17)
    times = 5000 + 7
    assert times > 3 * TURNED
    messages = [helpers.delete(ref=i, locate=i % 100) for i in range(times)]
    messages += [helpers.add(ref=i, price=i) for i in range(times)]
    random = np.random.default_rng(2)
    random.shuffle(messages)
    capture = captured(helpers.frames(*messages))
    index, _ = build_index(capture)
    for decoded in (decode(capture, form=form, layout=layout, threads=n) for n in (1, 3)):
        for tag, at in (("D", 11), ("A", 11)):
            ours = [each for each in messages if each[:1] == tag.encode()]
            rows = decoded[tag]
            found = rows.column("order_reference_number").tolist()
            assert found == [int.from_bytes(each[at : at + 8], "big") for each in ours]
            found = rows.column("stock_locate").tolist()
            assert found == [int.from_bytes(each[1:3], "big") for each in ours]
            assert rows.column("message_type").tobytes() == tag.encode() * times
            assert form == "fields" or len(rows.chunks) > 2
        assert every_value(decoded) == every_value(decode(capture, index, form="fields"))


def test_only_some_types():
    messages = some_of_each(FEEDS["itch50"], 5)
    decoded = decode(captured(helpers.frames(*messages)), tags=["A", "order_delete"])
    assert list(decoded) == ["A", "D"]
    assert len(decoded["add_order"]) == len(decoded["D"]) == 5
    assert "A" in decoded
    assert "order_delete" in decoded
    assert not any(other in decoded for other in ("U", "?", None))
    with pytest.raises(SelectionError, match="'U' was not decoded; A, D were"):
        decoded["U"]
    with pytest.raises(SelectionError):
        decode(captured(helpers.frames(*messages)), tags=["?"])
    with pytest.raises(SelectionError):
        decoded["?"]


def test_a_type_without_messages():
    rows = decode(captured(helpers.frames(helpers.delete())))["A"]
    assert (len(rows), rows.chunks, rows["price"]) == (0, (), ())
    assert rows.column("price").dtype == np.uint32
    with pytest.raises(FieldError, match="no field 'nothing'"):
        rows["nothing"]


def test_columns_of_rows_are_views_and_columns_are_contiguous():
    capture = captured(helpers.frames(*some_of_each(FEEDS["itch50"], 5)))
    rows, columns = (decode(capture, layout=layout)["A"] for layout in LAYOUTS)
    (chunk,), (prices,) = rows.chunks, rows["price"]
    assert np.shares_memory(chunk, prices)
    assert prices.strides == (rows.dtype.itemsize,)
    assert columns["price"][0].flags.c_contiguous
    assert not np.shares_memory(rows.column("price"), prices)
    assert isinstance(rows, Rows)
    assert repr(rows) == "<Rows add_order: 5 in 1 chunks>"


def test_an_index_of_other_bytes_is_refused():
    content = helpers.frames(*some_of_each(FEEDS["itch50"], 3))
    index, _ = build_index(captured(content))
    for form in forms():
        for shorter in (len(content) - 1, len(content) // 2):
            with pytest.raises(TruncatedError):
                decode(captured(content[:shorter]), index, form=form, threads=2)
    if forms()[0] != "fields":
        with pytest.raises(TruncatedError):
            decode(captured(content[:50]), index, tags=["S"])
    offsets = index.offsets.astype(np.uint64)
    offsets[5] = 2**64 - 20
    for form in forms():
        with pytest.raises(TruncatedError):
            decode(captured(content), MessageIndex(offsets, index.sizes, index.tags), form=form)


def test_an_index_with_gaps_between_its_items():
    messages = some_of_each(FEEDS["itch50"], 9)
    capture = captured(helpers.frames(*messages))
    index, _ = build_index(capture)
    arrays = (index.offsets, index.sizes, index.tags)
    for form in forms():
        decoded = decode(capture, MessageIndex(*(array[1::2] for array in arrays)), form=form)
        checked(decoded, messages[1::2], FEEDS["itch50"])


def test_the_form_is_chosen(monkeypatch):
    monkeypatch.delenv("ZCVIZ_FORM", raising=False)
    assert choose_form() == forms()[0]
    assert forms()[-1] == "fields"
    monkeypatch.setenv("ZCVIZ_FORM", "fields")
    assert decode(captured(helpers.frames(helpers.delete()))).form == "fields"
    with pytest.raises(SelectionError, match="no form 'mmx'"):
        choose_form("mmx")


def test_packets_are_decoded_by_way_of_the_index(pcap_file):
    with zcviz.open(pcap_file) as feed:
        for decoded in (decode(feed.capture), decode(feed.capture, feed.index)):
            for tag, rows in decoded.items():
                table = feed.table(tag)
                for name in table:
                    assert rows.column(name).tobytes() == table[name].tobytes()


def test_without_numba_the_same_rows():
    code = (
        "import hashlib; from tests.test_native import *\n"
        "decoded = decode(captured(damaged()), threads=2)\n"
        "print(decoded.form, hashlib.sha256(repr(every_value(decoded)).encode()).hexdigest())"
    )
    lines = []
    for value in ("0", "1"):
        env = {**os.environ, "PYTHONPATH": str(ROOT), "ZCVIZ_NO_NUMBA": value, "ZCVIZ_FORM": ""}
        done = subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
        )
        lines.append(done.stdout.split())
    assert lines[0][1] == lines[1][1]
    assert lines[1][0] == "fields"


@guarded.needs_guards
@pytest.mark.parametrize("form", forms())
def test_no_byte_outside_is_read(form):
    assert "files" in guarded.survives("tests.test_native", ZCVIZ_FORM=form)


if __name__ == "__main__":
    guard, count = guarded.Guard(1 << 13), 0
    content = helpers.frames(*some_of_each(FEEDS["itch50"], 1))
    for stop in range(1, len(content), 3):
        for data in guard.both(content[:stop]):
            decode(captured(data), threads=1)
            index, _ = build_index(captured(data))
            decode(captured(data), index, threads=1)
            count += 1
    print(count, "files")
