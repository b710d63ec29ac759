"""Every decoder reads what the reference reads, for every message of every protocol."""

from __future__ import annotations

import importlib
import pkgutil
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import helpers, sbe
from tests.sbe import plain, values_by_hand
from zcviz import protocols
from zcviz.codec import (
    dtype_of,
    encode,
    encode_into,
    gather,
    gather_columns,
    reader,
    record_of,
    reference,
    view_of,
)
from zcviz.errors import BufferLifetimeError, SpecError, TruncatedError
from zcviz.protocols import FEEDS, binaryfile, ethernet, ipv4, itch50, moldudp64, pcap, udp
from zcviz.spec import (
    Message,
    alpha,
    char,
    f32,
    f64,
    i8,
    i16,
    i32,
    i64,
    raw,
    u8,
    u16,
    u32,
    u48,
    u64,
)

# Widths, signs and byte orders that no protocol of today needs are read by the same code.
_MIXED = (
    char("kind"), i32("a"), u48("b"), raw("c", 3), i64("d"), u8("e"), u16("f"), u48("g"),
    u64("h"), alpha("i", 5), u32("j"), f32("k"), i8("l"), f64("m"), i16("n"),
)  # fmt: skip
MIXED = [Message("mixed", 63, "invented", _MIXED, order=order) for order in (">", "<")]


def headers():
    """Every layout that a table of `zcviz.protocols` declares beside its messages."""
    found = {}
    for module in pkgutil.iter_modules(protocols.__path__):
        for value in vars(importlib.import_module(f"zcviz.protocols.{module.name}")).values():
            several = value.values() if isinstance(value, dict) else [value]
            found |= {id(each): each for each in several if isinstance(each, Message)}
    return list(found.values())


FIXED = list({
    id(each): each for each in [*headers(), *(m for feed in FEEDS.values() for m in feed), *MIXED]
}.values())  # fmt: skip
BLOCKS = [
    block
    for protocol in sbe.PROTOCOLS.values()
    for message in protocol
    for block in sbe.blocks(message)
]
MESSAGES = FIXED + BLOCKS
every_message = pytest.mark.parametrize(
    "message", MESSAGES, ids=lambda m: f"{m.name}{m.order}{m.block}"
)


def scattered(message, seed):
    """Random bytes, messages at random places in them, and how long the fixed part of each is."""
    random = np.random.default_rng([seed, message.size, len(message.fields)])
    data = random.integers(0, 256, 900, np.uint8)
    data[random.integers(0, 900, 80)] = 0  # text that ends in NULs, and numbers that are small
    last = len(data) - message.size
    offsets = np.unique(np.append(random.integers(0, last + 1, 9), [0, last]))
    if message.block < 0:
        return data.tobytes(), offsets, np.full(len(offsets), message.size)
    # As the wire has it: cut off anywhere, whole, or longer than documented.
    lengths = random.integers(0, message.size - message.block + 12, len(offsets))
    lengths[::3] = message.size - message.block
    if message.block:
        field = message["block_length"]
        for at, length in zip(offsets.tolist(), lengths.tolist(), strict=True):
            place = at + field.offset
            written = length.to_bytes(2, sbe_order(message))
            data[place : place + 2] = np.frombuffer(written, np.uint8)
        lengths = np.array([
            int.from_bytes(data[at + field.offset :][:2].tobytes(), sbe_order(message))
            for at in offsets.tolist()
        ])  # fmt: skip
    inside = offsets + message.block + lengths <= len(data)
    return data.tobytes(), offsets[inside], message.block + lengths[inside]


def sbe_order(message):
    return "big" if message.order == ">" else "little"


def lone(message, extent):
    """How a decoder is told the length of an entry; messages say it themselves."""
    return {} if message.block else {"block": extent}


