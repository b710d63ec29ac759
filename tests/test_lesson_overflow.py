"""What the lesson on overflowing buffers is made of: loopback, tanks, counters, exercises.

While any program looks at a network's packets by XDP, each takes a larger piece of memory, and
fewer have room. So these tests have a loopback of their own; where that is not permitted, what is
exact is asked of the best of three tries.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from zcviz.errors import SelectionError
from zcviz.lessons import exercise
from zcviz.lessons.drop_counters import WITNESSES, asked, gaps, witnessed
from zcviz.lessons.loopback import HEADERS, Levels, Loopback, Tick
from zcviz.lessons.rate_and_delay import Offered, loss_by_delay, offer
from zcviz.lessons.tank import Filled, tanks
from zcviz.receive import constants

HOSTILE = "<script>alert(1)</script>\x00\u202e'\"&"
pytestmark = pytest.mark.usefixtures("own_loopback")
linux = pytest.mark.skipif(not constants.LINUX, reason="only Linux says what a socket dropped")


@pytest.fixture
def untold(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that says nothing about a socket's queue."""
    monkeypatch.setattr(constants, "LINUX", False)


def in_step(sends: list[int], read: int | None, buffer: int = 32_768, name: str = "run") -> Levels:
    with Loopback(buffer) as line:
        for number in sends:
            line.tick(number, read)
        return line.levels(name)


def filled(buffer: int, payload: int = 100, sent: int = 600) -> tuple[Loopback, list[int]]:
    def once() -> tuple[Loopback, list[int]]:
        with Loopback(buffer, payload) as line:
            line.send(sent)
            return line, line.take()

    return max((once() for _ in range(3)), key=lambda tried: len(tried[1]))


# --- loopback


@linux
@pytest.mark.parametrize("payload", [HEADERS, 100, 500, 1_400])
def test_room_is_what_is_granted_by_what_a_datagram_takes(payload: int) -> None:
    line, numbers = filled(32_768, payload)
    assert line.charge is not None and line.charge > payload
    assert len(numbers) - line.granted // line.charge in (0, 1)  # by kernel
    assert numbers == list(range(1, len(numbers) + 1)), "the newest are lost"


def test_what_is_sent_is_read_or_lost() -> None:
    with Loopback(16_384) as line:
        line.send(400)
        numbers = line.take()
        line.send(3)
        later = line.take(keep=bytes)
        assert line.sent == 403 and line.received == len(numbers) + len(later)
        assert line.dropped in (None, line.sent - line.received)
        assert [len(each) for each in later] == [100] * 3
        assert int.from_bytes(later[-1][10:18], "big") == 403 and numbers[0] == 1
        assert "100 B takes" in repr(line)


def test_what_cannot_be_opened_says_so() -> None:
    with pytest.raises(SelectionError, match=f"expected {HEADERS} or more, found 3"):
        Loopback(payload=3)
    with pytest.raises(SelectionError, match="no receive path is called 'tin can'"):
        Loopback(path="tin can")


@linux
def test_who_reads_all_loses_nothing_and_who_reads_less_does() -> None:
    emptied, late = in_step([20] * 40, None), in_step([20] * 40, 15)
    assert emptied.dropped == 0 and emptied.read == emptied.sent == 800
    assert emptied.first_loss is None and emptied.sentence.endswith("and none was dropped.")
    assert late.dropped and late.capacity and late.first_loss
    assert late.dropped >= late.sent - late.read - late.capacity - 1
    assert 1 < late.first_loss <= (late.capacity - 20) // 5 + 3
    assert all(each.sent == 20 and each.read == 15 for each in late.ticks)
    assert re.fullmatch(
        r"Run: of 800 datagrams, 600 were read and \d+ dropped \(\d+%\), the first of them in tick "
        r"\d+\.",
        late.sentence,
    )


@linux
def test_a_larger_buffer_only_delays() -> None:
    small, large = in_step([20] * 60, 10), in_step([20] * 60, 10, 3 * 32_768)
    assert small.first_loss and large.first_loss and small.first_loss < large.first_loss
    assert small.dropped and large.dropped


