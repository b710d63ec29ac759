"""The byte map: right colours, right values, nothing hostile gets through."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from zcviz.codec import encode
from zcviz.protocols import ethernet, ipv4, moldudp64, pcap
from zcviz.protocols.itch50 import ITCH50
from zcviz.spec import Message, alpha, i64, raw, u16, u32, u48
from zcviz.viz.hexdump import hexmap
from zcviz.viz.meaning import meaning_of, scaled_text, value_text

ADD = ITCH50["A"]
ORDER = encode(
    ADD,
    stock_locate=7,
    tracking_number=0,
    timestamp=34_200_000_000_001,
    order_reference_number=1,
    buy_sell_indicator=b"B",
    shares=1600,
    stock=b"AAPL",
    price=3_201_400,
)


class Elements(HTMLParser):
    """Every element of a page with its attributes and the text that stands right in it."""

    def __init__(self, page):
        super().__init__()
        self.found, self.open = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        element = {"tag": tag, "text": "", **dict(attrs)}
        self.found.append(element)
        if tag not in ("wbr", "col"):
            self.open.append(element)

    def handle_endtag(self, tag):
        assert self.open.pop()["tag"] == tag, "elements are closed in order"

    def handle_data(self, data):
        if self.open:
            self.open[-1]["text"] += data


def elements(shown):
    return Elements(shown._repr_html_()).found


def bytes_of(page, row):
    """Return the bytes that a page marks as belonging to a field."""
    spans = [e for e in page if e["tag"] == "span" and e.get("data-r") == str(row)]
    return bytes.fromhex(
        "".join(e["text"] for e in spans if re.fullmatch("[0-9a-f]{2}", e["text"]))
    )


def test_every_byte_is_marked_with_its_field():
    page = elements(hexmap(ORDER, [(ADD, 0)]))
    for number, field in enumerate(ADD.fields):
        assert bytes_of(page, number) == ORDER[field.offset : field.end], field.name
    digits = [e for e in page if e["tag"] == "span" and "data-r" in e]
    assert len(digits) == 2 * len(ORDER), "once in hex, once as text"


def test_layers_at_offsets_and_bytes_of_no_layer():
    data = b"\xff\xfe" + ORDER + b"\xaa" + ORDER + b"\x01\x02\x03"
    shown = hexmap(data, [(ADD, 2), (ADD, 39)])
    first, second = shown.layers
    assert [row.offset for row in second.rows] == [39 + f.offset for f in ADD.fields]
    assert [row.colour for row in first.rows] == [row.colour for row in second.rows]
    assert len({row.colour for row in first.rows}) == len(ADD.fields)
    page = elements(shown)
    plain = [e["text"] for e in page if e["tag"] == "span" and "data-r" not in e]
    assert [t for t in plain if t in ("ff", "fe", "aa", "01", "02", "03")] == [
        "ff", "fe", "aa", "01", "02", "03",
    ]  # fmt: skip


def test_a_field_has_one_colour_in_all_messages_of_a_feed():
    shown = hexmap(bytes(100), [(ADD, 0), (ITCH50["D"], 36), (ethernet.HEADER, 60)])
    added, deleted, header = (
        {row.name: row.colour for row in layer.rows} for layer in shown.layers
    )
    assert deleted.items() <= added.items()
    assert not set(header.values()) & set(added.values())


def test_values_are_decoded_scaled_and_explained():
    rows = {row.name: (row.value, row.meaning) for row in hexmap(ORDER, [(ADD, 0)]).rows}
    assert rows == {
        "message_type": ("A", "Add Order"),
        "stock_locate": ("7", ""),
        "tracking_number": ("0", ""),
        "timestamp": ("34200000000001", "09:30:00.000000001 US Eastern"),
        "order_reference_number": ("1", ""),
        "buy_sell_indicator": ("B", "buy"),
        "shares": ("1600", "1,600 shares"),
        "stock": ("AAPL····", "AAPL"),
        "price": ("3201400", "320.14 USD"),
    }


@pytest.mark.parametrize(
    ("value", "scale", "text"),
    [
        (3_201_400, 4, "320.14"),
        (1, 4, "0.0001"),
        (0, 4, "0.00"),
        (1_999_999_900, 4, "199,999.99"),
        (2**64 - 1, 8, "184,467,440,737.09551615"),
        (-15_000, 4, "-1.50"),
        (7, 1, "0.7"),
    ],
)
def test_scaling_is_exact(value, scale, text):
    assert scaled_text(value, scale) == text


def test_meanings_of_other_kinds():
    fields = Message(
        "kinds",
        size=35,
        source="here",
        fields=(
            u16("ethertype", codes={0x0800: "IPv4"}),
            raw("mac", 6),
            raw("address", 4),
            u32("when", unit="s", clock="Unix epoch, UTC"),
            u32("release", unit="s", clock="midnight, US Eastern"),
            u48("late", unit="ns", clock="midnight, US Eastern"),
            i64("level", unit="USD", scale=4),
            alpha("tag", 1),
        ),
    ).by_name
    ask = {name: lambda value, f=field: meaning_of(f, value) for name, field in fields.items()}
    assert ask["ethertype"](0x0800) == "IPv4"
    assert ask["ethertype"](1) == ""
    assert ask["mac"](bytes(range(6))) == ""
    assert value_text(fields["mac"], bytes(range(6))) == "00:01:02:03:04:05"
    assert ask["address"](b"\xe9\x36\x0c\x6f") == "233.54.12.111"
    assert ask["when"](1_692_711_000) == "2023-08-22 13:30:00 UTC"
    assert ask["release"](34_200) == "09:30:00 US Eastern"
    assert ask["late"](2**48 - 1) == "78:11:14.976710655 US Eastern"
    assert ask["level"](-(2**63)) == "-922,337,203,685,477.5808 USD"
    assert ask["tag"](b"x") == ""


def test_a_cut_message_shows_what_there_is():
    rows = hexmap(ORDER[:22], [(ADD, 0)]).rows
    assert [row.name for row in rows if row.meaning.startswith("cut off")] == [
        "shares", "stock", "price",
    ]  # fmt: skip
    assert rows[5].meaning == "buy"
    beyond = hexmap(ORDER, [(ADD, 1000), (ADD, 20)])
    assert all(row.meaning.startswith("cut off") for row in beyond.layers[0].rows)
    assert elements(beyond)


def test_every_field_stands_in_a_table_with_headings():
    layers = [(ethernet.HEADER, 0), (ipv4.HEADER, 14), (moldudp64.HEADER, 34), (ADD, 54)]
    shown = hexmap(bytes(54) + ORDER, layers)
    page = elements(shown)
    heads = [e["text"] for e in page if e["tag"] == "th" and e.get("scope") == "col"]
    assert heads == ["field", "offset", "size", "value", "meaning"] * 4
    assert sum(e["tag"] == "th" and e.get("scope") == "row" for e in page) == len(shown.rows)
    titles = [e["text"] for e in page if e["tag"] == "summary"]
    assert titles == ["Ethernet", "IPv4", "MoldUDP64", "Add Order"]
    assert [e["aria-label"] for e in page if e.get("role") == "img"] == [
        "90 B, coloured by field; the tables beside name the fields"
    ]


def test_much_is_folded_and_cut_and_said_so():
    shown = hexmap(ORDER * 100, [(ADD, at * 36) for at in range(20)])
    page = elements(shown)
    details = [e for e in page if e["tag"] == "details"]
    assert ["open" in e for e in details] == [True] * 6 + [False] * 14
    assert len(shown.data) == 2048
    assert "and 1,552 more bytes" in str(shown)
    assert "and 1,552 more bytes" in shown._repr_html_()


def test_the_text_form_has_bytes_and_fields():
    text = str(hexmap(ORDER, [(ADD, 0)]))
    assert text.splitlines()[0] == (
        "0000  41 00 07 00 00 1f 1a ce d9 f0 01 00 00 00 00 00  A···············"
    )
    assert re.search(r"^  price +32 +4  3201400 +320\.14 USD$", text, re.M)
    assert "Add Order: bytes 0 to 36 (Nasdaq TotalView-ITCH 5.0, 2026-02-19, §1.3.1)" in text


HOSTILE = b"<b>\"&'</"  # eight bytes, as a stock


@pytest.mark.parametrize("stock", [HOSTILE, b"\x1b[2J\x00\x7f\x9b\xff", b"<script>"])
def test_hostile_text_is_escaped(stock):
    nasty = Message(
        "<script>alert(1)</script>", size=36, source="<img src=x>\x1b", fields=ADD.fields, tag=b"A"
    )
    data = ORDER[:24] + stock + ORDER[32:]
    shown = hexmap(data, [(nasty, 0)])
    page = shown._repr_html_().split("</style>")[1]
    found = [e["tag"] for e in elements(shown)]
    assert not {"script", "img", "b"} & set(found)
    for text in (page, str(shown)):
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
    assert "\\x1b" in str(shown)


def test_an_empty_buffer_and_no_layers():
    assert elements(hexmap(b"", []))
    assert str(hexmap(b"", [])) == ""
    assert len(elements(hexmap(memoryview(ORDER), []))) > 2 * len(ORDER)


def test_both_byte_orders():
    record = encode(pcap.RECORD_LITTLE, seconds=1, fraction=2, captured_length=3, original_length=4)
    rows = hexmap(record, [(pcap.RECORD_LITTLE, 0)]).rows
    assert [row.value for row in rows] == ["1", "2", "3", "4"]
    assert rows[2].meaning == "3 bytes"
