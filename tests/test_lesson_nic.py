"""What the sixth lesson is made of: ways of packets, posts, counts, costs, the exercises."""

from __future__ import annotations

import errno
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import zcviz
from tests.judging import judges
from zcviz import receive
from zcviz.errors import SelectionError
from zcviz.lessons import predict
from zcviz.lessons.lots import HERE, LOT, Post, digest_of
from zcviz.lessons.permits import answer_in_words, permits, refusal, refused
from zcviz.lessons.receive_costs import Costs, Counted, costs_of, counted, counted_table
from zcviz.lessons.sample import Sample
from zcviz.lessons.way_picture import ways
from zcviz.lessons.ways import BOUNDARIES, WAYS, as_documented, boundaries, way_of
from zcviz.trace import exact

pytestmark = pytest.mark.usefixtures("own_loopback")
DATA = Path(__file__).parent.parent / "data"
NUMBERS = {"none": 0, "one": 1, "two": 2}
HOSTILE = "<script>alert(1)</script>\x00\u202e'\"&"
EVERYWHERE = ("udp.recv", "udp.recv_into", "asyncio")


@pytest.fixture(scope="module")
def feed():
    with zcviz.open(DATA / "feed.pcap") as opened:
        yield opened


# --- ways


def test_there_is_a_way_for_every_path() -> None:
    assert list(WAYS) == list(receive.PATHS)
    with pytest.raises(SelectionError, match="no receive path is called"):
        way_of("udp.none")


@pytest.mark.parametrize("path", WAYS)
def test_the_way_has_as_many_copies_as_the_path_says(path: str) -> None:
    way = way_of(path)
    said = re.match(r"\w+", receive.path_named(path).copies)
    assert said and len(way.copies) == NUMBERS[said[0]]
    assert way.places[-1].name == "numbers" and all(each.by for each in way.places[1:])
    copied = [name for name, places in way.crossings.items() for p in places if p.how == "copy"]
    assert len(copied) == len(way.copies) and not set(copied) & set(way.zero_copy)


def test_at_which_border_nothing_is_copied() -> None:
    assert way_of("packet.ring_v2").zero_copy == ("kernel → you",)
    assert way_of("udp.recv").zero_copy == ("inside the kernel",)
    assert way_of("udp.recv_into").zero_copy == (BOUNDARIES[1], BOUNDARIES[3])
    told = repr(boundaries(["packet.ring_v2", "xdp.zerocopy"])).splitlines()
    assert told[2:] == [
        "packet.ring_v2 · written by the card · ▨ copied · ▬ the same bytes · –",
        "xdp.zerocopy · written by the card · – · ▬ the same bytes · –",
    ]


@pytest.mark.parametrize("paths", [("udp.recv",), tuple(WAYS)])
def test_the_picture_has_a_hatched_arrow_and_box_for_each_copy(paths: tuple[str, ...]) -> None:
    shown = ways(*paths)
    drawings = re.findall(r"<svg.*?</svg>", shown.html, re.DOTALL)
    copies = sum(len(way_of(path).copies) for path in paths)
    assert len(drawings) == 2, "for a wide page, and for a narrow one"
    for drawing in drawings:
        ET.fromstring(drawing)
        assert drawing.count("class='hatch'") == 2 * copies + 1  # one in the legend
        for path in paths:
            assert path in drawing and way_of(path).told.split(";")[0] in repr(shown)
    assert all(way_of(path).words in repr(shown) for path in paths)
    assert "Only this." in repr(ways(*paths, sentence="Only this."))


def test_what_is_documented_is_not_called_measured() -> None:
    guess = predict(HOSTILE)
    assert repr(as_documented(guess, "1 copy", "Why.")).splitlines()[1:] == [
        "By the documentation of the kernel: 1 copy.", "Why."]  # fmt: skip
    guess.value = 3
    shown = as_documented(guess, "1 copy", "Why.")
    assert "You predicted 3. By the documentation" in repr(shown)
    assert "<script" not in shown.html and "easured" not in repr(shown)


# --- what is permitted


