"""The picture of a provenance: to scale, windows on their owner's strip, safe to show."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from zcviz import provenance, render
from zcviz.buffers import HeldBytes
from zcviz.viz import theme
from zcviz.viz.lineage import LEFT, MARGIN, THIN, lineage
from zcviz.viz.strips import NARROW, WIDE

SVG = "{http://www.w3.org/2000/svg}"
BOX = re.compile(r"M([-\d.]+) ([-\d.]+)h([-\d.]+)")


def drawings(found):
    """Return the two SVGs of a picture, wide and narrow, as parsed XML."""
    both = re.findall(r"<svg.*?</svg>", lineage(found), re.S)
    assert len(both) == 2
    return [ET.fromstring(each) for each in both]


def boxes(drawing, style):
    """Return left, top and width of each box of a style, a list for each path."""
    paths = [each.get("d") for each in drawing.iter(f"{SVG}path") if each.get("class") == style]
    return [[tuple(map(float, box)) for box in BOX.findall(data)] for data in paths]


def strips(drawing):
    return [box for each in boxes(drawing, "source") + boxes(drawing, "unseen") for box in each]


def texts(drawing):
    return [each.text or "" for each in drawing.iter(f"{SVG}text")]


@pytest.mark.parametrize(("which", "width"), [(0, WIDE), (1, NARROW)])
def test_a_window_lies_where_its_bytes_lie_on_the_strip(which, width):
    owner = np.zeros(400, np.uint8)
    drawing = drawings(provenance(owner[100:300]))[which]
    ((left, top, whole),) = strips(drawing)
    assert (left, whole) == (LEFT, width - LEFT - MARGIN)
    ((window,),) = boxes(drawing, "asked")
    assert window[0] == pytest.approx(left + whole / 4, abs=0.2)
    assert window[2] == pytest.approx(whole / 2, abs=0.2)
    ((tint,),) = boxes(drawing, "seen")
    assert (tint[0], tint[1], tint[2]) == (window[0], top, window[2])


def test_strips_are_of_one_scale():
    drawing, _ = drawings(provenance([bytes(1000), bytearray(500), np.zeros(250, np.uint8)]))
    widths = [width for _, _, width in strips(drawing)]
    assert widths == pytest.approx([428, 214, 107], abs=0.1)


def test_overlaps_are_seen_twice_over_the_same_bytes():
    owner = np.zeros(100, np.uint8)
    drawing, _ = drawings(provenance([owner[:60], owner[40:]]))
    (one,), (other,) = boxes(drawing, "asked")
    scale = strips(drawing)[0][2] / 100
    assert one[0] + one[2] - other[0] == pytest.approx(20 * scale, abs=0.2)
    assert one[1] != other[1], "at heights of their own"
    tints = [box for each in boxes(drawing, "seen") for box in each]
    assert [(x, w) for x, _, w in tints] == [(one[0], one[2]), (other[0], other[2])]
    apart, _ = drawings(provenance([owner[:40], owner[60:]]))
    (one,), (other,) = boxes(apart, "asked")
    assert one[1] == other[1], "those that do not overlap share a height"


def test_a_strided_view_shows_its_gaps():
    rows = np.zeros(10, [("tag", "S3"), ("price", ">u4"), ("flag", "u1")])
    drawing, _ = drawings(provenance(rows["price"]))
    (runs,) = boxes(drawing, "asked")
    scale = strips(drawing)[0][2] / 80
    assert len(runs) == 10
    for number, (left, _, width) in enumerate(runs):
        assert left == pytest.approx(LEFT + (8 * number + 3) * scale, abs=0.1)
        assert width == pytest.approx(4 * scale, abs=0.1)
    assert "ndarray sees 40 B: 4 of every 8 B" in texts(drawing)
    many, _ = drawings(provenance(np.zeros(100_000, np.uint8)[::2]))
    assert len(boxes(many, "asked")[0]) == 1, "what cannot be told apart is drawn as one"


def test_eight_bytes_of_very_many_are_seen_through_a_lens():
    owner = np.zeros(10_000_000, np.uint8)
    drawing, _ = drawings(provenance(owner[5_000_000:5_000_008]))
    whole, part = strips(drawing)
    assert whole[2] == WIDE - LEFT - MARGIN
    ((window,),) = boxes(drawing, "asked")
    assert window[1] > part[1] > whole[1]
    scale = part[2] / 12  # eight bytes, and two on either side
    assert window[0] == pytest.approx(LEFT + 2 * scale, abs=0.1)
    assert window[2] == pytest.approx(8 * scale, abs=0.1)
    assert any("bytes 4,999,998 to 5,000,010" in text for text in texts(drawing))
    (beam,) = [p.get("d") for p in drawing.iter(f"{SVG}path") if p.get("class") == "lens"]
    middle = float(re.match(r"M([\d.]+)", beam)[1])
    assert middle == pytest.approx(LEFT + whole[2] / 2, abs=THIN), "it comes from where they lie"
    assert "8 B" in texts(drawing)
    assert "10,000,000 B" in texts(drawing)


def test_the_address_line_is_to_scale():
    drawing, _ = drawings(provenance(bytes(1000)))
    scale = strips(drawing)[0][2] / 1000
    ticks = {
        each.text: float(each.get("x"))
        for each in drawing.iter(f"{SVG}text")
        if (each.text or "").startswith("+")
    }
    assert ticks
    for text, x in ticks.items():
        at = int(text.replace(",", ""))
        assert x == pytest.approx(LEFT + at * scale, abs=0.1)


def test_an_owner_that_is_not_seen_is_dashed_and_says_who_holds_it():
    pa = pytest.importorskip("pyarrow")
    drawing, _ = drawings(provenance(pa.array(np.arange(100))))
    assert not boxes(drawing, "source")
    assert len(boxes(drawing, "unseen")) == 1
    assert "Buffer data, 800 B, held by Arrow" in texts(drawing)


def test_columns_are_windows_on_their_block():
    drawing, _ = drawings(provenance(pd.DataFrame({"a": [1, 2], "b": [3, 4], "x": [0.5, 1]})))
    block, other = strips(drawing)
    assert block[2] == pytest.approx(2 * other[2])
    windows = [box for each in boxes(drawing, "asked") for box in each]
    assert [left for left, _, _ in windows] == pytest.approx([LEFT, LEFT + block[2] / 2])
    assert {"['a'] sees 16 B", "['b'] sees 16 B"} < set(texts(drawing))


def test_who_looks_beyond_his_owner_is_drawn_all_the_same():
    found = provenance(memoryview(bytearray(100))[10:20])
    first, *rest = found.nodes
    away = replace(found, nodes=(replace(first, address=first.address + 5000), *rest))
    assert len(strips(drawings(away)[0])) == 2
    across = replace(found, nodes=(replace(first, address=first.address + 85), *rest))
    assert "memoryview sees 10 B, reaches beyond" in " ".join(texts(drawings(across)[0]))


def test_many_owners_and_many_views_are_summed_up():
    owner = bytearray(1000)
    drawing, _ = drawings(provenance([bytes(n + 2) for n in range(20)]))
    assert any("and 12 more owners" in text for text in texts(drawing))
    drawing, _ = drawings(provenance([memoryview(owner)[n : n + 500] for n in range(30)]))
    assert "and 20 more views" in texts(drawing)


@pytest.mark.parametrize("obj", [b"", [b""], pd.DataFrame(), memoryview(b"")])
def test_nothing_is_drawn_without_a_strip(obj):
    for drawing in drawings(provenance(obj)):
        assert not strips(drawing)
        assert "0 B" in texts(drawing)


def test_nothing_is_drawn_outside_the_picture():
    owner = np.zeros(5000, np.uint8)
    several = provenance([owner, owner[-3:], owner[7:9], "x" * 9, bytes(3), owner[::2500]])
    for width, drawing in zip((WIDE, NARROW), drawings(several), strict=True):
        _, _, right, bottom = map(float, drawing.get("viewBox").split())
        assert right == width
        for style in ("source", "unseen", "asked", "bar", "seen"):
            for left, top, wide in (box for each in boxes(drawing, style) for box in each):
                assert left >= LEFT - 0.1
                assert left + wide <= right - MARGIN + 0.1
                assert wide >= THIN - 0.1
                assert 0 <= top < bottom


def test_the_same_objects_elsewhere_give_the_same_picture():
    def picture():
        owner = bytearray(300)
        made = lineage(provenance(np.frombuffer(owner, np.uint8)[40:80]))
        return owner, re.sub(r"0x[0-9a-f]+", "0x", made)

    (kept, one), (_, other) = picture(), picture()
    assert kept is not None
    assert one == other


def test_hostile_names_are_text():
    source = HeldBytes(b"some bytes", "a/<script>alert(1)\x1b[31m\u202e'\"&\n")
    frame = {"<img src=x onerror=alert(1)>'\"": np.zeros(3)}
    for found in (provenance(source), provenance([frame, source])):
        page = found._repr_html_()
        assert "<script" not in page.replace("<style>", "")
        assert "<img" not in page
        assert not {"\x1b", "\u202e"} & set(page)
        drawings(found)  # well-formed, quotes and all


def test_it_says_in_words_what_it_shows():
    owner = bytearray(2_048_112)
    found = provenance(memoryview(owner)[64:100])
    page = found._repr_html_()
    assert page == lineage(found)
    assert page == render.picture(found)
    for drawing in drawings(found):
        assert drawing.get("role") == "img"
        assert drawing.get("aria-label") == f"memoryview: {found.sentence}"
        assert "bytearray" in drawing.find(f"{SVG}desc").text
    assert "36 B seen, from byte 64 of the owner" in drawing.get("aria-label")


def test_colours_are_the_themes_and_nothing_has_an_identifier():
    owner = np.zeros(10_000, np.uint8)
    for each in re.findall(r"<svg.*?</svg>", lineage(provenance(owner[5:9])), re.S):
        assert not re.search(r"#[0-9a-fA-F]{3,6}|rgb\(| id=|<script|style=", each)
    used = set(re.findall(r"var\(--zc-([a-z-]+)\)", lineage(provenance(owner))))
    assert used <= {*theme.LIGHT, "text", "code"}


def test_without_a_picture_the_tree_is_shown(monkeypatch):
    module = sys.modules["zcviz.trace.provenance"]  # where a function has the same name
    monkeypatch.setattr(module, "picture", lambda found: None)
    page = provenance(HeldBytes(b"x", "<b>"))._repr_html_()
    assert page.startswith("<pre>")
    assert "&lt;b&gt;" in page
    assert "<br>" in page


def test_what_nobody_draws_has_no_picture():
    assert render.picture(object()) is None
