"""The sixth lesson as a learner meets it: predict, receive, look at the way, in JupyterLab."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.reader import PATIENCE, Reader

pytestmark = pytest.mark.slow  # minutes; the first lesson's journey is among the quick ones

LESSON = "notebooks/05_from_nic_to_memory.ipynb"
PICTURES = ("permits(found)", 'ways("udp.recv_into")', 'ways("udp.recv", "udp.recv_into"',
            "counted_table(", "costs = costs_of", '"both [µs]"', "summary of all messages",
            "boundaries([name", 'refusal("xdp.zerocopy"')  # fmt: skip
FILL = """for number, slot in enumerate(slots):
        sizes[number] = sock.{}
    return len(slots)"""
SOLVED = {
    "fill": (FILL.format("recv_into(slot[0:])"), FILL.format("recv_into(slot)")),
    "longest": (
        "return max((view for batch in batches for view in batch), key=len)",
        "return max((bytes(view) for batch in batches for view in batch), key=len)",
    ),
    "lean": (
        'return receive.open("udp.recv", host=host)',
        'return receive.open("udp.recvmmsg", host=host)',
    ),
}


def test_all_cells_run(reader: Reader) -> None:
    reader.no_complaint()


def test_predict_and_receive(reader: Reader) -> None:
    revealed = reader.expects("asked_guess", "100", "bytes")
    expect(revealed).to_contain_text("You predicted 100 bytes, measured:")
    revealed = reader.chooses("zero_guess", "permitted")
    expect(revealed).to_contain_text("You predicted permitted, measured:")
    expect(reader.go_to('refusal("xdp.zerocopy"')).to_contain_text("What would help:")
    same = reader.go_to("summary of all messages").get_by_role("row", name="udp.recv_into")
    expect(same.get_by_role("cell", name="the same")).to_have_count(2)
    reader.no_complaint()


def test_what_cannot_be_measured_is_not_called_so(reader: Reader) -> None:
    form = reader.go_to("way_guess = predict")
    form.get_by_role("textbox").fill("3")
    form.get_by_role("textbox").press("Enter")
    expect(form).to_contain_text("Noted: 3", timeout=PATIENCE)
    told = reader.run("way_guess,")
    expect(told).to_contain_text("You predicted 3. By the documentation of the kernel: 1 copy.")
    reader.no_complaint()


def test_the_way_is_drawn_for_the_width_that_there_is(reader: Reader) -> None:
    for width, shown, hidden in ((1280, ".zc-780", ".zc-340"), (480, ".zc-340", ".zc-780")):
        reader.journey.width(width)
        drawn = reader.go_to('ways("udp.recv", "udp.recv_into"')
        expect(drawn.locator(shown)).to_be_visible()
        expect(drawn.locator(hidden)).not_to_be_visible()
        expect(drawn.get_by_role("img")).to_have_accessible_name(
            "A ring has as many copies as recv_into. But its copy is made when the packet "
            "arrives, and not in your call."
        )
    reader.journey.width(1280)
    reader.no_complaint()


def test_hints_and_exercises(reader: Reader) -> None:
    reader.takes_hints("fill", "sizes[number] = sock.recv_into(slot)")
    reader.solves(SOLVED, "nic")
    reader.no_complaint()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_output_keeps_to_its_page(reader: Reader, dark: bool) -> None:
    reader.keeps_to_its_page(PICTURES, "nic", dark=dark)
    reader.no_complaint()
