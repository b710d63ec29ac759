"""The memory picture: true to the addresses, drawn to scale, safe to show."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import zcviz
from zcviz import render
from zcviz.buffers import HeldBytes
from zcviz.codec import record_of, view_of
from zcviz.dissection import dissect
from zcviz.errors import MissingExtraError
from zcviz.pipelines import EXPERIMENTS, PIPELINES
from zcviz.protocols.itch50 import ITCH50
from zcviz.trace.ledger import Ledger
from zcviz.viz import theme
from zcviz.viz.memory import MemoryPicture, Strip, Window, memory_picture
from zcviz.viz.svg import STYLE

DATA = Path(__file__).parent.parent / "data"
SVG = "{http://www.w3.org/2000/svg}"
FILES = ["feed.pcap", "feed.itch"]


def walk(feed, name, unit):
    """Return the stage results of one unit, and the run that keeps their memory alive."""
    run = (PIPELINES | EXPERIMENTS)[name].start(feed)
    for _ in range(unit):
        run.step()
    return run.step()


@pytest.fixture(params=FILES)
def feed(request):
    with zcviz.open(DATA / request.param) as opened:
        yield opened


def lane(picture, kind):
    return next(lane for lane in picture.lanes if lane.kind == kind)


def drawings(picture):
    """Return a picture's SVGs for a wide page as parsed XML."""
    found = re.findall(r"<svg.*?</svg>", picture._repr_html_(), re.S)
    assert len(found) == 2 * len(picture.lanes), "each for a wide page and for a narrow one"
    found = found[::2]
    return [ET.fromstring(each) for each in found]


def boxes(svg, style):
    """Return (x, y, width) of the rectangles drawn in a style."""
    paths = [each.get("d") for each in svg.iter(f"{SVG}path") if each.get("class") == style]
    numbers = [re.match(r"M([\d.]+) ([\d.]+)h([\d.]+)", path).groups() for path in paths]
    return [tuple(map(float, each)) for each in numbers]


# --- true to the objects ------------------------------------------------------------------------


@pytest.mark.parametrize("unit", [0, 5, 60])
@pytest.mark.parametrize("name", ["copying", "slicing", "flyweight", "columnar"])
def test_copied_and_derived_are_what_the_ledger_says(feed, name, unit):
    results = walk(feed, name, unit)
    ledger = Ledger((feed.source.address, feed.source.size))
    for result in results:
        ledger.note(result.stage.name, result.input, result.output)
    entries = ledger.entries.values()
    drawn = lane(memory_picture(zero_copy=results, source=feed.source), "zero-copy")
    assert drawn.total("copied") == sum(entry.copied for entry in entries)
    assert drawn.total("derived") == sum(entry.derived for entry in entries)
    viewed = sum(window.end - window.start for window in drawn.windows if window.is_view)
    assert viewed == sum(entry.viewed for entry in entries)


def test_copies_come_from_where_the_same_bytes_lie(feed):
    results = walk(feed, "copying", 7)
    drawn = lane(memory_picture(copying=results, source=feed.source), "copying")
    content = {0: bytes(feed.source.view)}
    buffers = [results[0].output]
    buffers += [results[1].output] if feed.container == "pcap" else []
    buffers += results[-3].output
    content |= dict(enumerate(buffers, 1))
    checked = 0
    for copy in drawn.copies:
        if copy.target in content:
            assert content[copy.origin][copy.start : copy.end] == content[copy.target]
            checked += 1
    assert checked == len(buffers)
    assert len(drawn.copies) == len(buffers) + len(results[-2].output), "and one for each record"


def test_windows_lie_where_the_messages_do(feed):
    message = 40
    entry = feed.index.offsets[message], feed.index.sizes[message]
    packet = dissect(feed, message)
    view = view_of(feed.protocol[bytes([feed.index.tags[message]])])()
    view.wrap(feed.source.view, int(entry[0]))
    objects = [("packet", packet.view), ("message", view), ("data", feed.data[entry[0] :][:9])]
    drawn = lane(memory_picture(zero_copy=objects, source=feed.source), "zero-copy")
    assert [strip.kind for strip in drawn.strips] == ["source"]
    assert [(w.start, w.end - w.start) for w in drawn.windows] == [
        (packet.offset, len(packet.view)),
        tuple(map(int, entry)),
        (int(entry[0]), 9),
    ]
    strip = drawn.strips[0]
    assert strip.address == feed.source.address
    assert (strip.start, strip.end) == (packet.offset, packet.offset + len(packet.view))
    assert f"As long as a view lives, {feed.source.size:,} B stay in memory" in drawn.notes[0]