@every_message
def test_one_message_reads_the_same_everywhere(message, as_buffer):
    data, offsets, extents = scattered(message, 1)
    assert len(offsets) > 2
    buffer = as_buffer(data)
    view = view_of(message)()
    decode = record_of(message)
    for at, extent in zip(offsets.tolist(), extents.tolist(), strict=True):
        expected = plain(values_by_hand(message, data, at, extent))
        told = lone(message, extent)
        assert plain(reference(message, buffer, at, **told)) == expected
        record = decode(buffer, at, **told)
        assert plain(record._asdict()) == expected
        assert list(record._fields) == list(expected)
        assert view.wrap(buffer, at, None if message.block else extent) is view
        assert plain(view._fields()) == expected
        assert plain(view.to_record()) == plain(record)
        for name, value in record._asdict().items():
            assert plain(getattr(view, name)) == expected[name]
            assert type(getattr(view, name)) is type(value)
            if message.block or extent >= message.size:
                assert plain(reader(message, name)(buffer, at)) == expected[name]


def as_values(column, field):
    """A column as Python values; text with the NULs at its end, which numpy drops."""
    if field.type.is_number:
        return plain(column.tolist())
    size = column.dtype.itemsize
    return [column[i : i + 1].tobytes()[:size] for i in range(len(column))]


@every_message
@pytest.mark.parametrize("offset_type", [np.uint32, np.uint64])
def test_columns_hold_the_same_values(message, offset_type):
    data, offsets, extents = scattered(message, 2)
    array = np.frombuffer(data, np.uint8)
    pairs = zip(offsets.tolist(), extents.tolist(), strict=True)
    wanted = [plain(values_by_hand(message, data, at, extent)) for at, extent in pairs]
    told = {} if message.block else {"blocks": extents.astype(np.uint32)}
    columns = gather_columns(array, offsets.astype(offset_type), message, None, **told)
    assert list(columns) == list(message.by_name)
    for field in message.fields:
        column = gather(array, offsets.astype(offset_type), message, field.name, **told)
        assert column.dtype.isnative
        assert column.shape == offsets.shape
        assert as_values(column, field) == [each[field.name] for each in wanted]
        assert column.tobytes() == columns[field.name].tobytes()
        if field.constant is None and not field.type.is_number:
            assert column.dtype.itemsize == field.type.size


@every_message
@pytest.mark.parametrize("chunk", [2, 100])
def test_several_columns_at_once(message, chunk, monkeypatch):
    monkeypatch.setattr("zcviz.codec.columns._CHUNK", chunk)
    data, offsets, extents = scattered(message, 6)
    inside = offsets + message.size + 8 <= len(data)  # and the others one by one: above
    offsets, extents = offsets[inside], extents[inside]
    array = np.frombuffer(data, np.uint8)
    for chosen in (extents >= 0, extents >= message.size):  # the latter all in one kernel
        offsets, extents = offsets[chosen], extents[chosen]
        places = offsets.astype(np.uint32)
        told = {} if message.block else {"blocks": extents.astype(np.uint32)}
        for names in (None, list(message.by_name)[::-2]):
            columns = gather_columns(array, places, message, names, **told)
            assert list(columns) == list(message.by_name if names is None else names)
            for name, column in columns.items():
                expected = [
                    plain(values_by_hand(message, data, at, extent))[name]
                    for at, extent in zip(offsets.tolist(), extents.tolist(), strict=True)
                ]
                assert as_values(column, message[name]) == expected
                assert column.tobytes() == gather(array, places, message, name, **told).tobytes()


@every_message
def test_columns_can_be_put_where_they_are_wanted(message):
    data, offsets, extents = scattered(message, 3)
    array = np.frombuffer(data, np.uint8)
    places, blocks = offsets.astype(np.uint32), extents.astype(np.uint32)
    for field in message.fields:

        def told(some, field=field):
            return {"blocks": blocks[some]} if not message.block else {}

        fresh = gather(array, places, message, field.name, **told(slice(None)))
        out = np.zeros_like(fresh)
        assert gather(array, places, message, field.name, out, **told(slice(None))) is out
        assert out.tobytes() == fresh.tobytes()
        some = gather(array, places[::2], message, field.name, **told(slice(None, None, 2)))
        assert some.tobytes() == fresh[::2].tobytes()
        assert len(gather(array, places[:0], message, field.name, **told(slice(0)))) == 0