def test_refusals_are_told_once_with_their_paths() -> None:
    found = [
        {"name": "a", "available": True, "errno": None, "remedy": None},
        {"name": "b", "available": False, "errno": "EPERM", "remedy": "be root"},
        {"name": "c", "available": False, "errno": "EPERM", "remedy": "be root"},
    ]
    lines = repr(permits(found)).splitlines()
    assert lines[2:] == ["a · yes · –", "b · no · EPERM", "c · no · EPERM", "b, c: be root."]
    assert repr(permits(found[:1])).endswith("Everything is permitted here.")


def test_an_answer_of_the_system_is_explained() -> None:
    for code, words in (
        (errno.EPERM, "you are not allowed to"), (errno.EOPNOTSUPP, "nobody here can do it"),
        (errno.ENODEV, "nobody here can do it"),
    ):  # fmt: skip
        error = OSError(code, HOSTILE)
        assert answer_in_words(error) == words
        shown = refusal("xdp.zerocopy", error)
        assert f"error {code} of the system" in repr(shown) and "<script" not in shown.html
    assert answer_in_words(None) == "permitted"
    assert "permitted" in repr(refusal("udp.recv", refused("udp.recv")))


def test_zero_copy_on_loopback_is_refused_by_the_system() -> None:
    error = refused("xdp.zerocopy")
    assert error is not None and error.errno
    assert refused("udp.recv_into", **HERE) is None


# --- in lots


def permitted(paths: tuple[str, ...]) -> list[str]:
    return [path for path in paths if not refused(path, **HERE)]


@pytest.mark.parametrize("path", [path for path in WAYS if path != "replay"])
def test_what_is_sent_arrives_byte_for_byte(path: str, feed: Any) -> None:
    if why := refused(path, **HERE):
        pytest.skip(f"{path} is refused here: {why}")
    payloads = []
    with receive.open(path, **HERE) as receiver, Post(feed, receiver, 3 * LOT) as post:
        for batch in post.batches():
            payloads += [bytes(batch[number]) for number in range(len(batch))]
        assert post.received == post.sent == len(payloads) == 3 * LOT
        assert post.lots == 3
    messages = [int.from_bytes(each[18:20], "big") for each in payloads]
    assert sum(messages) > LOT and payloads[0][10:18] == (1).to_bytes(8, "big")


@pytest.mark.parametrize("file", ["feed.pcap", "feed.itch"])
def test_the_digest_is_of_what_is_sent(file: str) -> None:
    from hashlib import blake2b

    seen = blake2b()
    with zcviz.open(DATA / file) as opened:
        with receive.open("udp.recv_into", **HERE) as receiver, Post(opened, receiver) as post:
            for batch in post.batches():
                for datagram in batch:
                    seen.update(datagram)
        assert seen.digest() == digest_of(opened)