def test_an_index_looks_without_keeping_anything_alive(feed):
    drawn = lane(
        memory_picture(zero_copy=walk(feed, "columnar", 3)[:1], source=feed.source), "zero-copy"
    )
    assert drawn.windows
    assert not any(window.is_view for window in drawn.windows)
    assert drawn.notes == ()
    data = bytes(feed.source.view)
    for window in drawn.windows:
        assert window.label.endswith(f"tag {chr(data[window.start])}")
        assert window.end - window.start == feed.protocol[data[window.start :][:1]].size


def test_gathered_values_come_from_their_field(feed):
    results = walk(feed, "columnar", 60)
    drawn = lane(memory_picture(zero_copy=results[:2], source=feed.source), "zero-copy")
    data = bytes(feed.source.view)
    columns = {
        int(array.ctypes.data): array
        for each in results[1].output
        for array in each.columns.values()
    }
    assert drawn.copies
    for copy in drawn.copies:
        array = columns[drawn.strips[copy.target].address]
        value = array[copy.at // array.itemsize]
        wire = data[copy.start : copy.end]
        assert copy.size == array.itemsize
        if array.dtype.kind == "S":
            assert wire.rstrip(b"\0") == value
        else:
            assert int.from_bytes(wire, "big") == value


def test_views_without_a_source_stand_on_their_owner():
    owner = bytearray(range(200))
    view = memoryview(owner)[20:120]
    inner = np.frombuffer(view[10:30], np.uint8)
    other = bytes(40)
    objects = [("inner", inner), ("view", view), ("other", other), ("part", memoryview(other)[8:])]
    drawn = lane(memory_picture(zero_copy=[*objects[1:2], objects[0], *objects[2:]]), "zero-copy")
    assert [(s.kind, s.start, s.end, s.nbytes) for s in drawn.strips] == [
        ("source", 20, 120, 200),
        ("copied", 0, 40, 40),
    ]
    assert [(w.strip, w.start, w.end) for w in drawn.windows] == [
        (0, 20, 120), (0, 30, 50), (1, 8, 40),
    ]  # fmt: skip


def test_any_memory_may_be_the_source():
    owner = b"AAPL BUY 100 @320.14"
    drawn = lane(
        memory_picture(
            copying=[("copy", owner[5:13])],
            zero_copy=[("view", memoryview(owner)[5:13])],
            source=("owner", owner),
            segments=[(0, 20, "all")],
        ),
        "zero-copy",
    )
    (strip,) = drawn.strips
    assert (strip.address, strip.nbytes) == (zcviz.provenance(owner).address, 20)
    assert drawn.rows == ("owner, 20 B",)
    assert [(window.start, window.end) for window in drawn.windows] == [(5, 13)]


def test_an_owner_grows_with_the_views_on_it():
    owner = bytearray(1000)
    views = [("one", memoryview(owner)[500:600]), ("two", memoryview(owner)[100:200])]
    drawn = lane(memory_picture(copying=views), "copying")
    assert [(s.start, s.end) for s in drawn.strips] == [(100, 600)]
    assert drawn.rows == ("bytearray, bytes 100–600 of 1,000",)


def test_equal_pieces_come_from_one_place_after_the_other():
    source = HeldBytes(b"head" + b"the same" * 3 + b"tail", "held")
    cuts = [bytes(source.view[at : at + 8]) for at in (4, 12, 20)]
    drawn = lane(memory_picture(copying=[("cut", cuts)], source=source), "copying")
    assert [(copy.start, copy.end) for copy in drawn.copies] == [(4, 12), (12, 20), (20, 28)]


def test_no_origin_is_claimed_by_chance():
    source = HeldBytes(b"abcd" * 4 + b"once", "held")
    pieces = [("often", bytes(source.view[4:8])), ("once", bytes(source.view[16:]))]
    drawn = lane(memory_picture(copying=[("all", source.view), *pieces], source=source), "copying")
    assert [(copy.start, copy.end, copy.target) for copy in drawn.copies] == [(16, 20, 2)]


def test_what_the_caller_knows_overrules_the_ledger():
    column = np.arange(5, dtype=np.uint32)
    for told, expected in (((), "derived"), (("copied",), "copied"), (("derived",), "derived")):
        drawn = lane(memory_picture(zero_copy=[("price", column, *told)]), "zero-copy")
        assert [strip.kind for strip in drawn.strips] == [expected]
        assert drawn.total(expected) == 20


def test_a_record_is_as_many_objects_as_it_has_values_of_its_own():
    record = record_of(ITCH50["D"])(b"D" + bytes(5) + b"\x01" * 13)
    drawn = lane(memory_picture(copying=[("record", record)]), "copying")
    (strip,) = drawn.strips
    own = [value for value in record if not (isinstance(value, int) and value <= 256)][1:]
    assert strip.objects == 1 + len(own) == 3
    assert strip.held == sys.getsizeof(record) + sum(map(sys.getsizeof, own))
    assert strip.counted == 19
    assert "3 Python objects" in str(memory_picture(copying=[("record", record)]))


# --- drawn to scale -----------------------------------------------------------------------------


def test_widths_are_as_bytes_are_in_both_lanes(feed):
    picture = memory_picture(
        copying=walk(feed, "copying", 9)[:-1],
        zero_copy=walk(feed, "flyweight", 9)[:-1] + walk(feed, "columnar", 9)[:1],
        source=feed.source,
        segments=dissect(feed, 30) if feed.container == "pcap" else (),
    )
    scales = []
    for drawn, svg in zip(picture.lanes, drawings(picture), strict=True):
        for kind in ("source", "copied", "derived"):
            strips = [strip for strip in drawn.strips if strip.kind == kind]
            rectangles = [box for box in boxes(svg, kind) if box[1] > 20]  # without the sign
            assert len(rectangles) == len(strips)
            pairs = zip(strips, rectangles, strict=True)
            scales += [(width, strip.shown) for strip, (_, _, width) in pairs]
    widest = max(scales)
    scale = widest[0] / widest[1]
    assert len(scales) > 5
    for width, nbytes in scales:
        assert width == pytest.approx(nbytes * scale, abs=0.11), "rounded to a tenth"


@pytest.mark.parametrize("before", [0, 40])
def test_windows_are_drawn_at_their_bytes(before):
    source = HeldBytes(bytes(200), "held")
    view = source.view[before : before + 100]
    picture = memory_picture(zero_copy=[("all", view), ("half", view[25:75])], source=source)
    (svg,) = drawings(picture)
    (strip,), (_, seen) = boxes(svg, "source"), boxes(svg, "seen")
    assert seen[0] == pytest.approx(strip[0] + strip[2] / 4, abs=0.1)
    assert seen[2] == pytest.approx(strip[2] / 2, abs=0.1)


def test_what_is_not_all_is_torn_and_says_so():
    source = HeldBytes(bytes(range(256)) * 8, "held")
    whole = memory_picture(zero_copy=[("all", source.view)], source=source)
    part = memory_picture(zero_copy=[("part", source.view[100:200])], source=source)

    def outline(picture):
        (svg,) = drawings(picture)
        return next(p.get("d") for p in svg.iter(f"{SVG}path") if p.get("class") == "source")

    assert "l" not in outline(whole)
    assert outline(part).count("l") == 8
    assert "held, bytes 100–200 of 2,048" in str(part)
    assert "held, 2,048 B" in str(whole)


def test_derived_memory_that_is_too_long_is_cut_and_torn():
    source = HeldBytes(bytes(100), "held")
    picture = memory_picture(
        zero_copy=[("view", source.view), ("sums", np.zeros(5000, np.uint8))], source=source
    )
    (svg,) = drawings(picture)
    (source_box,), (derived_box,) = boxes(svg, "source"), boxes(svg, "derived")
    assert derived_box[2] == pytest.approx(source_box[2], abs=0.1)
    path = next(p.get("d") for p in svg.iter(f"{SVG}path") if p.get("class") == "derived")
    assert path.count("l") == 4


# --- a page of pictures -------------------------------------------------------------------------


def example(name="held", objects=("view",)):
    source = HeldBytes(bytes(range(64)), name)
    part = bytes(source.view[8:24])
    return memory_picture(
        copying=[(each, part) for each in objects],
        zero_copy=[(each, source.view[8:24]) for each in objects],
        source=source,
        segments=[(0, 32, objects[0]), (32, 64, "rest")],
        title=name,
        notes={"copying": [objects[0]]},
    )


def test_pictures_share_a_page():
    page = example()._repr_html_() + example("other")._repr_html_() + example().to_svg()
    assert not re.search(r"\sid=|url\(|<script|href", page)


def test_the_same_data_is_the_same_picture():
    picture = example()
    assert picture._repr_html_() == picture._repr_html_()

    def placed(lane):
        strips = [dataclasses.replace(s, address=0x1000 * n) for n, s in enumerate(lane.strips, 1)]
        return dataclasses.replace(lane, strips=tuple(strips))

    fixed = [MemoryPicture(tuple(map(placed, example().lanes)), "fixed") for _ in range(2)]
    assert fixed[0] == fixed[1]
    assert fixed[0]._repr_html_() == fixed[1]._repr_html_()
    assert "0x2000" in fixed[0].to_svg()


def test_the_text_alternative_says_what_the_picture_shows(feed):
    picture = memory_picture(
        copying=walk(feed, "copying", 2)[:1], zero_copy=[], source=feed.source, title="Two"
    )
    text = str(picture)
    assert text.startswith("Two\ncopying: ")
    for drawn, svg in zip(picture.lanes, drawings(picture), strict=True):
        assert svg.get("role") == "img"
        assert svg.get("aria-label") == svg.find(f"{SVG}title").text == drawn.sentence
        assert svg.find(f"{SVG}desc").text == "; ".join(drawn.lines())
        for strip in drawn.strips:
            assert f"{strip.address + strip.start:#x}" in text
    assert "no byte of the feed copied" in text


def test_one_file_needs_nothing_around_it():
    svg = ET.fromstring(example().to_svg())
    style = svg.find(f"{SVG}style").text
    assert "prefers-color-scheme:dark" in style
    assert STYLE in style
    assert float(svg.get("height")) > 200
    assert {each.text for each in svg.iter(f"{SVG}text")} >= {"copying", "zero-copy", "held"}


def test_every_class_has_a_style():
    page = example()._repr_html_()
    used = {name for each in re.findall(r"class='([^']*)'", page) for name in each.split()}
    defined = set(re.findall(r"\.([a-z][\w-]*)", page.split("</style>")[0]))
    assert used <= defined


HOSTILE = "<script>alert('1')</script>&\x1b[31m\x00\u202e]]>"


def test_hostile_names_are_escaped():
    picture = example(HOSTILE, (HOSTILE,))
    for page in (picture._repr_html_(), picture.to_svg()):
        assert "<script" not in page
        assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", page)
        assert "&lt;script&gt;" in page
    assert "\x1b" not in str(picture)
    (first, _) = drawings(picture)
    assert ET.fromstring(picture.to_svg()) is not None
    titles = [each.text for each in first.iter(f"{SVG}title")]
    assert any("<script>alert('1')</script>&\\x1b[31m\\x00\\u202e" in title for title in titles)


def test_stage_results_are_taken_as_they_are(feed):
    results = walk(feed, "copying", 1)[:2]
    pairs = [(result.stage.name, result.output) for result in results]
    assert memory_picture(copying=results) == memory_picture(copying=pairs)
    stand_in = [SimpleNamespace(stage=r.stage, output=r.output) for r in results]
    assert memory_picture(copying=stand_in) == memory_picture(copying=pairs)


@pytest.mark.parametrize("nothing", [[], [("none", None), ("empty", b""), ("list", [])]])
def test_nothing_at_all_is_a_picture_too(nothing):
    picture = memory_picture(copying=nothing, zero_copy=nothing)
    assert [svg.tag for svg in drawings(picture)] == [f"{SVG}svg"] * 2
    assert picture.lanes[0].total("copied") == 0


def test_many_windows_are_drawn_and_the_first_is_named():
    strip = Strip(0, "s", "source", 4096, 640, 0, 640)
    windows = tuple(Window(0, n * 10, n * 10 + 8, f"message {n}", 0) for n in range(64))
    base = example().lanes[1]
    crowded = dataclasses.replace(base, rows=("s",), strips=(strip,), windows=windows, copies=())
    (svg,) = drawings(MemoryPicture((crowded,)))
    assert sum(path.get("class") == "view" for path in svg.iter(f"{SVG}path")) == 64
    texts = [each.text for each in svg.iter(f"{SVG}text")]
    assert "message 0, and 63 more" in texts
    assert "message 1" not in texts


# --- the theme ----------------------------------------------------------------------------------


@pytest.mark.parametrize("colours", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
def test_text_has_contrast(colours):
    papers = {theme.LIGHT["paper"]: ["white"], theme.DARK["paper"]: ["#212121"]}[colours["paper"]]
    for paper in [colours["paper"], *(p for p in papers if p.startswith("#"))]:
        for name in ("copy", "view", "first", "second", "lost", "neutral", "ink", "soft"):
            assert theme.contrast(colours[name], paper) >= 4.5, (name, paper)
    assert theme.contrast(colours["ink"], colours["strip"]) >= 4.5
    assert theme.contrast(colours["view"], colours["view-fill"]) >= 4.5


@pytest.mark.parametrize("at", [0, 2], ids=["light", "dark"])
def test_fields_have_contrast_and_differ(at):
    papers = ("#FFFFFF", "#FFFFFF") if at == 0 else ("#14161A", "#212121")
    for colours in theme.FIELDS:
        text, fill = colours[at : at + 2]
        assert theme.contrast(text, fill) >= 4.5
        assert all(theme.contrast(text, paper) >= 4.5 for paper in papers)
    assert len({colours[at] for colours in theme.FIELDS}) == len(theme.FIELDS)


def test_contrast_is_the_one_of_wcag():
    assert theme.contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert theme.contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize(("width", "height"), [(100, 22), (10, 22), (3, 22), (22, 10), (1, 1)])
def test_the_hatch_stays_in_its_rectangle(width, height):
    path = theme.hatch(50, 70, width, height, step=2)
    points = re.findall(r"[ML]([\d.]+) ([\d.]+)", path)
    assert points or width + height <= 2
    for x, y in points:
        assert 50 - 0.05 <= float(x) <= 50 + width + 0.05
        assert 70 - 0.05 <= float(y) <= 70 + height + 0.05
    ends = list(zip(points[::2], points[1::2], strict=True))
    for (x1, y1), (x2, y2) in ends:
        assert float(x2) - float(x1) == pytest.approx(float(y1) - float(y2), abs=0.21), "45 degrees"


# --- how pictures are found ---------------------------------------------------------------------


def test_loading_the_pictures_loads_no_optional_library():
    code = (
        "import sys, zcviz.viz, zcviz.viz.memory, zcviz.viz.hexdump;"
        "optional = {'matplotlib', 'ipywidgets', 'anywidget', 'IPython'};"
        "print(sorted(optional & set(sys.modules)))"
    )
    root = str(Path(zcviz.__file__).parent.parent)
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": root},
    )
    assert run.stdout.strip() == "[]"


def test_a_missing_library_is_named_with_its_remedy(monkeypatch):
    monkeypatch.setattr(render, "_renderers", {})
    render.register("needs", "library_that_is_not_there.part:draw")
    with pytest.raises(MissingExtraError) as caught:
        render.renderer("needs")
    assert 'pip install "zcviz[notebooks]"' in str(caught.value)
    assert "library_that_is_not_there" in str(caught.value)
    render.register("slip", "zcviz.viz.no_such_module:draw")
    with pytest.raises(ModuleNotFoundError, match="no_such_module") as slip:
        render.renderer("slip")
    assert not isinstance(slip.value, MissingExtraError), "our own slip is not blamed on an extra"


def test_kinds_are_found_and_kept(monkeypatch):
    monkeypatch.setattr(render, "_renderers", dict(render._renderers))
    assert render.renderer("memory_picture") is memory_picture
    assert zcviz.memory_picture is memory_picture
    render.register("own", len)
    assert render.renderer("own")([1, 2]) == 2
    with pytest.raises(KeyError):
        render.renderer("no such kind")
    with pytest.raises(AttributeError):
        _ = zcviz.viz.no_such_picture


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("ünï · …", "ünï · …"),
        ("a\tb\n", "a\\tb\\n"),
        ("\x1b[2J\x7f\x9b", "\\x1b[2J\\x7f\\x9b"),
        ("\u202e\u200b\u2028\ufeff", "\\u202e\\u200b\\u2028\\ufeff"),
        ("\ud800", "\\ud800"),
        ("<&'\">", "&lt;&amp;&#x27;&quot;&gt;"),
    ],
)
def test_what_would_act_is_made_visible(text, shown):
    assert render.escape(text) == shown
    assert render.escape(render.printable(text)) == shown, "twice is not too often"
