"""An SBE schema with everything that schemas can have, messages of it, and an oracle for both."""

from __future__ import annotations

import math
import struct
from dataclasses import replace
from pathlib import Path

from hypothesis import strategies as st

from zcviz.schema import read_schema
from zcviz.spec import Message

STANDARD, COUNTED = "standard", "counted"

_TYPES = """
  <type name="Symbol" primitiveType="char" length="6"/>
  <type name="Hash" primitiveType="uint8" length="4"/>
  <type name="Trio" primitiveType="uint16" length="3"/>
  <type name="QtyNULL" primitiveType="int32" presence="optional" nullValue="2147483647"/>
  <type name="Hundred" primitiveType="uint8" presence="constant">100</type>
  <type name="Ratio" primitiveType="double" presence="constant">0.5</type>
  <type name="Mic" primitiveType="char" length="4" presence="constant">XZCV</type>
  <enum name="Side" encodingType="char">
    <validValue name="Buy">1</validValue><validValue name="Sell">2</validValue>
  </enum>
  <type name="CodeNULL" primitiveType="uint8" presence="optional"/>
  <enum name="Action" encodingType="CodeNULL">
    <validValue name="New">0</validValue><validValue name="Change">1</validValue>
  </enum>
  <set name="Flags" encodingType="uint16">
    <choice name="First">0</choice><choice name="Last">15</choice>
  </set>
  <enum name="TimeUnit" encodingType="uint8">
    <validValue name="millisecond">3</validValue><validValue name="nanosecond">9</validValue>
  </enum>
  <composite name="PRICE">
    <type name="mantissa" primitiveType="int64" presence="optional"/>
    <type name="exponent" primitiveType="int8" presence="constant">-7</type>
  </composite>
  <composite name="Decimal">
    <type name="mantissa" primitiveType="int64"/><type name="exponent" primitiveType="int8"/>
  </composite>
  <composite name="Millis" semanticType="UTCTimestamp">
    <type name="time" primitiveType="uint64"/>
    <type name="unit" primitiveType="uint8" presence="constant" valueRef="TimeUnit.millisecond"/>
  </composite>
  <composite name="Deal" description="with gaps">
    <ref name="price" type="PRICE" offset="2"/>
    <composite name="party"><type name="id" primitiveType="uint16"/><ref name="side" type="Side"/>
    </composite>
    <enum name="kind" encodingType="uint8" offset="16"><validValue name="A">7</validValue></enum>
    <set name="bits" encodingType="uint8"><choice name="b0">0</choice></set>
  </composite>
"""

_HEADERS = {
    STANDARD: """
  <composite name="messageHeader">
    <type name="blockLength" primitiveType="uint16"/>
    <type name="templateId" primitiveType="uint16"/>
    <type name="schemaId" primitiveType="uint16"/><type name="version" primitiveType="uint16"/>
  </composite>
  <composite name="groupSizeEncoding">
    <type name="blockLength" primitiveType="uint16"/>
    <type name="numInGroup" primitiveType="uint16"/>
  </composite>
  <composite name="small">
    <type name="blockLength" primitiveType="uint16"/>
    <type name="numInGroup" primitiveType="uint8" offset="7"/>
  </composite>
  <composite name="large">
    <type name="numInGroup" primitiveType="uint32"/><type name="blockLength" primitiveType="uint8"/>
  </composite>
""",
    COUNTED: "".join(f"""
  <composite name="{name}">{first}
    <type name="numGroups" primitiveType="uint16"/>
    <type name="numVarDataFields" primitiveType="uint16"/>
  </composite>""" for name, first in {
        "messageHeader": """
    <type name="blockLength" primitiveType="uint16"/>
    <type name="templateId" primitiveType="uint16"/>
    <type name="schemaId" primitiveType="uint16"/><type name="version" primitiveType="uint16"/>""",
        "groupSizeEncoding": """
    <type name="blockLength" primitiveType="uint16"/>
    <type name="numInGroup" primitiveType="uint16"/>""",
        "small": """
    <type name="blockLength" primitiveType="uint16"/>
    <type name="numInGroup" primitiveType="uint8"/>""",
        "large": """
    <type name="numInGroup" primitiveType="uint32"/>
    <type name="blockLength" primitiveType="uint8"/>""",
    }.items()),
}  # fmt: skip