@every_message
def test_the_dtype_lies_over_the_same_bytes(message):
    data, offsets, _ = scattered(message, 4)
    dtype = dtype_of(message)
    assert dtype.itemsize == message.size
    for at in offsets.tolist():
        if at + message.size > len(data):
            continue
        row = np.frombuffer(data, dtype, count=1, offset=at)
        for name, value in values_by_hand(message, data, at).items():
            field = message[name]
            if field.constant is not None:
                assert name not in dtype.names
            elif field.type.size == 6 and field.type.kind == "uint":
                joined = int(row[f"{name}_hi"][0]) << 32 | int(row[f"{name}_lo"][0])
                assert joined == value
            elif field.type.is_number:
                assert plain(row[name][0].item()) == plain(value)
            else:
                assert np.ascontiguousarray(row[name]).tobytes() == value


@pytest.mark.parametrize("message", FIXED, ids=lambda m: m.name + m.order)
def test_encoding_is_the_inverse(message):
    data, offsets, _ = scattered(message, 5)
    for at in offsets.tolist():
        values = values_by_hand(message, data, at)
        if "nan" in plain(values).values():
            continue  # of which there are many, and all read the same
        piece = data[at : at + message.size]
        assert encode(message, **values) == piece
        room = bytearray(b"\xee" * (message.size + 6))
        encode_into(message, room, 3, values)
        assert bytes(room) == b"\xee" * 3 + piece + b"\xee" * 3


@pytest.mark.parametrize("message", BLOCKS, ids=lambda m: f"{m.name}{m.order}{m.block}")
def test_encoding_a_block_is_the_inverse(message):
    data, offsets, extents = scattered(message, 5)
    for at, extent in zip(offsets.tolist(), extents.tolist(), strict=True):
        values = values_by_hand(message, data, at, extent)
        encoded = encode(message, **values)
        assert len(encoded) == (extent if message.block else message.size)
        assert plain(reference(message, encoded)) == plain(values)


@pytest.mark.parametrize("message", FIXED, ids=lambda m: m.name + m.order)
def test_nothing_is_read_beyond_the_end(message):
    data = bytes(range(256))[: message.size]
    array = np.frombuffer(data, np.uint8)
    for at in (1, message.size, 1000):
        with pytest.raises(TruncatedError) as caught:
            reference(message, data, at)
        assert caught.value.offset == at
        assert "expected" in str(caught.value)
        with pytest.raises(struct.error):
            record_of(message)(data, at)
        with pytest.raises(TruncatedError):
            gather(array, np.array([0, at], np.uint32), message, message.fields[-1].name)
    with pytest.raises(TruncatedError):
        reference(message, data, -1)
    assert plain(reference(message, data, 0)) == plain(values_by_hand(message, data, 0))


@pytest.mark.parametrize("message", BLOCKS, ids=lambda m: f"{m.name}{m.order}{m.block}")
def test_nothing_of_a_block_is_read_beyond_the_end(message):
    zeros = dict.fromkeys(message.by_name, 0)
    text = {f.name: bytes(f.type.size) for f in message.fields if not f.type.is_number}
    whole = encode(message, **{**zeros, **text, "block_length": None} if message.block else
                   {**zeros, **text})  # fmt: skip
    reference(message, whole)
    view = view_of(message)()
    fields = [each for each in message.fields if each.constant is None]
    for cut in range(len(whole)):
        data = whole[:cut]
        array = np.frombuffer(data, np.uint8)
        with pytest.raises(TruncatedError) as caught:
            reference(message, data, **lone(message, message.size))
        assert caught.value.offset == 0
        if message.block:
            with pytest.raises(TruncatedError):
                view.wrap(data)
        for field in fields:
            if field.end > cut:
                with pytest.raises(TruncatedError):
                    gather(array, np.zeros(1, np.uint32), message, field.name)
        if fields and fields[-1].end > cut:
            with pytest.raises(struct.error):
                record_of(message)(data)
    if message.block:
        for at in (-1, len(whole)):
            with pytest.raises(TruncatedError):
                reference(message, whole, at)
            with pytest.raises(TruncatedError):
                view.wrap(whole, at)


