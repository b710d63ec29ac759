"""SBE schemas: what each construct of the XML becomes."""

from __future__ import annotations

import math

import pytest

from tests import sbe
from tests.sbe import COUNTED, PROTOCOLS, STANDARD
from zcviz.codec import BlockFlyweight, encode_message, view_of
from zcviz.errors import SpecError
from zcviz.protocols.deribit import DERIBIT
from zcviz.protocols.mdp3 import MDP3
from zcviz.schema import read_schema
from zcviz.schema.messages import RESERVED
from zcviz.spec import Protocol, WireType, f64, i64, u8, u16, u32, u64

EVERYTHING = PROTOCOLS["<", STANDARD]["Everything"]


def fields_of(types="", *fields, attributes="", rest=""):
    """The message of a schema of these types and fields, each (name, type, other attributes)."""
    listed = "".join(
        f'<field name="{name}" id="{n}" type="{kind}" {more}/>'
        for n, (name, kind, *others) in enumerate(fields, 1)
        for more in [" ".join(others)]
    )
    content = sbe.schema(
        messages=f'<message name="M" id="1" {attributes}>{listed}{rest}</message>'
    ).replace(b"<types>", b"<types>" + types.encode())
    return read_schema(content)["M"]


def one(types="", kind="t", *others):
    """The only field of that type."""
    return fields_of(types, ("f", kind, *others)).fields[4]


def test_the_offsets_of_everything():
    """As SBE counts them, from the first byte after the header."""
    places = {f.name: f.offset - 8 for f in EVERYTHING.fields if f.constant is None}
    assert places == {
        "block_length": -8, "template_id": -6, "schema_id": -4, "version": -2,
        "i8": 0, "i16": 1, "i32": 4, "i64": 8, "u8": 16, "u16": 17, "u32": 19, "u64": 23,
        "f32": 31, "f64": 48, "c": 56, "symbol": 57, "hash": 63, "trio_0": 67, "trio_1": 69,
        "trio_2": 71, "ni8": 73, "nu64": 74, "nf32": 82, "qty": 86, "side": 90, "action": 91,
        "flags": 92, "price": 94, "size_mantissa": 102, "size_exponent": 110, "time": 111,
        "millis": 119, "deal_price": 132, "deal_party_id": 140, "deal_party_side": 142,
        "deal_kind": 146, "deal_bits": 147, "later": 150, "latest": 154, "end": 162,
    }  # fmt: skip
    assert (EVERYTHING.size, EVERYTHING.block, EVERYTHING.tag) == (198, 8, 1)
    assert EVERYTHING["i32"].padding == 1
    assert EVERYTHING["deal_price"].padding == 5
    assert EVERYTHING.doc == "of each kind one"
    assert EVERYTHING.source.startswith("schema, line ")


@pytest.mark.parametrize("order", "<>")
def test_the_header_comes_first_in_each_message(order):
    for header, size in ((STANDARD, 8), (COUNTED, 12)):
        protocol = PROTOCOLS[order, header]
        names = ["block_length", "template_id", "schema_id", "version"]
        names += ["num_groups", "num_var_data_fields"] * (size == 12)
        assert [each.name for each in protocol.head.fields] == names
        assert (protocol.head.size, protocol.head.order) == (size, order)
        for message in protocol:
            assert [each.name for each in message.fields[: len(names)]] == names
            assert (message.block, message.order) == (size, order)
            assert {each.order for each in sbe.blocks(message)} == {order}
    protocol = PROTOCOLS[order, STANDARD]
    assert (protocol.name, protocol.title) == ("made.up", "made.up, version 3")
    assert (protocol.schema_id, protocol.framings) == (7, ())
    assert protocol[40] is protocol["40"] is protocol["Nested"]


def test_constants_take_no_bytes():
    for name, value in {"hundred": 100, "ratio": 0.5, "mic": b"XZCV", "only": b"2"}.items():
        field = EVERYTHING[name]
        assert (field.constant, field.type.size, field.null) == (value, 0, None)
    assert one('<type name="t" primitiveType="int8" presence="constant">-7</type>').constant == -7
    assert one('<type name="t" primitiveType="char" presence="constant"> </type>').constant == b" "


