"""The lesson on measuring as a learner meets it: predict, break a benchmark, mend it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.reader import PATIENCE, Reader

pytestmark = pytest.mark.slow  # minutes; the first lesson's journey is among the quick ones

LESSON = "notebooks/04_measuring_honestly.ipynb"
PICTURES = (
    "sightings.shown",
    "started = first_calls",
    "drifting.spread",
    "bars([Bar(",
    "facts = {",
)
BROKEN = "return time_and_memory(work, clock)"
MENDED = "return time_once(work, clock), time_and_memory(work, clock)[1]"


def test_all_cells_run(reader: Reader) -> None:
    reader.no_complaint()


def test_predict_and_measure(reader: Reader) -> None:
    revealed = reader.expects("held_guess", "180,000", "bytes")
    expect(revealed).to_contain_text("You predicted 180,000 bytes, measured")
    revealed = reader.chooses("first_guess", "compiled code")
    expect(revealed).to_contain_text("ou predicted compiled code")
    reader.journey.shoot("measuring-revealed")
    reader.no_complaint()


def test_what_is_seen_and_what_is_not(reader: Reader) -> None:
    told = reader.run("sightings = seen_by")
    expect(told).to_contain_text("Seen by neither: a map", timeout=PATIENCE)
    row = reader.run("sightings.shown").get_by_role("row", name="a map")
    expect(row).to_contain_text("1,000,000")
    expect(reader.go_to("%%zcmem -o counted")).to_contain_text("held at the end")
    reader.no_complaint()


def test_a_distribution_is_drawn_and_said(reader: Reader) -> None:
    reader.run("drifting = drift(ways")
    drawing = reader.run("drifting.spread").get_by_role("img")
    expect(drawing).to_have_count(1)  # the other one is for a narrow page
    expect(drawing).to_have_attribute("aria-label", re.compile("Both sides are the same function"))
    reader.journey.shoot("measuring-distribution")
    reader.no_complaint()


def test_break_and_mend(reader: Reader) -> None:
    reader.takes_hints("apart", "return seconds, seen.peak")
    reader.mends("apart", BROKEN, MENDED, "measuring")
    reader.no_complaint()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_output_keeps_to_its_page(reader: Reader, dark: bool) -> None:
    reader.keeps_to_its_page(PICTURES, "measuring", dark=dark)
    reader.no_complaint()
