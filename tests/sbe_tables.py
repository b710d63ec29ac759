"""Made-up SBE messages with groups inside groups and data of variable length, and tables of them.

Messages are dictionaries of what they hold, as `encode_message` takes them; `expected` is what
Arrow is to hold of them.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate

import numpy as np
from hypothesis import strategies as st

from zcviz.buffers import HeldBytes
from zcviz.codec.encode import encode_message
from zcviz.spec import Field, Group, Message, Protocol, VarData, WireType, char, i64, u16, u32
from zcviz.table import Table

NULL = 2**63 - 1
LENGTH = WireType("uint", 1)
SIZE = Message("size", 4, "made up", (u16("block_length"), u16("num_in_group")), order="<")


def block(name, *fields, **parts):
    size = sum(field.type.size for field in fields)
    return Message(name, size, "made up, §1", fields, order="<", **parts)


FILL = block("fill", u16("quantity"), block=0, data=(VarData("note", LENGTH, doc="Why."),))
LEG = block(
    "leg", replace(i64("price", unit="USD", scale=2), null=NULL), char("side"), u16("row"),
    block=0, groups=(Group("fills", SIZE, FILL),), data=(VarData("memo", LENGTH, text=False),),
)  # fmt: skip
PARTY = block("party", u32("number"), block=0)
HEAD = [u16("block_length"), u16("template_id"), u16("schema_id"), u16("version")]
ORDER = block(
    "Order", *HEAD, u32("id"), Field("constant", WireType("uint", 0), constant=7), tag=3, block=8,
    groups=(Group("legs", SIZE, LEG, doc="What is traded."), Group("parties", SIZE, PARTY)),
    data=(VarData("name", LENGTH), VarData("blob", LENGTH, text=False)),
)  # fmt: skip
SBE = Protocol("made_up", "Made up", (ORDER,), head=Message("head", 8, "", (*HEAD,), order="<"))

short = st.binary(max_size=5)
fills = st.fixed_dictionaries({"quantity": st.integers(0, 65535), "note": short})
legs = st.fixed_dictionaries({
    "price": st.one_of(st.integers(-(2**63), NULL), st.just(NULL)),
    "side": st.sampled_from([b"B", b"S"]), "row": st.integers(0, 65535),
    "fills": st.lists(fills, max_size=3), "memo": short,
})  # fmt: skip
orders = st.lists(
    st.fixed_dictionaries({
        "id": st.integers(0, 2**32 - 1), "legs": st.lists(legs, max_size=3), "name": short,
        "parties": st.lists(st.fixed_dictionaries({"number": st.integers(0, 9)}), max_size=2),
        "blob": short,
    }),
    max_size=6,
)  # fmt: skip

SOME = [
    {"id": 1, "name": b"first", "blob": b"\0\xff", "parties": [{"number": 4}], "legs": [
        {"price": 150, "side": b"B", "row": 9, "memo": b"\xfe", "fills": [
            {"quantity": 1, "note": "\u00e9".encode()}, {"quantity": 2, "note": b""}]},
        {"price": NULL, "side": b"S", "row": 8, "memo": b"", "fills": []}]},
    {"id": 2, "name": b"", "blob": b"", "parties": [], "legs": []},
    {"id": 3, "name": b"\xff\r\n,", "blob": b"x", "parties": [{"number": 5}, {"number": 6}],
     "legs": [{"price": -1, "side": b"B", "row": 7, "memo": b"m", "fills": [
         {"quantity": 3, "note": b"why"}]}]},
]  # fmt: skip


def table_of(messages, **options) -> Table:
    """A table of messages, with one stray byte before each, as there are other messages between."""
    pieces = [encode_message(ORDER, {"schema_id": 1, "version": 0, **each}) for each in messages]
    starts = [at + 1 for at in accumulate((len(piece) + 1 for piece in pieces), initial=0)]
    content = b"".join(b"?" + piece for piece in pieces)
    sizes = np.array([len(piece) for piece in pieces], np.uint16)
    offsets = np.array(starts[: len(pieces)], np.uint32)
    source = HeldBytes(content, "made up")
    return Table(source, ORDER, offsets, "made up", sizes=sizes, protocol=SBE, **options)


def text(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")


def leg_of(leg) -> dict[str, object]:
    return {
        "price": None if leg["price"] == NULL else leg["price"], "side": leg["side"].decode(),
        "row": leg["row"], "memo": leg["memo"],
        "fills": [{**fill, "note": text(fill["note"])} for fill in leg["fills"]],
    }  # fmt: skip


def expected(message) -> dict[str, object]:
    return {
        "block_length": 4, "template_id": 3, "schema_id": 1, "version": 0, "id": message["id"],
        "constant": 7, "name": text(message["name"]), "blob": message["blob"],
        "legs": [leg_of(leg) for leg in message["legs"]], "parties": message["parties"],
    }  # fmt: skip