@given(st.data())
def test_any_values_survive_the_round_trip(data):
    message = data.draw(st.sampled_from(MESSAGES))
    values = {
        field.name: field.constant
        if field.constant is not None
        else data.draw(sbe.values_of(field))
        for field in message.fields
    }
    if message.block > 0:
        values["block_length"] = message.size - message.block
    encoded = encode(message, **values)
    assert len(encoded) == message.size
    assert plain(reference(message, encoded)) == plain(values)
    assert plain(record_of(message)(encoded)._asdict()) == plain(values)


@pytest.mark.parametrize("tag", helpers.DOCUMENTED)
def test_itch_messages_lie_where_the_document_says(tag):
    name, size, _ = helpers.DOCUMENTED[tag]
    message = itch50.ITCH50[tag]
    assert (message.name, message.size, message.tag) == (name, size, tag.encode())
    kinds = {"uint": "n", "alpha": "t"}
    table = [(f.name, kinds[f.type.kind], f.offset, f.type.size) for f in message.fields]
    assert table == helpers.layout_of(tag)
    assert itch50.ITCH50[name] is itch50.ITCH50[tag.encode()] is message


def test_itch_has_these_messages_and_no_others():
    assert len(helpers.DOCUMENTED) == 23
    assert [message.tag.decode() for message in itch50.ITCH50] == list(helpers.DOCUMENTED)


DOCUMENTED_HEADERS = {
    pcap.FILE_LITTLE: (24, "magic 0:4, version_major 4:2, version_minor 6:2, reserved1 8:4,"
                       " reserved2 12:4, snap_length 16:4, link_type 20:4"),
    pcap.RECORD_LITTLE: (16, "seconds 0:4, fraction 4:4, captured_length 8:4,"
                         " original_length 12:4"),
    ethernet.HEADER: (14, "destination 0:6, source 6:6, ethertype 12:2"),
    ethernet.VLAN: (4, "control 0:2, ethertype 2:2"),
    ipv4.HEADER: (20, "version_ihl 0:1, type_of_service 1:1, total_length 2:2, identification 4:2,"
                  " flags_fragment 6:2, time_to_live 8:1, protocol 9:1, checksum 10:2, source 12:4,"
                  " destination 16:4"),
    udp.HEADER: (8, "source_port 0:2, destination_port 2:2, length 4:2, checksum 6:2"),
    moldudp64.HEADER: (20, "session 0:10, sequence 10:8, count 18:2"),
    moldudp64.BLOCK: (2, "length 0:2"),
    binaryfile.FRAME: (2, "length 0:2"),
}  # fmt: skip


@pytest.mark.parametrize("message", DOCUMENTED_HEADERS, ids=lambda m: m.name)
def test_headers_lie_where_their_documents_say(message):
    size, fields = DOCUMENTED_HEADERS[message]
    assert message.size == size
    table = ", ".join(f"{f.name} {f.offset}:{f.type.size}" for f in message.fields)
    assert table == fields


def test_both_byte_orders_of_a_capture_have_the_same_layout():
    for little, big in ((pcap.FILE_LITTLE, pcap.FILE_BIG), (pcap.RECORD_LITTLE, pcap.RECORD_BIG)):
        assert (little.order, big.order) == ("<", ">")
        places = [[(f.name, f.offset, f.type) for f in each.fields] for each in (little, big)]
        assert places[0] == places[1]


def test_every_feed_protocol_is_big_endian_as_documented():
    assert {message.order for message in itch50.ITCH50} == {">"}
    assert {each.order for each in (ipv4.HEADER, udp.HEADER, moldudp64.HEADER)} == {">"}