_DATA = """
  <composite name="Text">
    <type name="length" primitiveType="uint8"/>
    <type name="varData" primitiveType="char" length="0"/>
  </composite>
  <composite name="Blob">
    <type name="length" primitiveType="{length}"/>
    <type name="varData" primitiveType="uint8" length="0"/>
  </composite>
"""

_MESSAGES = """
  <message name="Everything" id="1" blockLength="190" description="of each kind one">
    <field name="i8" id="1" type="int8"/><field name="i16" id="2" type="int16"/>
    <field name="i32" id="3" type="int32" offset="4"/><field name="i64" id="4" type="int64"/>
    <field name="u8" id="5" type="uint8"/><field name="u16" id="6" type="uint16"/>
    <field name="u32" id="7" type="uint32"/><field name="u64" id="8" type="uint64"/>
    <field name="f32" id="9" type="float"/><field name="f64" id="10" type="double" offset="48"/>
    <field name="c" id="11" type="char"/><field name="symbol" id="12" type="Symbol"/>
    <field name="hash" id="13" type="Hash"/><field name="trio" id="14" type="Trio"/>
    <field name="hundred" id="15" type="Hundred"/><field name="ratio" id="16" type="Ratio"/>
    <field name="mic" id="17" type="Mic"/>
    <field name="only" id="18" type="Side" presence="constant" valueRef="Side.Sell"/>
    <field name="ni8" id="19" type="int8" presence="optional"/>
    <field name="nu64" id="20" type="uint64" presence="optional" nullValue="0"/>
    <field name="nf32" id="21" type="float" presence="optional"/>
    <field name="qty" id="22" type="QtyNULL"/><field name="side" id="23" type="Side"/>
    <field name="action" id="24" type="Action"/><field name="flags" id="25" type="Flags"/>
    <field name="price" id="26" type="PRICE"/><field name="size" id="27" type="Decimal"/>
    <field name="time" id="28" type="uint64" semanticType="UTCTimestamp"/>
    <field name="millis" id="29" type="Millis"/>
    <field name="deal" id="30" type="Deal" offset="130"/>
    <field name="later" id="31" type="uint32" sinceVersion="2" offset="150"/>
    <field name="latest" id="32" type="double" sinceVersion="3"/>
    <field name="end" id="33" type="Symbol" sinceVersion="3"/>
  </message>
  <message name="Nested" id="40">
    <field name="time" id="1" type="uint64" semanticType="UTCTimestamp"/>
    <field name="flag" id="2" type="uint8" sinceVersion="2"/>
    <group name="outer" id="3" dimensionType="small" blockLength="9">
      <field name="id" id="1" type="uint32"/><field name="mic" id="2" type="Mic"/>
      <field name="side" id="3" type="Side" offset="6" sinceVersion="2"/>
      <group name="inner" id="4" dimensionType="groupSizeEncoding">
        <field name="price" id="1" type="PRICE"/><field name="ratio" id="2" type="float"/>
        <group name="deepest" id="5" dimensionType="large">
          <field name="n" id="1" type="int16"/><field name="m" id="2" type="QtyNULL"/>
        </group>
        <data name="note" id="6" type="Text"/>
      </group>
      <group name="leaf" id="7" dimensionType="groupSizeEncoding">
        <field name="n" id="1" type="int8"/>
      </group>
      <data name="text" id="8" type="Text"/><data name="blob" id="9" type="Blob" sinceVersion="3"/>
    </group>
    <group name="flat" id="10" dimensionType="small">
      <field name="price" id="1" type="PRICE"/><field name="symbol" id="2" type="Symbol"/>
    </group>
    <group name="names" id="11" dimensionType="groupSizeEncoding" sinceVersion="2">
      <data name="name" id="1" type="Text"/>
    </group>
    <data name="first" id="12" type="Text"/>
    <data name="second" id="13" type="Blob" sinceVersion="2"/>
  </message>
  <message name="Heartbeat" id="12"/>
"""

