"""Hostile SBE: counts, lengths and schemas that lie. A result or our error, and never a hang."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import sbe
from tests.guarded import Guard, needs_guards, survives
from tests.sbe import COUNTED, HEADER, PROTOCOLS, STANDARD
from zcviz.codec import (
    data_rows,
    encode,
    encode_message,
    gather_columns,
    group_rows,
    reference,
    size_program,
    view_of,
)
from zcviz.codec.parts import after, unknown
from zcviz.errors import DecodeError, LengthMismatchError, SpecError, TruncatedError
from zcviz.kernels import COMPILED
from zcviz.kernels.groups import message_size
from zcviz.protocols.deribit import DERIBIT
from zcviz.schema import read_schema
from zcviz.spec import Group, Message

LEAF = {"n": 1}
INNER = {"price": 5, "ratio": 0.5, "deepest": [{"n": -1, "m": 2}], "note": b"abc"}
OUTER = {"id": 7, "side": b"1", "inner": [INNER], "leaf": [LEAF, LEAF], "text": b"hi", "blob": b"x"}
TREE = {**HEADER, "time": 12, "flag": 1, "outer": [OUTER, OUTER], "flat": [{"symbol": b"ABCDEF"}],
        "names": [{"name": b"x"}, {"name": b""}], "first": b"1st", "second": b"2"}  # fmt: skip
COUNTS = {STANDARD: {}, COUNTED: {"num_groups": 3, "num_var_data_fields": 2}}
NESTED = [(protocol, protocol["Nested"]) for protocol in PROTOCOLS.values()]
nested = pytest.mark.parametrize(
    ("protocol", "message"), NESTED, ids=lambda p: getattr(p, "order", "")
)


def by_view(message, content, size=None):
    """What a view says of the whole message, or which of our errors it raises."""
    try:
        view = view_of(message)().wrap(content, 0, size)
        whole = view.to_dict()
        after(message, view._parts(), 0, content)  # parts that the schema does not know
        return whole
    except (TruncatedError, LengthMismatchError) as error:
        assert 0 <= error.offset <= len(content)
        return type(error)


def by_arrays(protocol, message, content):
    """What arrays say of it: the entries of each group, the places of each text; None if bad."""
    array = np.frombuffer(content, np.uint8)
    where = np.zeros(1, np.uint32), np.array([len(content)])
    found = {}
    for path, entry in sbe.paths(message).items():
        rows = group_rows(array, *where, message, path)
        assert rows.bad_total in (0, 1)
        if rows.bad_total:
            assert len(rows) == 0
            number, problem = rows.bad[0]
            assert number == 0
            assert 0 <= problem.offset <= len(content)
            assert str(problem)
            return None
        columns = gather_columns(array, rows.offsets, entry, None, rows.blocks)
        found[path] = len(rows), {name: column.tobytes() for name, column in columns.items()}
    for data in message.data:
        rows = data_rows(array, *where, message, data.name)
        assert len(rows) == 1
        assert rows.offsets[0] + rows.blocks[0] <= len(content)
        found[data.name] = int(rows.offsets[0]), int(rows.blocks[0])
    size = message_size(array, 0, len(content), size_program(protocol))
    return found, size


def ways_agree(protocol, message, content):
    """Views and arrays accept or refuse the same bytes, and find the same number of entries."""
    whole, found = by_view(message, content), by_arrays(protocol, message, content)
    if found is None:
        assert isinstance(whole, type), whole
        return None
    assert isinstance(whole, dict), whole
    for group in message.groups:
        assert len(whole[group.name]) == found[0][group.name][0]
    for data in message.data:
        start, length = found[0][data.name]
        assert content[start : start + length] == whole[data.name]
    return whole


@nested
def test_every_truncation(protocol, message):
    content = encode_message(message, TREE)
    assert ways_agree(protocol, message, content)
    for cut in range(len(content)):
        assert ways_agree(protocol, message, content[:cut]) is None
        assert by_view(message, content, cut) is TruncatedError
        assert by_view(message, content, len(content) + cut) == by_view(message, content)


@nested
def test_flipped_bits(protocol, message):
    content = bytearray(encode_message(message, TREE))
    for at in range(len(content)):
        for bit in (0, 3, 7):
            content[at] ^= 1 << bit
            ways_agree(protocol, message, bytes(content))
            content[at] ^= 1 << bit


@nested
def test_mutations(protocol, message):
    noise = random.Random(11)
    content = encode_message(message, TREE)
    for _ in range(300):
        data = bytearray(content)
        for _ in range(noise.randint(1, 4)):
            at = noise.randrange(len(data))
            piece = data[at : at + noise.choice([1, 2, 4, 20])]
            data[at : at + len(piece)] = noise.choice(
                [b"", piece * 2, noise.randbytes(len(piece)), b"\0" * len(piece),
                 b"\xff" * len(piece)]
            )  # fmt: skip
        ways_agree(protocol, message, bytes(data))


@settings(max_examples=200)
@given(st.sampled_from(NESTED), st.binary(max_size=120))
def test_any_bytes(chosen, noise):
    protocol, message = chosen
    ways_agree(protocol, message, noise)
    # And as the body of a message, whose header is in order.
    block = min(len(noise), message.size - message.block)
    counts = COUNTS[COUNTED if "num_groups" in message.by_name else STANDARD]
    head = encode(message, **counts, **HEADER, time=1, flag=2, block_length=block)
    ways_agree(protocol, message, head[: message.block] + noise)


def dimension(group, **values):
    known = {name: values.get(name, 0) for name in group.dimension.by_name}
    return encode(group.dimension, **known)


def test_a_count_that_the_message_has_no_room_for():
    message = PROTOCOLS["<", STANDARD]["Nested"]
    root = encode(message, **HEADER, time=1, flag=2)
    claim = dimension(message.groups[0], block_length=9, num_in_group=255)
    content = root + claim + bytes(40)
    view = view_of(message)().wrap(content)
    with pytest.raises(TruncatedError, match=r"Nested.outer at byte 25: expected 2295 bytes"):
        view.outer  # noqa: B018
    with pytest.raises(TruncatedError):
        view.flat  # noqa: B018
    with pytest.raises(TruncatedError):
        view.first  # noqa: B018
    array = np.frombuffer(content * 3, np.uint8)
    offsets = np.array([0, len(content), 2 * len(content)], np.uint32)
    sizes = np.full(3, len(content))
    found = group_rows(array, offsets, sizes, message, "flat")
    assert (len(found), found.bad_total) == (0, 3)
    assert [number for number, _ in found.bad] == [0, 1, 2]
    assert found.bad[1][1].offset == len(content) + 25
    assert "entries beyond the end" in found.bad[1][1].what


def test_only_so_many_bad_messages_are_described():
    message = PROTOCOLS["<", STANDARD]["Nested"]
    content = encode(message, **HEADER, time=1, flag=2)
    good = encode_message(message, TREE)
    pieces = [good if i % 50 == 0 else content for i in range(400)]
    sizes = np.array([len(each) for each in pieces], np.uint16)
    offsets = np.append(0, np.cumsum(sizes[:-1])).astype(np.uint64)
    array = np.frombuffer(b"".join(pieces), np.uint8)
    found = group_rows(array, offsets, sizes, message, "outer")
    assert (len(found.bad), found.bad_total) == (100, 392)
    assert [number for number, _ in found.bad][:50] == [*range(1, 50), 51]
    assert set(found.rows.tolist()) == set(range(0, 400, 50))


@pytest.mark.parametrize("header", [STANDARD, COUNTED])
def test_entries_of_no_bytes(header):
    """65,535 of them cost nothing to send, and in groups inside groups would take for ever."""
    protocol = PROTOCOLS["<", header]
    message = protocol["Nested"]
    outer = message.groups[0]
    claims = {"block_length": 0, "num_in_group": 255}
    root = encode(message, **COUNTS[header], **HEADER, time=1, flag=2)
    flat = dimension(message.groups[1], block_length=0, num_in_group=255)
    none = dimension(outer)
    content = root + none + flat + bytes(100)
    view = view_of(message)().wrap(content)
    assert len(view.outer) == 0
    with pytest.raises(LengthMismatchError, match=r"Nested.flat at byte \d+: expected entries"):
        view.flat  # noqa: B018
    found = group_rows(
        np.frombuffer(content, np.uint8), np.zeros(1, np.uint32), np.array([len(content)]),
        message, "outer",
    )  # fmt: skip
    assert "no bytes" in found.bad[0][1].what
    if header == COUNTED:  # here a header can claim that nothing follows each entry
        content = root + dimension(outer, **claims) + bytes(100)
        with pytest.raises(LengthMismatchError):
            view.wrap(content).outer  # noqa: B018


def test_nested_claims_end_soon():
    """Groups in groups, each claiming 65,535 entries of no bytes: every level has to pay."""
    group = bytes.fromhex("0000 ffff 0100 0000")
    head = bytes.fromhex("0000 e703 0100 0300 0100 0000")
    program = size_program(DERIBIT)
    for levels in (1, 5, 15, 16, 17, 40, 5000):
        for tail in (b"", bytes(8), bytes(50_000), b"\xff" * 50_000):
            array = np.frombuffer(head + group * levels + tail, np.uint8)
            assert message_size(array, 0, len(array), program) <= 0
    empty = bytes.fromhex("0000 ffff 0000 0000")
    array = np.frombuffer(head + empty, np.uint8)
    assert message_size(array, 0, len(array), program) == -1
    none = bytes.fromhex("0000 0000 0000 0000")
    for inner in (none, none * 3):  # these can be claimed: each takes the bytes of its header
        array = np.frombuffer(head + bytes.fromhex("0000 0100 0100 0000") + inner, np.uint8)
        assert message_size(array, 0, len(array), program) == 28


def deep(levels):
    """A message of groups inside groups, one entry each, as no schema describes them."""
    group = bytes.fromhex("0000 0100 0100 0000")
    return bytes.fromhex("0000 0c00 0700 0300 0100 0000") + group * levels + bytes(8)


def test_how_deep_groups_of_no_schema_may_be():
    protocol = replace(PROTOCOLS["<", COUNTED], messages=())
    message = Message(
        "Bare", 12, "", PROTOCOLS["<", COUNTED]["Heartbeat"].fields, 12, "<", block=12
    )
    program = size_program(protocol)
    for levels in range(25):
        content = deep(levels)
        array = np.frombuffer(content, np.uint8)
        size = message_size(array, 0, len(content), program)
        assert size == (len(content) if levels <= 16 else -1)
        # A view steps over it to whatever follows.
        entry = Message("e", 0, "", (), order="<", block=0)
        known = replace(
            message, groups=(Group("a", *_like_unknown(entry)), Group("b", *_like_unknown(entry)))
        )
        view = view_of(known)().wrap(content)
        if levels <= 16:
            assert len(view.b) == 0
        else:
            with pytest.raises(DecodeError):
                list(view.a)


def _like_unknown(entry):
    return unknown((), "<")[0].dimension, entry


def test_sizes_and_offsets_that_lie():
    message = PROTOCOLS["<", STANDARD]["Nested"]
    content = encode_message(message, TREE)
    array = np.frombuffer(content, np.uint8)
    for size in (0, 3, len(content) + 1, 2**31, 2**40):
        found = group_rows(array, np.zeros(1, np.uint64), np.array([size]), message, "outer")
        assert (len(found), found.bad_total) == (0, 1)
    for offset in (1, len(content), 2**32, 2**62):
        where = np.array([offset], np.uint64)
        found = group_rows(array, where, np.array([len(content)]), message, "outer")
        assert (len(found), found.bad_total) == (0, 1)


def test_a_block_length_beyond_the_message():
    message = PROTOCOLS["<", STANDARD]["Everything"]
    content = bytearray(encode(message, **dict.fromkeys(message.by_name, 0) | {
        field.name: bytes(field.type.size) for field in message.fields if not field.type.is_number
    } | {"block_length": None}))  # fmt: skip
    content[0:2] = b"\xff\xff"
    with pytest.raises(TruncatedError, match="expected 65543 bytes"):
        view_of(message)().wrap(content)
    with pytest.raises(TruncatedError):
        reference(message, content)


# --- schemas -------------------------------------------------------------------------------------

GOOD = sbe.schema()


@settings(max_examples=150)
@given(st.integers(0, len(GOOD) - 1), st.integers(0, 60), st.binary(max_size=20))
def test_any_damage_to_a_schema(at, length, piece):
    content = GOOD[:at] + piece + GOOD[at + length :]
    try:
        protocol = read_schema(content)
    except SpecError as error:
        assert str(error)
        return
    size_program(protocol)


@given(st.binary(max_size=200))
def test_any_bytes_as_a_schema(content):
    with pytest.raises(SpecError):
        read_schema(content)


def test_every_truncated_schema():
    for cut in range(0, len(GOOD) - 1, 37):
        with pytest.raises(SpecError, match="line"):
            read_schema(GOOD[:cut])


def of_types(types, field="t"):
    fields = f'<field name="f" id="1" type="{field}"/>'
    whole = sbe.schema(messages=f'<message name="M" id="1">{fields}</message>')
    return whole.replace(b"<types>", b"<types>" + types.encode())


def doubling(levels):
    first = '<composite name="c0"><type name="a" primitiveType="uint8"/></composite>'
    rest = "".join(
        f'<composite name="c{n}"><ref name="a" type="c{n - 1}"/><ref name="b" type="c{n - 1}"/>'
        "</composite>"
        for n in range(1, levels)
    )
    return of_types(first + rest, f"c{levels - 1}")


BOMBS = {
    "entities": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]>'
    b"<messageSchema>&c;</messageSchema>",
    "a file": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>'
    b"<messageSchema>&b;</messageSchema>",
    "elements inside each other": b"<messageSchema>" * 100_000,
    "elements": b"<messageSchema>" + b"<a/>" * 250_000 + b"</messageSchema>",
    "doubling composites": doubling(40),
    "composites in composites": of_types(
        '<composite name="t">' + '<composite name="x">' * 30 + "</composite>" * 31
    ),
    "a composite in itself": of_types('<composite name="t"><ref name="a" type="t"/></composite>'),
    "two composites in each other": of_types(
        '<composite name="t"><ref name="a" type="u"/></composite>'
        '<composite name="u"><ref name="a" type="t"/></composite>'
    ),
    "an enumeration in itself": of_types('<enum name="t" encodingType="t"/>'),
    "a long array": of_types('<type name="t" primitiveType="uint64" length="65535"/>'),
    "a long text": of_types('<type name="t" primitiveType="char" length="99999999999999"/>'),
    "a far offset": of_types(
        '<composite name="t"><type name="a" primitiveType="uint8" offset="65535"/></composite>'
    ),
    "a long block": sbe.schema(messages='<message name="M" id="1" blockLength="65536"/>'),
    "groups in groups": sbe.schema(
        messages='<message name="M" id="1">' + '<group name="g" id="1">' * 9 + "</group>" * 9
        + "</message>"
    ),
    "fields": sbe.schema(
        messages='<message name="M" id="1">'
        + '<field name="f" id="1" type="Hundred"/>' * 60_000 + "</message>"
    ),
    "fields of composites": of_types(
        '<composite name="t">'
        + "".join(f'<type name="t{n}" primitiveType="uint8"/>' for n in range(999))
        + "</composite>"
    ).replace(b'type="t"/></message>', b'type="t"/>' + b'<field name="f" id="1" type="t"/>' * 60
              + b"</message>"),
    "too many bytes": b"<messageSchema>" + b" " * (17 << 20) + b"</messageSchema>",
    "a digit too many": of_types(f'<type name="t" primitiveType="uint8" length="{"9" * 5000}"/>'),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_bombs(name):
    with pytest.raises(SpecError, match=r"schema|line"):
        read_schema(BOMBS[name])


def test_text_in_many_pieces_and_equal_names_take_no_time():
    pieces = "a<!---->" * 200_000
    content = of_types(f'<type name="t" primitiveType="char" presence="constant">{pieces}</type>')
    assert len(read_schema(content)["M"]["f"].constant) == 200_000
    many = sbe.schema(
        messages='<message name="M" id="1">' + '<field name="f" id="1" type="uint8"/>' * 20_000
        + "</message>"
    )  # fmt: skip
    assert len(read_schema(many)["M"].fields) == 20_004


# --- memory --------------------------------------------------------------------------------------


@needs_guards
@pytest.mark.skipif(not COMPILED, reason="plain Python checks each index")
def test_no_kernel_reads_outside_its_bytes():
    assert "walked" in survives("tests.hostile.test_sbe")


def walk_between_guards():
    """Walk sound and damaged messages whose first or last byte is against forbidden memory."""
    guard, noise = Guard(1 << 13), random.Random(5)
    count = 0
    kinds = [(protocol, message, TREE) for protocol, message in NESTED]
    flat = {**HEADER, **sbe.flat_tree(2, 1, 9)}
    kinds += [(protocol, protocol["Flat"], flat) for protocol in sbe.FLAT]
    for protocol, message, tree in kinds:
        content = encode_message(message, tree)
        inputs = [content[:cut] for cut in range(len(content) + 1)]
        for _ in range(400):
            data = bytearray(content)
            for _ in range(noise.randint(1, 5)):
                data[noise.randrange(len(data))] = noise.choice([0, 1, 255, noise.randrange(256)])
            inputs.append(bytes(data))
        inputs += [noise.randbytes(noise.randrange(90)) for _ in range(300)]
        program = size_program(protocol)
        for each in inputs:
            for array in guard.both(each):
                message_size(array, 0, len(array), program)
                where = np.zeros(1, np.uint32), np.array([len(array)])
                for path, entry in sbe.paths(message).items():
                    found = group_rows(array, *where, message, path)
                    gather_columns(array, found.offsets, entry, None, found.blocks)
                for text in message.data[1:]:
                    data_rows(array, *where, message, text.name)
                count += 1
    print("walked", count)


if __name__ == "__main__":
    walk_between_guards()