@pytest.mark.parametrize(
    ("primitive", "kind", "size", "null"),
    [
        ("int8", "int", 1, -128), ("int16", "int", 2, -32768), ("int32", "int", 4, -(2**31)),
        ("int64", "int", 8, -(2**63)), ("uint8", "uint", 1, 255), ("uint16", "uint", 2, 65535),
        ("uint32", "uint", 4, 2**32 - 1), ("uint64", "uint", 8, 2**64 - 1),
        ("float", "float", 4, math.nan), ("double", "float", 8, math.nan),
        ("char", "alpha", 1, None),
    ],
)  # fmt: skip
def test_primitive_types_and_their_nulls(primitive, kind, size, null):
    """SBE 1.0, field encoding: the tables of null values."""
    assert (one("", primitive).type, one("", primitive).null) == (WireType(kind, size), None)
    declared = f'<type name="t" primitiveType="{primitive}" presence="optional"/>'
    for field in (one(declared), one("", primitive, 'presence="optional"')):
        assert field.type == WireType(kind, size)
        assert sbe.plain(field.null) == sbe.plain(null)
    if kind in ("int", "uint"):
        other = f'<type name="t" primitiveType="{primitive}" presence="optional" nullValue="7"/>'
        assert one(other).null == 7
        assert one("", primitive, 'presence="optional" nullValue="9"').null == 9
        assert one(other, "t", 'presence="optional"').null == 7


def test_arrays():
    assert EVERYTHING["symbol"].type == WireType("alpha", 6)
    assert EVERYTHING["hash"].type == WireType("raw", 4)
    assert [EVERYTHING[f"trio_{n}"].type for n in range(3)] == [WireType("uint", 2)] * 3
    floats = fields_of('<type name="t" primitiveType="float" length="2"/>', ("f", "t"))
    assert [each.name for each in floats.fields[4:]] == ["f_0", "f_1"]


def test_enumerations_and_sets():
    assert dict(EVERYTHING["side"].codes) == {b"1": "Buy", b"2": "Sell"}
    assert dict(EVERYTHING["action"].codes) == {0: "New", 1: "Change"}
    assert EVERYTHING["action"].null == 255
    assert EVERYTHING["side"].null is None
    assert dict(EVERYTHING["flags"].flags) == {"First": 1, "Last": 0x8000}
    empty = '<set name="t" encodingType="uint8"><choice name="c">7</choice></set>'
    assert one(empty, "t", 'presence="optional"').null is None
    space = '<enum name="t" encodingType="char"><validValue name="None"> </validValue></enum>'
    assert dict(one(space).codes) == {b" ": "None"}


def test_decimals_and_composites():
    assert (EVERYTHING["price"].scale, EVERYTHING["price"].null) == (7, -(2**63))
    assert EVERYTHING["price"].type == WireType("int", 8)
    assert EVERYTHING["size_mantissa"].scale == 0
    assert EVERYTHING["size_exponent"].type == WireType("int", 1)
    assert EVERYTHING["deal_price"].scale == 7
    assert dict(EVERYTHING["deal_party_side"].codes) == {b"1": "Buy", b"2": "Sell"}
    assert dict(EVERYTHING["deal_bits"].flags) == {"b0": 1}
    tens = one(
        '<composite name="t"><type name="mantissa" primitiveType="int32"/>'
        '<type name="exponent" primitiveType="int8" presence="constant">3</type></composite>'
    )
    assert (tens.name, tens.scale) == ("f", -3)
    optional = one(
        '<composite name="t"><type name="mantissa" primitiveType="int32"/>'
        '<type name="exponent" primitiveType="int8" presence="constant">-2</type></composite>',
        "t",
        'presence="optional"',
    )
    assert (optional.scale, optional.null) == (2, -(2**31))
    both = fields_of(
        '<composite name="t"><type name="a" primitiveType="uint8"/>'
        '<type name="b" primitiveType="uint8" presence="constant">5</type></composite>',
        ("f", "t"),
    )
    assert [(each.name, each.constant) for each in both.fields[4:]] == [("f", None), ("f_b", 5)]