def test_what_does_not_arrive_is_told(feed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zcviz.lessons.lots._PATIENCE", 0.05)
    with receive.open("udp.recv_into", **HERE) as receiver, Post(feed, receiver) as post:
        post.send(3)
        assert len(receiver.receive(5.0) or ()) > 0  # somebody else took them
        with pytest.raises(TimeoutError, match="did not arrive"):
            list(post.batches())


# --- counts and costs


def test_counts_do_not_depend_on_the_clock(feed: Any) -> None:
    rows = [counted(feed, path) for path in permitted((*EVERYWHERE, "udp.recvmmsg"))]
    by_path = {row.path: row for row in rows}
    recv, into = by_path["udp.recv"], by_path["udp.recv_into"]
    assert recv.calls is not None and into.calls is not None and recv.calls >= 1 <= into.calls
    if recv.blocks is not None and into.blocks is not None and into.nbytes is not None:
        assert recv.blocks > into.blocks + 0.9 and (recv.nbytes or 0) > 65_535 > 100 * into.nbytes
    if many := by_path.get("udp.recvmmsg"):
        assert many.calls is not None and many.calls < 0.1
    unseen = Counted("asyncio", None, None, None)
    assert repr(counted_table([unseen])).splitlines()[2] == (
        "asyncio · not counted · not counted · not counted · ▨ 2"
    )


def test_costs_are_measured_in_turns(feed: Any) -> None:
    costs = costs_of(feed, ["udp.recv", "udp.recv_into"], rounds=2)
    assert [len(each.values) for each in costs.receiving.values()] == [2, 2]
    assert all(value > 0 for each in costs.sending.values() for value in each.values)
    assert repr(costs).startswith("Processor time to receive") and costs._repr_html_()


def fixed(**values: tuple[float, ...]) -> Costs:
    samples = {name: Sample(name, each) for name, each in values.items()}
    return Costs(samples, samples)


def test_a_ratio_is_told_only_where_rounds_agree() -> None:
    costs = fixed(a=(2.0, 4.0, 6.0), b=(1.0, 2.0, 2.0), c=(3.0, 3.0, 3.0))
    assert costs.ratio("a", "b") == 2
    assert costs.told("a", "b") == "a takes 2.0 times as much as b (from 2.0 to 3.0, in 3 rounds)."
    assert costs.told("b", "a") == costs.told("a", "b"), "the dearer one comes first"
    assert costs.told("a", "c").startswith("a took more than c in 2 of 3 rounds, and less in")
    assert not costs.noisy and "Too noisy" not in costs.sentence
    restless = fixed(a=(1.0, 9.0, 1.0, 9.0), b=(1.0, 1.0, 1.0, 1.0))
    assert restless.noisy == ("a",) and "Too noisy, run it again: a." in restless.sentence


# --- exercises


def filled(sock: Any, slots: Any, sizes: Any) -> int:
    for number, slot in enumerate(slots):
        sizes[number] = sock.recv_into(slot)
    return len(slots)


def filled_by_recv(sock: Any, slots: Any, sizes: Any) -> int:
    for number, slot in enumerate(slots):
        data = sock.recv(2048)
        sizes[number], slot[: len(data)] = len(data), data
    return len(slots)


def filled_in_slices(sock: Any, slots: Any, sizes: Any) -> int:
    for number, slot in enumerate(slots):
        sizes[number] = sock.recv_into(slot[0:])
    return len(slots)


def greatest(kept: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def longest(batches: Any) -> Any:
        best = b""
        for batch in batches:
            for view in batch:
                if len(view) > len(best):
                    best = kept(view)
        return best

    return longest


def copies_batches(batches: Any) -> Any:
    return max((view for batch in batches for view in batch.copy()), key=len)


ANSWERS: dict[str, dict[str, list[Any]]] = {
    "fill": {
        "right": [filled],
        "wrong": [filled_by_recv, filled_in_slices, lambda *given: 0, lambda *given: None, 7],
    },
    "longest": {
        "right": [greatest(bytes), greatest(bytearray), lambda batches: max(
            (bytes(view) for batch in batches for view in batch), key=len)],
        "wrong": [greatest(lambda view: view), copies_batches, lambda batches: next(batches)[0],
                  lambda batches: bytes(next(batches)[0]), lambda batches: 7],
    },
    "lean": {
        "right": [lambda host: receive.open("udp.recvmmsg", host=host)],
        "wrong": [
            lambda host: receive.open("udp.recv", host=host),
            lambda host: receive.open("udp.recvmmsg", host=host, slots=1),
            lambda host: receive.open("asyncio", host=host),
            lambda host: receive.open("replay", file=DATA / "feed.pcap"),
            lambda host: receive.open("nothing", host=host),
            lambda host: host,
        ],
    },
}  # fmt: skip


@pytest.mark.parametrize("file", ["feed.pcap", "feed.itch"])
@pytest.mark.parametrize("name", ANSWERS)
def test_answers(name: str, file: str) -> None:
    if name == "lean" and (why := refused("udp.recvmmsg")):
        pytest.skip(f"no path with few calls: {why}")
    if name == "fill":
        with exact() as seen:
            pass
        if seen.reason:
            pytest.skip(f"allocations are not counted: {seen.reason}")
    judges(name, file, ANSWERS[name])