@pytest.mark.usefixtures("untold")
def test_without_counters_what_can_be_known_is_told() -> None:
    with Loopback(16_384, path="udp.recvmsg") as line:
        assert line.charge is line.dropped is None and "not measured here" in repr(line)
        line.send(400)
        numbers = line.take()
        assert set(asked(line, []).values()) == {None}
        told = asked(line, numbers)
    assert told == dict.fromkeys(WITNESSES) | {"sequence numbers": 0}
    run = in_step([20] * 3, 15)
    assert run.capacity is run.dropped is run.first_loss is None and run.read == 45
    drawn = tanks(run)
    assert "There is no picture" in repr(drawn) and "<svg" not in drawn.html
    whole = Filled(line.granted, None, 100, 400, len(numbers))
    assert "not measured here" in repr(whole) and "<svg" not in whole._repr_html_()


# --- pictures

MADE = Levels(
    "made up",
    10_000,
    1_000,
    (Tick(8, 8, 8_000, 0, 4), Tick(8, 9, 10_000, 3, 4), Tick(0, 5, 6_000, 0, 5)),
)


def test_a_tank_is_drawn_to_scale() -> None:
    shown = tanks(MADE)
    assert repr(shown) == (
        "Made up: of 16 datagrams, 13 were read and 3 dropped (19%), the first of them in tick 2."
    )
    wide = shown.html.split("</svg>")[0]
    (lost,) = re.findall(r"class='grey' d='([^']*)'", wide)[:1]
    (waits,) = re.findall(r"class='held' d='([^']*)'", wide)[:1]
    assert lost.count("M") == 1, "one tick lost something"
    down = float(re.findall(r"v([\d.]+)", lost)[0])
    floor = float(re.findall(r"M10 ([\d.]+)", waits)[0])
    roofs = [floor - float(each) for each in re.findall(r"V([\d.]+)h", waits)]
    assert roofs[1] / down == pytest.approx(3, rel=0.02) and roofs[0] > roofs[2]
    assert "full: 10 datagrams, 10,000 B" in wide and "aria-label='Made up" in wide


def test_tanks_share_a_scale_and_escape_names() -> None:
    other = Levels(HOSTILE, 20_000, 1_000, (Tick(20, 20, 20_000, 0, 0),))
    shown = tanks(MADE, other, sentence="Two of them.")
    assert shown.text.endswith("\nTwo of them.") and "<script>" not in shown.html
    assert shown.html.count("aria-label='Two of them.'") == 2  # wide and narrow


def test_a_filled_buffer_is_drawn_and_said() -> None:
    whole = Filled(10_000, 1_000, 250, 30, 10)
    assert whole.sentence == (
        "30 datagrams were sent: 10 found room, 20 did not. Each has 250 bytes of payload and "
        "takes 1,000 of the buffer: 25% of it is what you were sent."
    )
    html = whole._repr_html_()
    assert "20 dropped" in html and "10 datagrams wait" in html
    assert "dropped" not in Filled(10_000, 1_000, 250, 10, 10)._repr_html_().split("<desc>")[1]


# --- counters


@linux
def test_counters_that_ask_the_kernel_know_at_once() -> None:
    with Loopback(16_384, path="udp.recvmsg") as line:
        line.send(300)
        before = asked(line, [])
        numbers = line.take()
        between = asked(line, numbers)
        line.send(1)
        numbers += line.take()
        after = asked(line, numbers)
    lost = 301 - len(numbers)
    assert lost and before == dict(zip(WITNESSES, (lost, lost, None, None), strict=True))
    assert between == dict(zip(WITNESSES, (lost, lost, 0, 0), strict=True))
    assert after == dict.fromkeys(WITNESSES, lost)
    told = repr(witnessed({"before": before, "between": between, "after": after}, lost))
    assert told.endswith(
        f"{lost:,} were dropped. SO_MEMINFO and /proc/net/udp said so at once. It took one more "
        "datagram until SO_RXQ_OVFL and sequence numbers said it."
    )