def test_known_bytes_of_an_add_order():
    data = bytes.fromhex(
        "41 0d0e 0002 1a5e0b7c2f11 00000000000133f5 42 00000064 4141504c20202020 0030e2c8"
    )
    read = reference(itch50.ADD_ORDER, data)
    assert read == {
        "message_type": b"A", "stock_locate": 3342, "tracking_number": 2,
        "timestamp": 0x1A5E0B7C2F11, "order_reference_number": 78837,
        "buy_sell_indicator": b"B", "shares": 100, "stock": b"AAPL    ", "price": 3203784,
    }  # fmt: skip
    column = gather(
        np.frombuffer(data, np.uint8), np.zeros(3, np.uint32), itch50.ADD_ORDER, "stock"
    )
    assert column.tolist() == [b"AAPL    "] * 3


DELETE = {"stock_locate": 1, "tracking_number": 2, "timestamp": 3, "order_reference_number": 4}


def test_the_tag_need_not_be_given_and_text_is_padded():
    assert encode(itch50.ORDER_DELETE, **DELETE)[:1] == b"D"
    values = {**DELETE, "stock": b"AB", "reg_sho_action": b"1"}
    del values["order_reference_number"]
    assert encode(itch50.REG_SHO_RESTRICTION, **values)[11:19] == b"AB      "


@pytest.mark.parametrize(
    "change",
    [
        {"timestamp": 2**48}, {"timestamp": -1}, {"timestamp": 1.5}, {"timestamp": b"12"},
        {"stock_locate": 2**16}, {"stock_locate": -1}, {"stock_locate": b"x"},
        {"order_reference_number": 2**64}, {"order_reference_number": "4"},
        {"message_type": b"DD"}, {"message_type": 68}, {"price": 1},
        {"stock_locate": None},
    ],
    ids=str,
)  # fmt: skip
def test_values_that_do_not_fit_are_refused(change):
    with pytest.raises(SpecError):
        encode(itch50.ORDER_DELETE, **{**DELETE, **change})


def test_opaque_bytes_are_not_padded():
    kept = {"destination": b"\1" * 6, "source": b"\2" * 6, "ethertype": 0x800}
    assert encode(ethernet.HEADER, **kept) == b"\1" * 6 + b"\2" * 6 + b"\x08\x00"
    with pytest.raises(SpecError):
        encode(ethernet.HEADER, **{**kept, "source": b"\2" * 5})


def test_encoding_needs_the_room():
    with pytest.raises(SpecError):
        encode_into(itch50.ORDER_DELETE, bytearray(18), 0, DELETE)


def test_a_view_that_is_aimed_at_nothing_says_so():
    view = view_of(itch50.ORDER_DELETE)()
    assert not view.is_aimed
    for read in (lambda: view.timestamp, view.to_record, view.to_dict):
        with pytest.raises(BufferLifetimeError):
            read()
    assert "aimed at nothing" in repr(view)
    view.wrap(encode(itch50.ORDER_DELETE, **DELETE))
    assert view.is_aimed
    assert view.order_reference_number == 4
    view.revoke()
    view.revoke()
    with pytest.raises(BufferLifetimeError):
        view.order_reference_number  # noqa: B018


def test_a_view_has_the_fields_of_its_message_and_no_others():
    view = view_of(itch50.ORDER_DELETE)().wrap(encode(itch50.ORDER_DELETE, **DELETE))
    with pytest.raises(AttributeError, match="no field 'price'"):
        view.price  # noqa: B018
    with pytest.raises(AttributeError):
        view.timestamp = 5
    with pytest.raises(AttributeError):
        view.anything = 5
    assert view_of(itch50.ORDER_DELETE) is view_of(itch50.ORDER_DELETE)
    assert type(view).__name__ == "OrderDelete"


def test_a_view_follows_the_buffer_and_a_record_does_not():
    data = bytearray(encode(itch50.ORDER_DELETE, **DELETE))
    view = view_of(itch50.ORDER_DELETE)().wrap(data)
    record = view.to_record()
    data[18] = 99
    assert view.order_reference_number == 99
    assert record.order_reference_number == 4