def test_times():
    def told(field):
        return field.unit, field.clock

    assert told(EVERYTHING["time"]) == ("ns", "Unix epoch, UTC")
    assert told(EVERYTHING["millis"]) == ("ms", "Unix epoch, UTC")
    assert told(EVERYTHING["u64"]) == (None, None)
    stamp = 'semanticType="UTCTimestamp"'
    assert told(one("", "uint64", stamp, 'timeUnit="microsecond"')) == ("us", "Unix epoch, UTC")
    assert told(one("", "uint64", stamp, 'epoch="2000"')) == (None, None)
    assert told(one("", "uint64", 'semanticType="utctimestamp"')) == ("ns", "Unix epoch, UTC")
    assert told(one("", "uint16", 'semanticType="LocalMktDate"')) == ("days", "Unix epoch, local")
    assert told(one("", "uint64", 'semanticType="UTCTimeOnly"')) == ("ns", "midnight, UTC")
    assert told(one("", "char", stamp)) == (None, None)
    on_the_wire = fields_of(
        '<composite name="t" semanticType="UTCTimestamp"><type name="time" primitiveType="uint64"/>'
        '<type name="unit" primitiveType="uint8"/></composite>',
        ("f", "t"),
    )
    assert told(on_the_wire["f_time"]) == (None, "Unix epoch, UTC")
    assert told(on_the_wire["f_unit"]) == (None, None)
    by_number = one(
        '<composite name="t"><type name="time" primitiveType="uint64"/>'
        '<type name="unit" primitiveType="uint8" presence="constant">6</type></composite>'
    )
    assert told(by_number) == ("us", None)


def test_groups_and_var_data():
    nested = PROTOCOLS["<", STANDARD]["Nested"]
    assert list(sbe.paths(nested)) == [
        "outer", "outer.inner", "outer.inner.deepest", "outer.leaf", "flat", "names",
    ]  # fmt: skip
    outer, flat, names = nested.groups
    assert [(f.name, f.offset) for f in outer.dimension.fields] == [
        ("block_length", 0), ("num_in_group", 7),
    ]  # fmt: skip
    assert (outer.dimension.size, outer.entry.size, outer.entry.block) == (8, 9, 0)
    assert (flat.dimension, flat.entry.size) == (outer.dimension, 14)
    assert (names.since, names.entry.size, names.entry.fields) == (2, 0, ())
    assert outer.entry["side"].since == 2
    assert outer.entry.name == "Nested_outer"
    assert outer.entry.groups[0].entry.name == "Nested_outer_inner"
    assert [(each.name, each.length.size, each.since) for each in nested.data] == [
        ("first", 1, 0), ("second", 4, 2),
    ]  # fmt: skip
    assert [each.text for each in nested.data] == [True, False]


@pytest.mark.parametrize(
    ("member", "more", "text"),
    [
        ('primitiveType="char"', "", True), ('primitiveType="uint8"', "", False),
        ('primitiveType="uint8" characterEncoding="UTF-8"', "", True),
        ('primitiveType="uint8"', 'semanticType="String"', True),
        ('primitiveType="uint8" semanticType="data"', "", False),
    ],
)  # fmt: skip
def test_which_var_data_are_text(member, more, text):
    kind = f"""<composite name="v"><type name="length" primitiveType="uint16"/>
        <type name="varData" length="0" {member}/></composite>"""
    made = fields_of(kind, rest=f'<data name="d" id="1" type="v" {more}/>')
    assert made.data[0].text is text
    assert fields_of(kind.replace('"v"', '"varString"'),
                     rest='<data name="d" id="1" type="varString"/>').data[0].text  # fmt: skip


def test_names():
    """What is no name for an attribute is made one, by the rule that the module states."""
    wanted = {
        "_price": "price", "2nd": "x2nd", "a-b.c": "a_b_c", "class": "class_", "wrap": "wrap_",
        "größe": "gr__e", "__": "x", "same": "same", "block_length": "block_length_2",
        "num_groups": "num_groups_2", "_same": "same_2", "same_2": "same_2_2",
        "CamelCase": "CamelCase",
    }  # fmt: skip
    made = fields_of("", *[(name, "uint8") for name in wanted])
    assert [each.name for each in made.fields[4:]] == list(wanted.values())
    message = sbe.schema(messages='<message name="a b" id="1"><group name="to_dict" id="1"/>'
                         '<data name="to_dict" id="2" type="Text"/></message>')  # fmt: skip
    made = read_schema(message)["a_b"]
    assert (made.groups[0].name, made.data[0].name) == ("to_dict_", "to_dict__2")


def test_views_need_their_own_names():
    """No field can hide what a view is or does."""
    own = {name for name in dir(BlockFlyweight) if not name.startswith("_")}
    assert own | {"message"} == RESERVED


