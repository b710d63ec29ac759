"""The documentation of a message is written from the table that decodes it."""

from __future__ import annotations

import pytest

import zcviz
from tests import helpers
from zcviz.protocols import ethernet, itch50, moldudp64, pcap
from zcviz.spec import Message, alpha, char, u8
from zcviz.tables import documentation

ADD = documentation(itch50.ADD_ORDER)


def test_a_row_a_field():
    assert [row[:4] for row in ADD.rows] == [
        ("0", "1", "message_type", "alpha 1"), ("1", "2", "stock_locate", "u16"),
        ("3", "2", "tracking_number", "u16"), ("5", "6", "timestamp", "u48"),
        ("11", "8", "order_reference_number", "u64"), ("19", "1", "buy_sell_indicator", "alpha 1"),
        ("20", "4", "shares", "u32"), ("24", "8", "stock", "alpha 8"), ("32", "4", "price", "u32"),
    ]  # fmt: skip
    assert ADD.rows[8][4] == "USD × 10⁻⁴"
    assert ADD.rows[3][4] == "ns since midnight, US Eastern"
    assert ADD.rows[5][5] == "B buy, S sell"


@pytest.mark.parametrize("tag", helpers.DOCUMENTED)
def test_every_message_has_its_documented_rows(tag):
    made = documentation(itch50.ITCH50[tag])
    rows = [(name, int(offset), int(size)) for offset, size, name, *_ in made.rows]
    assert rows == [(name, offset, size) for name, _, offset, size in helpers.layout_of(tag)]
    name, size, _ = helpers.DOCUMENTED[tag]
    for word in (name, repr(tag), f"{size} bytes"):
        assert word in made.title


def test_of_a_whole_protocol():
    made = documentation(itch50.ITCH50)
    assert [each.message.tag.decode() for each in made] == list(helpers.DOCUMENTED)
    assert zcviz.documentation is documentation


def test_markdown_is_a_table():
    lines = ADD.to_markdown().splitlines()
    assert lines[0].startswith("**add_order 'A', 36 bytes.")
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 2 + 9
    assert {line.count("|") for line in table} == {8}


def test_markdown_and_html_survive_odd_characters():
    odd = Message(
        "odd", 3, "a | b <c>",
        (char("x", codes={b"|": "pipe | bar", b"<": "less"}, doc="<b>&"), u8("y"), alpha("z", 1)),
    )  # fmt: skip
    made = documentation(odd)
    for line in made.to_markdown().splitlines()[2:]:
        assert line.replace("\\|", "").count("|") == 8
    html = made._repr_html_()
    assert "<b>" not in html
    assert "&lt;b&gt;&amp;" in html
    assert "a | b &lt;c&gt;" in html


def test_text_is_aligned():
    title, _, head, *rows = str(ADD).splitlines()
    assert title == ADD.title
    assert len(rows) == 9
    at = head.index("name")
    assert all(row[at] != " " and row[at - 1] == " " for row in rows)


def test_html_has_a_cell_a_value():
    html = ADD._repr_html_()
    assert html.count("<tr>") == 10
    assert html.count("<th ") == 7
    assert html.count("<td") == 7 * 9


def test_codes_of_numbers_read_as_numbers():
    assert "0x800 IPv4" in documentation(ethernet.HEADER).rows[2][5]
    assert "0 heartbeat, 0xFFFF end of session" in documentation(moldudp64.HEADER).rows[2][5]
    assert "0xA1B2C3D4 microseconds" in documentation(pcap.FILE_LITTLE).rows[0][5]
    tier = documentation(itch50.STOCK_DIRECTORY).rows[14]
    assert "␠ not available" in tier[5]