_FLAT = """
  <message name="Flat" id="50">
    <field name="time" id="1" type="uint64"/>
    <group name="first" id="2" dimensionType="groupSizeEncoding">
      <field name="price" id="1" type="PRICE"/>
    </group>
    <group name="second" id="3" dimensionType="small">
      <field name="n" id="1" type="uint8"/>
    </group>
    <group name="third" id="4" dimensionType="large" sinceVersion="2">
      <field name="symbol" id="1" type="Symbol"/>
    </group>
  </message>
"""


def schema(order: str = "<", header: str = STANDARD, messages: str = _MESSAGES) -> bytes:
    """The XML; with counted parts, every length of var-data is of one size."""
    word = "littleEndian" if order == "<" else "bigEndian"
    data = _DATA.replace("{length}", "uint32" if header == STANDARD else "uint8")
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<sbe:messageSchema xmlns:sbe="http://fixprotocol.io/2016/sbe" package="made.up" id="7" version="3"
    byteOrder="{word}">
<types>{_TYPES}{_HEADERS[header]}{data}</types>{messages}</sbe:messageSchema>""".encode()


PROTOCOLS = {
    (order, header): read_schema(schema(order, header))
    for order in "<>"
    for header in (STANDARD, COUNTED)
}
HEADER = {"schema_id": 7, "version": 3}
FLAT = [read_schema(schema(order, STANDARD, _FLAT)) for order in "<>"]
"""With a message ``Flat`` that nothing but groups follows, in both byte orders."""


def flat_tree(first: int, second: int, third: int) -> dict[str, object]:
    """A message ``Flat`` with so many entries in each group."""
    return {"time": 1, "first": [{"price": n} for n in range(first)],
            "second": [{"n": n} for n in range(second)],
            "third": [{"symbol": b"ABCDEF"}] * third}  # fmt: skip


def blocks(message: Message) -> list[Message]:
    """A message and the entries of all its groups."""
    return [message, *(each for group in message.groups for each in blocks(group.entry))]


def paths(message: Message, within: str = "") -> dict[str, Message]:
    """Path of each group to its entry."""
    found = {}
    for group in message.groups:
        found[within + group.name] = group.entry
        found |= paths(group.entry, f"{within}{group.name}.")
    return found


def as_of(message: Message, version: int) -> Message:
    """What a writer of an older version knows of a message, its parts at least."""
    groups = tuple(
        replace(group, entry=as_of(group.entry, version))
        for group in message.groups
        if group.since <= version
    )
    data = tuple(each for each in message.data if each.since <= version)
    fields = tuple(each for each in message.fields if each.since <= version)
    size = message.size
    if len(fields) < len(message.fields):
        size = max([each.end for each in fields], default=0)
    return replace(message, fields=fields, size=size, groups=groups, data=data)


def plain(value):
    """A value that equals itself, NaN too."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return "nan" if isinstance(value, float) and math.isnan(value) else value


def default_null(field):
    """The standard's null of the field's type, from its table; flags have none but no bits."""
    kind, size = field.type.kind, field.type.size
    if field.flags:
        return 0
    if kind == "uint":
        return {1: 255, 2: 65535, 4: 4294967295, 6: 2**48 - 1, 8: 18446744073709551615}[size]
    if kind == "int":
        return {1: -128, 2: -32768, 4: -2147483648, 8: -9223372036854775808}[size]
    return math.nan if kind == "float" else b"\0" * size


def values_by_hand(message, data, at, extent=None):
    """Each field by `int.from_bytes` and `struct`, those beyond `extent` bytes as their null."""
    order = "big" if message.order == ">" else "little"
    values, place = {}, at
    for field in message.fields:
        place += field.padding
        piece = data[place : place + field.type.size]
        place += field.type.size
        if field.constant is not None:
            values[field.name] = field.constant
        elif extent is not None and place - at > extent:
            values[field.name] = default_null(field) if field.null is None else field.null
        elif field.type.kind == "float":
            code = {4: "f", 8: "d"}[field.type.size]
            values[field.name] = struct.unpack(message.order + code, piece)[0]
        elif field.type.kind in ("int", "uint"):
            signed = field.type.kind == "int"
            values[field.name] = int.from_bytes(piece, order, signed=signed)
        else:
            values[field.name] = piece
    return values