def test_every_message_can_be_written_and_viewed_whatever_its_names():
    names = ["self", "cls", "buffer", "at", "size", "count", "index", "values", "message", "class",
             "wrap", "None", "print", "property", "out"]  # fmt: skip
    made = fields_of("", *[(name, "uint8") for name in names])
    values = {field.name: n for n, field in enumerate(made.fields[4:])}
    content = encode_message(made, {**sbe.HEADER, **values})
    view = view_of(made)().wrap(content)
    assert sbe.headless(made, view.to_dict()) == values
    assert view.to_record()._asdict() == view.to_dict()


def test_a_header_that_is_listed_as_the_first_field_is_the_same_header():
    listed = fields_of("", ("header", "messageHeader"), ("a", "uint8"))
    assert [(each.name, each.offset) for each in listed.fields[4:]] == [("a", 8)]
    assert listed.size == 9


def test_version_2_style():
    content = sbe.schema().replace(b"<sbe:", b"<").replace(b"</sbe:", b"</")
    content = content.replace(b"xmlns:sbe", b"xmlns")
    before, _, rest = content.partition(b"</types>")
    middle, _, after = rest.rpartition(b"</messageSchema>")
    content = before + b"</types><messages>" + middle + b"</messages></messageSchema>" + after
    made, known = read_schema(content), PROTOCOLS["<", STANDARD]
    assert [m.name for m in made] == [m.name for m in known]
    for one_message, other in zip(made, known, strict=True):
        for block, known_block in zip(sbe.blocks(one_message), sbe.blocks(other), strict=True):
            assert [f.name for f in block.fields] == [f.name for f in known_block.fields]
            assert [f.offset for f in block.fields] == [f.offset for f in known_block.fields]


def test_a_base_keeps_its_framing(tmp_path):
    path = tmp_path / "made up.xml"
    path.write_bytes(sbe.schema())
    made = read_schema(path, MDP3)
    assert (made.name, made.title, made.time) == (MDP3.name, MDP3.title, MDP3.time)
    assert made.framings is MDP3.framings
    assert (made.schema_id, len(made)) == (7, 3)
    assert made["Nested"].source.startswith("made up.xml, line ")
    with pytest.raises(SpecError, match="not the one of deribit"):
        read_schema(path, DERIBIT)
    assert read_schema(sbe.schema(header=COUNTED), DERIBIT).framings is DERIBIT.framings
    other = Protocol("other", "Other")
    assert read_schema(path, other).head.size == 8
    with pytest.raises(OSError, match="nowhere"):
        read_schema(tmp_path / "nowhere.xml")


def test_other_header_types():
    renamed = sbe.schema().replace(b'name="messageHeader"', b'name="top"')
    with pytest.raises(SpecError, match="no type is named 'messageHeader'"):
        read_schema(renamed)
    made = read_schema(renamed.replace(b'id="7"', b'id="7" headerType="top"', 1))
    assert made.head.size == 8
    wide = sbe.schema().replace(
        b'<type name="version" primitiveType="uint16"/>',
        b'<type name="version" primitiveType="uint32" offset="8"/>', 1,
    )  # fmt: skip
    assert read_schema(wide).head.size == 12


