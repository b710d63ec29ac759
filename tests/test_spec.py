"""Declarations: offsets are derived, and a slip of the pen is found when a table is imported."""

from __future__ import annotations

import dataclasses

import pytest

from zcviz.errors import SelectionError, SpecError
from zcviz.protocols.itch50 import ITCH50
from zcviz.spec import (
    Message,
    Protocol,
    WireType,
    alpha,
    char,
    i32,
    i64,
    raw,
    tag_text,
    u8,
    u16,
    u32,
    u48,
    u64,
)  # fmt: skip


def message(*fields, size=None, name="thing", tag=None):
    total = sum(field.type.size for field in fields) if size is None else size
    return Message(name, total, "a document", fields, tag)


def test_offsets_follow_from_the_order_of_the_fields():
    made = message(u8("a"), u16("b"), u32("c"), u48("d"), u64("e"), i32("f"), i64("g"),
                   char("h"), alpha("i", 5), raw("j", 3))  # fmt: skip
    assert [field.offset for field in made.fields] == [0, 1, 3, 7, 13, 21, 25, 33, 34, 39]
    assert [field.end for field in made.fields][-1] == made.size == 42
    assert made["d"].type == WireType("uint", 6)
    assert made["g"].type == WireType("int", 8)


@pytest.mark.parametrize("size", [0, 2, 4, 100])
def test_a_size_that_is_not_the_sum_is_refused(size):
    with pytest.raises(SpecError, match="documented size"):
        message(u8("a"), u16("b"), size=size)


def test_two_fields_of_one_name_are_refused():
    with pytest.raises(SpecError, match="share a name"):
        message(u8("a"), u16("a"))


def test_two_messages_of_one_tag_or_name_are_refused():
    one = message(char("t"), tag=b"A", name="one")
    with pytest.raises(SpecError, match="two messages"):
        Protocol("p", "P", (one, message(char("t"), tag=b"A", name="two")))
    with pytest.raises(SpecError, match="two messages"):
        Protocol("p", "P", (one, message(char("t"), tag=b"B", name="one")))


def test_tables_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ITCH50["A"].size = 5
    with pytest.raises(dataclasses.FrozenInstanceError):
        ITCH50["A"]["price"].offset = 5
    with pytest.raises(TypeError):
        ITCH50["A"].by_name["price"] = None


def test_messages_are_found_by_tag_and_name():
    assert ITCH50["A"] is ITCH50[b"A"] is ITCH50["add_order"]
    assert ITCH50["h"].name == "operational_halt"
    assert ITCH50["H"].name == "trading_action"
    assert "A" in ITCH50
    assert b"A" in ITCH50
    assert "Z" not in ITCH50
    assert 5 not in ITCH50
    assert len(ITCH50) == len(list(ITCH50)) == 23
    with pytest.raises(SelectionError, match="S R H Y"):
        ITCH50["Z"]
    with pytest.raises(SpecError, match="stock_locate"):
        ITCH50["A"]["nothing"]


def test_class_names():
    assert ITCH50["A"].class_name == "AddOrder"
    assert ITCH50["C"].class_name == "OrderExecutedWithPrice"
    assert len({each.class_name for each in ITCH50}) == 23


@pytest.mark.parametrize(
    ("tag", "text"),
    [(0x41, "A"), (0x20, " "), (0x7E, "~"), (0x7F, "0x7F"), (0x1F, "0x1F"), (0, "0x00"),
     (0x0A, "0x0A"), (0xFF, "0xFF"), (0x80, "0x80")],
)  # fmt: skip
def test_a_tag_outside_printable_ascii_reads_in_hexadecimal(tag, text):
    assert tag_text(tag) == text


def test_every_table_names_its_source_and_units():
    for each in ITCH50:
        assert "§" in each.source
        for field in each.fields:
            if "price" in field.name and field.type.is_number:
                assert (field.unit, field.scale) == ("USD", 4)
            if field.name == "timestamp":
                assert (field.unit, field.clock) == ("ns", "midnight, US Eastern")
    assert {field.scale for field in ITCH50["V"].fields[4:]} == {8}
    assert ITCH50["K"]["ipo_quotation_release_time"].unit == "s"
    assert ITCH50["O"]["near_execution_time"].unit == "ns"
    assert ITCH50["Q"]["shares"].type.size == 8


def test_codes_fit_their_fields():
    for each in ITCH50:
        for field in each.fields:
            for value, meaning in field.codes.items():
                assert meaning
                assert isinstance(value, bytes)
                assert len(value) == field.type.size


@pytest.mark.parametrize(
    ("tag", "field", "codes"),
    [
        ("S", "event_code", "OSQMEC"), ("H", "trading_state", "HPQT"),
        ("Y", "reg_sho_action", "012"), ("W", "breached_level", "123"),
        ("K", "ipo_quotation_release_qualifier", "AC"), ("h", "market_code", "QBX"),
        ("h", "operational_halt_action", "HT"), ("A", "buy_sell_indicator", "BS"),
        ("C", "printable", "YN"), ("Q", "cross_type", "OCHA"),
        ("I", "imbalance_direction", "BSNOP"),
        ("N", "interest_flag", "BSAN"), ("O", "open_eligibility_status", "NY"),
    ],
)  # fmt: skip
def test_codes_are_the_documented_ones(tag, field, codes):
    known = b"".join(value for value in ITCH50[tag][field].codes)
    assert sorted(known.decode()) == sorted(codes)


def test_wire_types_read_as_words():
    made = message(u48("a"), i32("b"), alpha("c", 8), raw("d", 6))
    assert [str(field.type) for field in made.fields] == ["u48", "i32", "alpha 8", "bytes 6"]
    assert "add_order" in repr(ITCH50["A"])
    assert "23 messages" in repr(ITCH50)
