"""Groups and variable data: views, arrays and an oracle find the same, in any message."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import sbe
from tests.sbe import COUNTED, HEADER, PROTOCOLS, STANDARD, Walked, as_of, headless, plain
from zcviz.buffers import MappedFile
from zcviz.codec import (
    data_rows,
    encode_message,
    gather,
    gather_columns,
    group_of,
    group_rows,
    record_of,
    reference,
    size_program,
    view_of,
)
from zcviz.codec.groups import _headers_of
from zcviz.errors import (
    BufferLifetimeError,
    FieldError,
    SpecError,
)
from zcviz.kernels.groups import message_size, walk_flat
from zcviz.protocols.deribit import DERIBIT
from zcviz.protocols.itch50 import ITCH50
from zcviz.protocols.mdp3 import MDP3
from zcviz.schema import read_schema

EVERY = [(protocol, message) for protocol in PROTOCOLS.values() for message in protocol]
every_message = pytest.mark.parametrize(
    ("protocol", "message"), EVERY, ids=lambda each: getattr(each, "name", "")
)
nested = pytest.mark.parametrize(
    "message", [protocol["Nested"] for protocol in PROTOCOLS.values()], ids=lambda m: m.order
)
LEAF = {"n": 1}
INNER = {"price": 5, "ratio": 0.5, "deepest": [{"n": -1, "m": 2}, {"n": 3}], "note": b"abc"}
OUTER = {"id": 7, "side": b"1", "inner": [INNER, {**INNER, "deepest": [], "note": b""}],
         "leaf": [LEAF, {"n": -2}, LEAF], "text": b"hello", "blob": b"\0\1"}  # fmt: skip
TREE = {
    "time": 12, "flag": 1, "outer": [OUTER, {**OUTER, "inner": [], "leaf": []}, OUTER],
    "flat": [{"price": 1, "symbol": b"ABCDEF"}, {"symbol": b"GHIJKL"}],
    "names": [{"name": b"x"}, {"name": b""}, {"name": b"yz"}], "first": b"1st", "second": b"",
}  # fmt: skip


def encoded(message, tree, **header):
    return encode_message(message, {**HEADER, **header, **tree})


def laid_out(*messages):
    """Messages one after another, garbage between, as the arrays that an index has."""
    data, offsets = b"\xff" * 3, []
    for each in messages:
        offsets.append(len(data))
        data += each + b"\xff" * 5
    sizes = np.array([len(each) for each in messages], np.uint16)
    return np.frombuffer(data, np.uint8), np.array(offsets, np.uint32), sizes


@every_message
@settings(max_examples=25)
@given(st.data())
def test_what_is_written_is_read(protocol, message, data):
    tree = data.draw(sbe.trees(message))
    content = encoded(message, tree)
    before = data.draw(st.binary(max_size=3))
    buffer = before + content + data.draw(st.binary(max_size=3))
    at, size = len(before), len(content)
    view = view_of(message)().wrap(buffer, at, size)
    whole = view.to_dict()
    assert plain(headless(message, whole)) == plain(sbe.expected(message, tree))
    assert encode_message(message, whole) == content or "nan" in repr(plain(whole))
    for path in sbe.paths(message):
        assert plain(entries_by_array(buffer, at, size, message, path)) == plain(
            entries_by_oracle(buffer, at, message, path)
        )
    program = size_program(protocol)
    array = np.frombuffer(buffer, np.uint8)
    assert message_size(array, at, len(array), program) == size
    assert message_size(array, at, at + size, program) == size
    assert message_size(array, at, at + size - 1, program) <= 0


def entries_by_array(buffer, at, size, message, path):
    array = np.frombuffer(buffer, np.uint8)
    found = group_rows(array, np.array([at], np.uint64), np.array([size]), message, path)
    assert found.bad == ()
    entry = group_of(message, path).entry
    columns = gather_columns(array, found.offsets, entry, None, found.blocks)
    texts = [data_rows(array, np.array([at]), np.array([size]), message, f"{path}.{each.name}")
             for each in entry.data]  # fmt: skip
    rows = []
    for i, place in enumerate(found.offsets.tolist()):
        values = reference(entry, buffer, place, int(found.blocks[i]))
        for name, value in values.items():
            if isinstance(value, bytes):
                assert columns[name][i : i + 1].tobytes() == value
            else:
                assert plain(columns[name][i].item()) == plain(value)
        for text in texts:
            start, length = int(text.offsets[i]), int(text.blocks[i])
            values[f"text {len(values)}"] = buffer[start : start + length]
        rows.append(values)
    return rows


def entries_by_oracle(buffer, at, message, path):
    walked, entry = Walked(message, buffer, at), group_of(message, path).entry
    rows = []
    for i, (place, block) in enumerate(walked.entries[path]):
        values = sbe.values_by_hand(entry, buffer, place, block)
        for data in entry.data:
            start, length = walked.texts[f"{path}.{data.name}"][i]
            values[f"text {len(values)}"] = buffer[start : start + length]
        rows.append(values)
    return rows


@nested
def test_one_row_an_entry_with_the_number_of_its_message(message):
    trees = [TREE, {**TREE, "outer": [], "names": []}, {**TREE, "outer": [OUTER] * 9}, TREE]
    array, offsets, sizes = laid_out(*(encoded(message, tree) for tree in trees))
    counts = {
        "outer": [3, 0, 9, 3], "outer.inner": [4, 0, 18, 4], "outer.inner.deepest": [4, 0, 18, 4],
        "outer.leaf": [6, 0, 27, 6], "flat": [2, 2, 2, 2], "names": [3, 0, 3, 3],
    }  # fmt: skip
    assert list(counts) == list(sbe.paths(message))
    for path, wanted in counts.items():
        found = group_rows(array, offsets, sizes, message, path)
        assert np.bincount(found.rows, minlength=4).tolist() == wanted
        assert len(found) == sum(wanted)
        assert found.rows.tolist() == sorted(found.rows.tolist())
        assert (found.offsets.dtype, found.rows.dtype) == (np.uint32, np.uint32)
        oracle = [each for at in offsets.tolist()
                  for each in Walked(message, array.tobytes(), at).entries[path]]  # fmt: skip
        pairs = zip(found.offsets.tolist(), found.blocks.tolist(), strict=True)
        assert list(pairs) == oracle
        assert (found.bad, found.bad_total) == ((), 0)
    for path in ("first", "second", "names.name", "outer.text", "outer.blob", "outer.inner.note"):
        found = data_rows(array, offsets, sizes, message, path)
        oracle = [each for at in offsets.tolist()
                  for each in Walked(message, array.tobytes(), at).texts.get(path, [])]  # fmt: skip
        pairs = zip(found.offsets.tolist(), found.blocks.tolist(), strict=True)
        assert list(pairs) == oracle
    assert np.array_equal(data_rows(array, offsets, sizes, message, "first").rows, range(4))


@nested
def test_more_parts_than_there_is_room_for_at_first(message, monkeypatch):
    monkeypatch.setattr("zcviz.codec.groups._ROOM", 2)
    monkeypatch.setattr("zcviz.codec.groups._CHUNK", 3)
    trees = [{**TREE, "outer": [OUTER] * (1 + 7 * n % 12)} for n in range(11)]
    array, offsets, sizes = laid_out(*(encoded(message, tree) for tree in trees))
    for path in sbe.paths(message):
        found = group_rows(array, offsets, sizes, message, path)
        oracle = [(at, i) for i, start in enumerate(offsets.tolist())
                  for at, _ in Walked(message, array.tobytes(), start).entries[path]]  # fmt: skip
        assert list(zip(found.offsets.tolist(), found.rows.tolist(), strict=True)) == oracle


@contextmanager
def only_the_general_walk():
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("zcviz.codec.groups._headers_of", lambda message, wanted: None)
        yield


def test_where_the_straight_way_leads():
    for protocol in sbe.FLAT:
        for group in protocol["Flat"].groups:
            assert _headers_of(protocol["Flat"], group.entry) is not None
            more = replace(protocol["Flat"], data=PROTOCOLS["<", STANDARD]["Nested"].data)
            assert _headers_of(more, group.entry) is None
    for protocol in PROTOCOLS.values():
        for entry in sbe.paths(protocol["Nested"]).values():
            assert _headers_of(protocol["Nested"], entry) is None
    counted = {"fields": PROTOCOLS["<", COUNTED]["Heartbeat"].fields, "block": 12, "size": 12}
    message = replace(sbe.FLAT[0]["Flat"], **counted)
    assert _headers_of(message, message.groups[0].entry) is None


@pytest.mark.parametrize("message", [each["Flat"] for each in sbe.FLAT], ids=lambda m: m.order)
@settings(max_examples=150)
@given(data=st.data())
def test_the_straight_way_finds_what_the_general_walk_finds(message, data):
    """Sound messages up to the end of the buffer, damaged ones, cut ones, older ones, noise."""
    few = st.integers(0, 9)
    pieces = []
    for first, second, third in data.draw(st.lists(st.tuples(few, few, few), max_size=6)):
        version = data.draw(st.sampled_from([1, 2, 3, 3, 3, 4]))
        piece = bytearray(encoded(message, sbe.flat_tree(first, second, third), version=version))
        places = st.integers(0, len(piece) - 1)
        for at in data.draw(st.lists(places, max_size=2) | st.just([])):
            piece[at] = data.draw(st.sampled_from([0, 1, 255]) | st.integers(0, 255))
        pieces.append(bytes(piece[: len(piece) - data.draw(st.just(0) | few)]))
    pieces += data.draw(st.lists(st.binary(max_size=60), max_size=2))
    sizes = np.array([len(each) for each in pieces], np.uint16)
    offsets = (np.cumsum(sizes) - sizes).astype(np.uint32)
    sizes[data.draw(st.integers(0, len(sizes))) :][:1] += data.draw(st.just(0) | few)
    array = np.frombuffer(b"".join(pieces), np.uint8)
    for group in message.groups:
        here = group_rows(array, offsets, sizes, message, group.name)
        with only_the_general_walk():
            there = group_rows(array, offsets, sizes, message, group.name)
        for name in ("offsets", "rows", "blocks"):
            assert getattr(here, name).tolist() == getattr(there, name).tolist()
        assert (here.bad, here.bad_total) == (there.bad, there.bad_total)


@pytest.mark.parametrize("message", [each["Flat"] for each in sbe.FLAT], ids=lambda m: m.order)
def test_the_straight_way_is_taken_to_the_last_message(message, monkeypatch):
    monkeypatch.setattr("zcviz.codec.groups._ROOM", 2)
    monkeypatch.setattr("zcviz.codec.groups._CHUNK", 3)
    counts = [(n % 3, 17 * n % 13, n) for n in range(11)]
    array, offsets, sizes = laid_out(*(encoded(message, sbe.flat_tree(*each)) for each in counts))
    array = np.append(array, np.zeros(8, np.uint8))
    for number, group in enumerate(message.groups):
        found = group_rows(array, offsets, sizes, message, group.name)
        walked = [Walked(message, array.tobytes(), at) for at in offsets.tolist()]
        oracle = [(at, i, block) for i, each in enumerate(walked)
                  for at, block in each.entries[group.name]]  # fmt: skip
        columns = found.offsets.tolist(), found.rows.tolist(), found.blocks.tolist()
        assert list(zip(*columns, strict=True)) == oracle
        assert len(found) == sum(each[number] for each in counts)
    headers = _headers_of(message, message.groups[2].entry)
    places, rows, blocks = np.zeros((3, 100), np.uint32)
    starts, lengths = offsets.astype(np.int64), sizes.astype(np.int64)
    done, total = walk_flat(
        array, starts, lengths, 0, headers, message.order == ">", 0, places, rows, blocks
    )
    assert (done, total) == (len(counts), sum(range(11)))


@nested
@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_messages_of_other_versions(message, version):
    """Parts that an older writer did not know are absent; fields have their null."""
    old = as_of(message, version)
    content = encode_message(old, {**HEADER, "version": version, **pruned(old, TREE)})
    view = view_of(message)().wrap(content)
    assert view.flag == (1 if version >= 2 else 255)
    assert len(view.outer) == 3
    for entry in view.outer:
        assert entry.side == (b"1" if version >= 2 else b"\0")
        assert bytes(entry.text) == b"hello"
        assert bytes(entry.blob) == (b"\0\1" if version >= 3 else b"")
    assert len(view.flat) == 2
    assert len(view.names) == (3 if version >= 2 else 0)
    assert [bytes(each.name) for each in view.names] == [b"x", b"", b"yz"][: len(view.names)]
    assert bytes(view.first) == b"1st"
    assert bytes(view.second) == b""
    array, offsets, sizes = laid_out(content)
    for path in sbe.paths(message):
        found = group_rows(array, offsets, sizes, message, path)
        assert found.bad_total == 0
        oracle = Walked(message, array.tobytes(), 3).entries[path]
        pairs = zip(found.offsets.tolist(), found.blocks.tolist(), strict=True)
        assert list(pairs) == oracle
    outer = group_rows(array, offsets, sizes, message, "outer")
    entry = group_of(message, "outer").entry
    sides = gather(array, outer.offsets, entry, "side", blocks=outer.blocks)
    assert sides.tolist() == [b"1" if version >= 2 else b""] * 3
    assert gather(array, offsets, message, "flag").tolist() == [1 if version >= 2 else 255]
    for path in ("first", "second", "outer.blob"):
        found = data_rows(array, offsets, sizes, message, path)
        wanted = {"first": [3], "second": [0], "outer.blob": [2 if version >= 3 else 0] * 3}
        assert found.blocks.tolist() == wanted[path]


def pruned(message, tree):
    """What of a tree a message of fewer parts has."""
    groups = {group.name: group for group in message.groups}
    names = {*message.by_name, *groups, *(each.name for each in message.data)}
    return {name: [pruned(groups[name].entry, each) for each in value] if name in groups else value
            for name, value in tree.items() if name in names}  # fmt: skip


@pytest.mark.parametrize("order", "<>")
def test_parts_that_no_schema_knows_are_stepped_over_where_they_are_counted(order):
    new = PROTOCOLS[order, COUNTED]["Nested"]
    old = as_of(new, 1)
    content = encoded(new, TREE)
    for reader, flag in ((old, None), (new, 1)):
        view = view_of(reader)().wrap(content)
        assert len(view.outer) == 3
        assert [bytes(entry.text) for entry in view.outer] == [b"hello"] * 3
        assert getattr(view, "flag", None) == flag
        assert bytes(view.first) == b"1st"
        array, offsets, sizes = laid_out(content, content)
        for path in sbe.paths(reader):
            here, there = (group_rows(array, offsets, sizes, each, path) for each in (reader, new))
            assert np.array_equal(here.offsets, there.offsets)
    bare = replace(PROTOCOLS[order, COUNTED], messages=())
    array = np.frombuffer(content + b"\xee" * 9, np.uint8)
    # Of no template at all: as the standard recommends, so not in this schema's own headers.
    assert message_size(array, 0, len(array), size_program(PROTOCOLS[order, COUNTED])) == len(
        content
    )
    heartbeat = encoded(PROTOCOLS[order, COUNTED]["Heartbeat"], {}, template_id=999)
    for protocol in (bare, PROTOCOLS[order, COUNTED]):
        array = np.frombuffer(heartbeat + b"\xee", np.uint8)
        assert message_size(array, 0, len(array), size_program(protocol)) == 12


def test_unknown_templates_are_stepped_over_only_where_parts_are_counted():
    message = PROTOCOLS["<", STANDARD]["Heartbeat"]
    array = np.frombuffer(encoded(message, {}, template_id=999), np.uint8)
    assert message_size(array, 0, 8, size_program(PROTOCOLS["<", STANDARD])) == 0
    assert message_size(array, 0, 8, size_program(MDP3)) == 0
    with pytest.raises(SpecError):
        size_program(ITCH50)


def test_deribits_messages_need_no_schema_to_be_stepped_over():
    """Header and dimension as the venue documents them, in bytes."""
    group = bytes.fromhex("0300 0200 0000 0000") + b"abcdef"
    inner = bytes.fromhex("0100 0100 0000 0100") + b"x" + b"\x02hi"
    outer = bytes.fromhex("0000 0200 0100 0000") + inner * 2
    message = bytes.fromhex("0400 e703 0100 0300 0300 0200") + b"root" + group + outer
    message += bytes.fromhex("0000 0000 0000 0000") + b"\x00" + b"\x03end"
    array = np.frombuffer(message * 2, np.uint8)
    program = size_program(DERIBIT)
    assert message_size(array, 0, len(array), program) == len(message)
    assert message_size(array, len(message), len(array), program) == len(message)
    for cut in range(len(message)):
        assert message_size(array, 0, cut, program) <= 0


@nested
def test_views_move_and_follow_the_buffer(message):
    content = bytearray(encoded(message, TREE))
    view = view_of(message)().wrap(content)
    entries = view.outer
    assert repr(entries).startswith("<3 entries of ")
    seen = list(entries)
    assert seen[0] is seen[1] is seen[2]
    kept = [entry.to_record() for entry in entries]
    assert kept[0].id == 7
    assert kept[0] == record_of(seen[0].message)(content, seen[0]._at)
    text = view.first
    assert isinstance(text, memoryview)
    assert text.readonly
    place = content.index(b"1st")
    content[place : place + 3] = b"2nd"
    assert bytes(text) == b"2nd"
    assert [len(entry.inner) for entry in view.outer] == [2, 0, 2]
    first = next(iter(view.outer))
    assert [len(each.deepest) for each in first.inner] == [2, 0]
    assert [[row.n for row in each.deepest] for each in first.inner] == [[-1, 3], []]
    assert [entry.n for entry in first.leaf] == [1, -2, 1]
    assert "id=7" in repr(first)


@nested
def test_a_revoked_view_takes_its_entries_with_it(message):
    view = view_of(message)()
    with pytest.raises(BufferLifetimeError):
        view.outer  # noqa: B018
    with pytest.raises(BufferLifetimeError):
        view.first  # noqa: B018
    view.wrap(encoded(message, TREE))
    loop = iter(view.outer)
    entry = next(loop)
    inner = next(iter(entry.inner))
    assert (entry.id, inner.price, entry.mic) == (7, 5, b"XZCV")
    view.revoke()
    for read in (
        lambda: entry.id, lambda: entry.mic, lambda: entry.side, lambda: inner.price,
        lambda: inner.note, lambda: view.outer, lambda: view.first, lambda: next(loop),
        view.to_dict, entry.to_dict, entry.to_record,
    ):  # fmt: skip
        with pytest.raises(BufferLifetimeError):
            read()
    assert "aimed at nothing" in repr(view)
    assert "aimed at nothing" in repr(entry)
    assert not entry.is_aimed


@nested
def test_a_map_can_be_closed_under_views_but_not_under_var_data(message, tmp_path):
    path = tmp_path / "message"
    path.write_bytes(encoded(message, TREE))
    source = MappedFile(path)
    view = view_of(message)().wrap(source.view)
    entry = next(iter(view.outer))
    text = view.first
    with pytest.raises(BufferLifetimeError):
        source.close()
    assert bytes(text) == b"1st"
    text.release()
    view.revoke()
    source.close()
    with pytest.raises(BufferLifetimeError):
        entry.id  # noqa: B018


def test_paths_that_lead_nowhere():
    message = PROTOCOLS["<", STANDARD]["Nested"]
    array, offsets, sizes = laid_out(encoded(message, TREE))
    for path, says in [
        ("nothing", "has no group 'nothing'; it has outer, flat, names"),
        ("outer.nothing", "has no group 'nothing'; it has inner, leaf"),
        ("flat.inner", "has no group 'inner'; it has none"),
        ("", "has no group ''"),
    ]:
        with pytest.raises(FieldError, match=says):
            group_rows(array, offsets, sizes, message, path)
    for path, says in [
        ("nothing", "has no var-data 'nothing'; it has first, second"),
        ("flat.nothing", "has no var-data 'nothing'; it has none"),
        ("none.first", "has no group 'none'"),
    ]:
        with pytest.raises(FieldError, match=says):
            data_rows(array, offsets, sizes, message, path)
    empty = group_rows(array, offsets[:0], sizes[:0], message, "flat")
    assert (len(empty), empty.offsets.dtype) == (0, np.uint32)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"outer": [{**OUTER, "id": None}]}, "id has no value"),
        ({"outer": [{**OUTER, "price": 1}]}, "no field price"),
        ({"flat": [{"symbol": b"too long"}]}, "too long"),
        ({"flat": [{"symbol": b"A"}] * 256}, "num_in_group|255|256"),
        ({"first": bytes(256)}, "256 bytes are too many"),
        ({"nothing": []}, "no field nothing"),
        ({"time": None}, "time has no value"),
        ({"time": 2**64}, "Nested"),
    ],
)
def test_messages_that_cannot_be_written(change, says):
    message = PROTOCOLS["<", STANDARD]["Nested"]
    with pytest.raises(SpecError, match=says):
        encoded(message, {**TREE, **change})


def test_groups_and_data_can_be_given_apart():
    message = PROTOCOLS["<", STANDARD]["Nested"]
    values = {**HEADER, "time": 12, "flag": 1}
    groups = {name: TREE[name] for name in ("outer", "flat", "names")}
    data = {"first": b"1st", "second": b""}
    assert encode_message(message, values, groups, data) == encoded(message, TREE)
    assert encode_message(message, values) == encoded(message, {"time": 12, "flag": 1})


class TestRealCaptures:
    """What the independent decoder counted, and not a byte left over."""

    @staticmethod
    def schema(captures, name, base):
        path = captures.parent / "schemas" / name
        if not path.exists():
            pytest.skip(f"no schema at {path}")
        return read_schema(path, base)

    def test_cme(self, captures):
        protocol = self.schema(captures, "cme_mdp3_v1.6.xml", MDP3)
        messages = sbe.messages_of(captures / "cme-mdp3-v6-20161112.pcapng")
        assert len(messages) == 20546
        array, offsets, sizes = laid_out(*messages)
        program = size_program(protocol)
        tags = gather(array, offsets, protocol["32"], "template_id")
        assert {tag: int((tags == tag).sum()) for tag in set(tags.tolist())} == {
            32: 19138, 35: 614, 42: 388, 37: 388, 12: 18,
        }  # fmt: skip
        for i in range(0, len(messages), 7):
            at = int(offsets[i])
            assert message_size(array, at, at + int(sizes[i]) + 5, program) == sizes[i]
        for tag in (32, 35, 42, 37):
            self.same_by_view(array, offsets[tags == tag], sizes[tags == tag], protocol[tag])
        chosen = tags == 32
        found = group_rows(array, offsets[chosen], sizes[chosen], protocol["32"], "NoMDEntries")
        assert set(found.blocks.tolist()) == {32}
        entry = group_of(protocol["32"], "NoMDEntries").entry
        assert entry.fields[-1].end == 27
        types = gather(array, found.offsets, entry, "MDEntryType", blocks=found.blocks)
        assert set(types.tolist()) <= set(entry["MDEntryType"].codes)

    def test_deribit(self, captures):
        protocol = self.schema(captures, "deribit_multicast_v3.xml", DERIBIT)
        packets = sbe.messages_of(captures / "deribit-sbe-20230615.pcapng")
        counts: dict[int, int] = {}
        view = {message.tag: view_of(message)() for message in protocol}
        programs = size_program(protocol), size_program(DERIBIT)
        for packet in packets:
            array, at = np.frombuffer(packet, np.uint8), 0
            while at < len(packet):
                size, again = (message_size(array, at, len(packet), each) for each in programs)
                assert size == again > 0
                tag = int.from_bytes(packet[at + 2 : at + 4], "little")
                counts[tag] = counts.get(tag, 0) + 1
                whole = view[tag].wrap(packet, at, size).to_dict()
                assert encode_message(protocol[tag], whole) == packet[at : at + size]
                at += size
        assert len(packets) == 5066
        assert counts == {1003: 4211, 1001: 1064, 1008: 468, 1002: 332, 1004: 197, 1000: 194,
                          1010: 194, 1005: 60, 1006: 60}  # fmt: skip

    @staticmethod
    def same_by_view(array, offsets, sizes, message):
        data = array.tobytes()
        view = view_of(message)()
        for group in message.groups:
            found = group_rows(array, offsets, sizes, message, group.name)
            assert found.bad_total == 0
            columns = gather_columns(array, found.offsets, group.entry, None, found.blocks)
            records = [
                entry.to_record()
                for at, size in zip(offsets.tolist(), sizes.tolist(), strict=True)
                for entry in getattr(view.wrap(data, at, size), group.name)
            ]
            assert list(zip(*(each.tolist() for each in columns.values()), strict=True)) == records