FAULTS = {
    "root": (b"<a/>", "expected <messageSchema>, found <a>"),
    "order": (sbe.schema().replace(b"littleEndian", b"middleEndian"), "expected littleEndian"),
    "no number": (sbe.schema(messages='<message name="M"/>'), "<message> has no id"),
    "no name": (sbe.schema(messages='<message id="1"/>'), "<message> has no name"),
    "a number": (sbe.schema(messages='<message name="M" id="70000"/>'), "from 0 to 65535"),
    "words": (sbe.schema(messages='<message name="M" id="x1"/>'), "expected an integer"),
    "two of a number": (
        sbe.schema(messages='<message name="M" id="1"/><message name="N" id="1"/>'), "names two",
    ),
    "two of a name": (
        sbe.schema(messages='<message name="M" id="1"/><message name="M" id="2"/>'), "names two",
    ),
    "a short block": (
        sbe.schema(messages='<message name="M" id="1" blockLength="3"><field name="f" id="1" '
                            'type="uint32"/></message>'),
        "expected a block of 4 bytes at least, found 3",
    ),
    "a group of nothing": (
        sbe.schema(messages='<message name="M" id="1"><group name="g" id="1" '
                            'dimensionType="Decimal"/></message>'),
        "Decimal has no block_length, num_in_group",
    ),
    "data of nothing": (
        sbe.schema(messages='<message name="M" id="1"><data name="d" id="1" type="uint8"/>'
                            "</message>"),
        "expected a length and data",
    ),
    "a header without version": (
        sbe.schema().replace(b'<type name="version" primitiveType="uint16"/>', b"", 1),
        "messageHeader has no version",
    ),
    "a header of floats": (
        sbe.schema().replace(b'name="version" primitiveType="uint16"',
                             b'name="version" primitiveType="float"', 1),
        "expected an unsigned integer of at most 32 bits, found f32",
    ),
    "a wide count": (
        sbe.schema().replace(b'name="numInGroup" primitiveType="uint16"',
                             b'name="numInGroup" primitiveType="uint64"', 1),
        "expected an unsigned integer of at most 32 bits, found u64",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_named_with_their_line(name):
    content, says = FAULTS[name]
    with pytest.raises(SpecError) as caught:
        read_schema(content)
    assert says in str(caught.value)
    assert str(caught.value).startswith("schema, line ")


@pytest.mark.parametrize(
    ("types", "says"),
    [
        ('<type name="t" primitiveType="uint24"/>', "'uint24' is no primitive type"),
        ('<type name="t"/>', "<type> has no primitiveType"),
        ('<type name="t" primitiveType="uint8" length="0"/>', "length of 0"),
        ('<type name="t" primitiveType="uint8"/><type name="t" primitiveType="uint8"/>',
         "two types are named t"),
        ('<type name="t" primitiveType="uint8" presence="optional" nullValue="256"/>',
         "from 0 to 255, found '256'"),
        ('<type name="t" primitiveType="uint8" presence="constant">-1</type>', "found '-1'"),
        ('<type name="t" primitiveType="double" presence="constant">x</type>', "expected a number"),
        ('<type name="t" primitiveType="char" presence="constant"/>', "<type> has no value"),
        ('<type name="t" primitiveType="uint8" presence="constant" valueRef="Side.No"/>',
         "'No' is no valid value of 'Side'"),
        ('<enum name="t" encodingType="Deal"/>', "a single value has to encode the enum"),
        ('<enum name="t" encodingType="char"><validValue name="v">ab</validValue></enum>',
         "expected a value of alpha 1"),
        ('<set name="t" encodingType="int8"/>', "unsigned integers encode sets"),
        ('<set name="t" encodingType="uint8"><choice name="c">8</choice></set>', "from 0 to 7"),
        ('<composite name="t"><type name="a" primitiveType="uint16"/>'
         '<type name="b" primitiveType="uint8" offset="1"/></composite>', "inside the member"),
        ('<composite name="t"><type name="a" primitiveType="uint16"/>'
         '<type name="a" primitiveType="uint8"/></composite>', "a: named twice"),
        ('<composite name="t"><ref name="a"/></composite>', "<ref> has no type"),
    ],
)  # fmt: skip
def test_faults_of_types(types, says):
    with pytest.raises(SpecError, match=r"schema, line \d+: ") as caught:
        fields_of(types, ("f", "t"))
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ([("a", "nothing")], "no type is named 'nothing'"),
        ([("a", "uint32"), ("b", "uint8", 'offset="3"')], "begins at byte 3, inside the field"),
        ([("a", "Deal", 'presence="constant"')], "expected one constant"),
        ([("a", "uint8", 'presence="constant"')], "expected an integer"),
    ],
)
def test_faults_of_fields(fields, says):
    with pytest.raises(SpecError, match=says):
        fields_of("", *fields)


def test_a_message_that_is_written_by_hand_is_the_same():
    """What the reader makes is what a table of the project would say."""
    price = {"scale": 7}
    made = fields_of(
        "",
        ("id", "uint32"),
        ("price", "PRICE"),
        ("ratio", "double"),
        ("n", "uint64"),
        ("k", "uint8"),
    )
    fields = [u32("id"), i64("price", **price), f64("ratio"), u64("n"), u8("k")]
    head = [u16(name) for name in ("block_length", "template_id", "schema_id", "version")]
    for field, by_hand in zip(made.fields, [*head, *fields], strict=True):
        assert (field.name, field.type, field.scale) == (by_hand.name, by_hand.type, by_hand.scale)
