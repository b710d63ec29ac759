"""The lesson on latency as a learner meets it: predict, send packets, look at the tail."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.reader import Reader

pytestmark = pytest.mark.slow  # minutes; the first lesson's journey is among the quick ones

LESSON = "notebooks/07_latency_is_not_throughput.ipynb"
PICTURES = (
    'listing(\n    ["batch"',
    "sentence = (",
    "first = send(",
    "Runs(*batched.values()",
    "Runs(tidied, crowded",
    'title="Who made the tail"',
    "median report [µs]",
    "Runs(patient, paced",
    "facts = {",
)
WAITS = "return stop_and_wait(ask, number, gap, clock, sleep)"
ON_SCHEDULE = """start, taken = clock(), []
    for n in range(number):
        due = start + n * gap
        sleep(max(0, due - clock()))
        ask()
        taken.append(clock() - due)
    return taken"""


def test_all_cells_run(reader: Reader) -> None:
    reader.no_complaint()


def test_predict_and_reckon(reader: Reader) -> None:
    revealed = reader.expects("wait_guess", "74", "µs")
    expect(revealed).to_contain_text("You predicted 74 µs, measured: 1,334")
    revealed = reader.chooses("rule_guess", "full batches of 64")
    expect(revealed).to_contain_text("measured: what is there")
    reader.journey.shoot("latency-revealed")
    reader.no_complaint()


def test_latencies_are_drawn_above_stalls_and_said(reader: Reader) -> None:
    drawing = reader.go_to("first = send(").get_by_role("img")
    expect(drawing).to_have_count(1)  # the other one is for a narrow page
    expect(drawing).to_have_attribute("aria-label", re.compile("The thread waited for a processor"))
    expect(drawing.get_by_text("datagrams", exact=True)).to_be_visible()
    expect(drawing.get_by_text("the machine’s stalls")).to_be_visible()
    reader.journey.shoot("latency-histogram")
    reader.no_complaint()


def test_a_ring_or_the_reason_why_not(reader: Reader) -> None:
    told = reader.go_to('RING = "packet.ring_v3"')
    expect(told).to_contain_text(re.compile("Median by timeout: 1 ms|Not measured here"))
    reader.no_complaint()


def test_mend_the_measurer(reader: Reader) -> None:
    reader.takes_hints("on_schedule", "taken.append(clock() - due)")
    reader.mends("on_schedule", WAITS, ON_SCHEDULE, "latency")
    reader.no_complaint()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_output_keeps_to_its_page(reader: Reader, dark: bool) -> None:
    reader.keeps_to_its_page(PICTURES, "latency", dark=dark)
    reader.no_complaint()