class Walked:
    """Where all parts of a message lie, found the plainest way: one part after the other."""

    def __init__(self, message, data, at=0):
        self.data, self.order = data, "big" if message.order == ">" else "little"
        self.entries = {path: [] for path in paths(message)}
        self.texts = {}
        header = {f.name: self._number(at + f.offset, f.type.size) for f in message.fields
                  if f.type.size and f.end <= message.block}  # fmt: skip
        self.version = header["version"]
        start = at + message.block + header["block_length"]
        self.stop = self._parts(message, "", start, header)

    def _number(self, at, size):
        assert at + size <= len(self.data)
        return int.from_bytes(self.data[at : at + size], self.order)

    def _parts(self, message, within, at, header):
        groups = [each for each in message.groups if each.since <= self.version]
        texts = [each for each in message.data if each.since <= self.version]
        if "num_groups" in header:
            groups = message.groups[: header["num_groups"]]
            texts = message.data[: header["num_var_data_fields"]]
        for group in groups:
            path = within + group.name
            said = {f.name: self._number(at + f.offset, f.type.size)
                    for f in group.dimension.fields}  # fmt: skip
            at += group.dimension.size
            for _ in range(said["num_in_group"]):
                self.entries[path].append((at, said["block_length"]))
                at = self._parts(group.entry, path + ".", at + said["block_length"], said)
        for data in message.data:
            length, size = 0, 0
            if data in texts:
                size = data.length.size
                length = self._number(at, size)
            self.texts.setdefault(within + data.name, []).append((at + size, length))
            at += size + length
        return at


def values_of(field):
    """Anything that a field can hold."""
    bits = 8 * field.type.size
    if field.type.kind == "uint":
        return st.integers(0, 2**bits - 1)
    if field.type.kind == "int":
        return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    if field.type.kind == "float":
        return st.floats(width=bits)
    return st.binary(min_size=field.type.size, max_size=field.type.size)


def trees(message: Message, depth: int = 0):
    """Messages, as `encode_message` takes them: groups in groups, text, nulls left out."""
    required, optional = {}, {}
    for field in message.fields:
        if field.constant is None and field.end > message.block:
            where = required if field.null is None else optional
            where[field.name] = values_of(field)
    for group in message.groups:
        required[group.name] = st.lists(trees(group.entry, depth + 1), max_size=3 - depth // 2)
    for data in message.data:
        required[data.name] = st.binary(max_size=9)
    return st.fixed_dictionaries(required, optional=optional)


def expected(message: Message, tree):
    """What a view says of the message of a tree, headers left out."""
    whole = {}
    for field in message.fields:
        if field.constant is not None:
            whole[field.name] = field.constant
        elif field.end > message.block:
            whole[field.name] = tree.get(field.name, field.null)
    for group in message.groups:
        whole[group.name] = [expected(group.entry, each) for each in tree[group.name]]
    return whole | {data.name: tree[data.name] for data in message.data}


def headless(message: Message, whole):
    """The dictionary of a view without the fields of the message header."""
    header = {each.name for each in message.fields if each.end <= message.block and each.type.size}
    return {name: value for name, value in whole.items() if name not in header}


def messages_of(capture: Path) -> list[bytes]:
    """The SBE messages of a real capture, each cut out: CME's by their sizes, Deribit's whole
    packets of them. Little-endian pcapng, Ethernet or loopback, IPv4; nothing else is known here.
    """
    content, at, links, found = capture.read_bytes(), 0, [], []
    while at < len(content):
        kind, size = struct.unpack_from("<II", content, at)
        if kind == 1:
            links.append(struct.unpack_from("<H", content, at + 8)[0])
        if kind == 6:
            interface, captured = struct.unpack_from("<I8xI", content, at + 8)
            frame = content[at + 28 : at + 28 + captured]
            ip = {1: 14, 0: 4, 113: 16}[links[interface]]
            if links[interface] == 1 and frame[12:14] == b"\x81\x00":
                ip += 4
            udp = ip + 4 * (frame[ip] & 15)
            if frame[ip + 9] == 17:
                found.append(frame[udp + 8 : udp + struct.unpack_from(">H", frame, udp + 4)[0]])
        at += size
    if "cme" not in capture.name:
        return [packet[8:] for packet in found]
    messages = []
    for packet in found:
        at = 12
        while at < len(packet):
            size = struct.unpack_from("<H", packet, at)[0]
            messages.append(packet[at + 2 : at + size])
            at += size
    return messages