def test_gaps() -> None:
    assert gaps([]) == gaps([1, 2, 3]) == 0 and gaps([1, 4]) == 2 and gaps([3]) == 2


# --- by the clock


def test_what_is_offered_is_received_or_lost() -> None:
    slow = offer(2_000, 0.005, seconds=0.1, buffer=2_048)
    assert slow.sent == 200 and 0 < slow.received < slow.sent == slow.received + slow.lost
    assert slow.delay >= 0.004 and slow.rate > 0 and "falls behind" in slow.sentence
    assert offer(1_000, 0, seconds=0.02).sent == 20


def test_losses_are_drawn_by_delay() -> None:
    runs = {
        "a small one": [Offered(100, 100, 1e3, 5e-4), Offered(100, 60, 1e3, 2e-3)],
        "a large one": [Offered(100, 100, 1e3, 5e-4), Offered(100, 100, 1e3, 2e-3)],
    }
    told = repr(loss_by_delay(runs))
    assert "one comes every 1,000 µs. With a small one, loss sets in at 2,000 µs. With a" in told
    assert "With a large one, nothing was lost in so short a time." in told
    assert "that makes 500 a second, and it falls behind. Of 100, 40 were lost (40%)." in told


# --- exercises

RIGHT: dict[str, Callable[..., Any]] = {
    "capacity": lambda granted, charge: granted // charge,
    "buffer_for": lambda rate, pause, charge: rate * pause * charge / 2,
    "drain": lambda receiver: [bytes(m) for batch in receiver.batches(0) for m in batch],
}


def wait_for_ever(receiver: Any) -> list[bytes]:
    return [bytes(each) for batch in receiver.batches() for each in batch]


def once(receiver: Any) -> list[bytes]:
    return [bytes(each) for each in receiver.receive(0)]


WRONG: list[tuple[str, Callable[..., Any], str]] = [
    ("capacity", lambda granted, charge: granted // 100, "a payload never comes alone"),
    ("capacity", lambda granted, charge: granted // charge // 2, "Off by two"),
    ("capacity", lambda granted, charge: "many", "returned a str. A number is wanted"),
    ("capacity", lambda granted, charge: float("nan"), "A number from 0"),
    ("buffer_for", lambda rate, pause, charge: rate * pause, "How many bytes does each"),
    ("buffer_for", lambda rate, pause, charge: rate * pause * 100, "Each takes `charge`"),
    ("buffer_for", lambda rate, pause, charge: rate * pause * charge / 3, "Too small"),
    ("buffer_for", lambda rate, pause, charge: rate * pause * charge, "The kernel doubles"),
    ("drain", lambda receiver: [m for b in receiver.batches(0) for m in b], "are views"),
    ("drain", once, "It left some behind"),
    ("drain", wait_for_ever, "waits for ever"),
    ("drain", lambda receiver: list(receiver.batches(0)), "is no datagram"),
    ("drain", lambda receiver: 7, "A list of datagrams is wanted"),
    ("drain", lambda receiver: RIGHT["drain"](receiver)[:3], "it returned 3 and 3"),
]


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_answer_is_right(name: str) -> None:
    verdict = exercise(name).check(RIGHT[name])
    assert verdict, verdict
    assert "not measured" not in verdict.text or not constants.LINUX


@linux
@pytest.mark.parametrize(("name", "answer", "reason"), WRONG)
def test_a_wrong_answer_is_told_why(name: str, answer: Callable[..., Any], reason: str) -> None:
    verdict = exercise(name).check(answer)
    assert not verdict and reason in verdict.text, verdict


@pytest.mark.usefixtures("untold")
@pytest.mark.parametrize("name", RIGHT)
def test_exercises_work_without_counters(name: str) -> None:
    assert exercise(name).check(RIGHT[name])
    assert not exercise(name).check(lambda *given: 3)
