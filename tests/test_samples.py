"""The synthetic session, replayed message by message with the obvious decoder and dictionaries."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from zcviz import samples
from zcviz.codec import reference
from zcviz.errors import SpecError, ZcvizError
from zcviz.protocols.itch50 import ITCH50
from zcviz.samples import nasdaq
from zcviz.samples.packets import packets_of

ROOT = Path(__file__).parent.parent
HOUR = 3600 * 10**9
MESSAGES = 20_000
SMALL = {"messages": 2000, "seed": 7}
SMALL_SHA256 = (
    "46a7b2656f340b7d63fd8ea4f4b6674901cf1c1fc554ab81852647138c7eb7d5",
    "5bb27bcebef73830901ee8ecb96be359e0afa3b28003728bbc6e11163f84a56f",
)

Fields = dict[str, Any]


def of_binaryfile(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 2], "big")
        yield data[at + 2 : at + 2 + size]
        at += 2 + size
    assert at == len(data)


class Packet:
    """A capture record taken apart with nothing but the documents at hand."""

    def __init__(self, record: bytes, frame: bytes) -> None:
        seconds, fraction, self.captured, self.original = (
            int.from_bytes(record[at : at + 4], "little") for at in (0, 4, 8, 12)
        )
        self.time = seconds * 10**9 + fraction
        self.group_mac, self.types = frame[:6], (frame[12:14], frame[16:18])
        self.ip, udp = frame[18:38], frame[38:46]
        self.udp_length = int.from_bytes(udp[4:6], "big")
        payload = frame[46:]
        self.size = len(payload)
        self.session = payload[:10]
        self.sequence = int.from_bytes(payload[10:18], "big")
        self.count = int.from_bytes(payload[18:20], "big")
        self.messages = list(of_binaryfile(payload[20:]))


def of_capture(data: bytes) -> Iterator[Packet]:
    assert data[:4] == b"\x4d\x3c\xb2\xa1"  # little-endian, nanoseconds
    assert int.from_bytes(data[20:24], "little") == 1  # Ethernet
    at = 24
    while at < len(data):
        size = int.from_bytes(data[at + 8 : at + 12], "little")
        yield Packet(data[at : at + 16], data[at + 16 : at + 16 + size])
        at += 16 + size
    assert at == len(data)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return samples.make(tmp_path_factory.mktemp("session"), MESSAGES)


@pytest.fixture(scope="module")
def messages(files: tuple[Path, Path]) -> list[bytes]:
    return list(of_binaryfile(files[0].read_bytes()))


@pytest.fixture(scope="module")
def packets(files: tuple[Path, Path]) -> list[Packet]:
    return list(of_capture(files[1].read_bytes()))


# --- the market ----------------------------------------------------------------------------------


class Replay:
    """Books as dictionaries, and everything that must hold at each message."""

    def __init__(self) -> None:
        self.live: dict[int, Fields] = {}
        self.sides: dict[tuple[int, bytes], dict[int, Fields]] = {}
        self.stocks: dict[int, bytes] = {}
        self.state: dict[int, bytes] = {}
        self.trades: dict[int, int] = {}
        self.cross: Fields = {}
        self.order_reference = self.match = self.clock = 0
        self.seen: Counter[bytes] = Counter()
        self.events: list[tuple[bytes, float]] = []
        self.unprinted = 0

    def play(self, message: bytes) -> None:
        tag = message[:1]
        fields: Fields = reference(ITCH50[tag], message)
        assert len(message) == ITCH50[tag].size
        assert fields["timestamp"] >= self.clock
        self.clock = fields["timestamp"]
        locate = fields["stock_locate"]
        if tag == b"R":
            assert locate not in self.stocks
            self.stocks[locate] = fields["stock"]
        elif "stock" in fields:
            expected = 0 if tag == b"K" else locate
            assert locate == expected
            if tag != b"K":
                assert self.stocks[locate] == fields["stock"]
        else:
            assert (locate == 0) == (tag in b"SVW")
        self.seen[tag] += 1
        handler = getattr(self, f"on_{tag.decode()}", None)
        if handler:
            handler(fields, locate)

    def side(self, locate: int, side: bytes) -> dict[int, Fields]:
        return self.sides.setdefault((locate, side), {})

    def best(self, locate: int, side: bytes) -> int | None:
        prices = [order["price"] for order in self.side(locate, side).values()]
        return (max if side == b"B" else min)(prices, default=None)

    def enter(self, number: int, locate: int, side: bytes, shares: int, price: int) -> None:
        assert number > self.order_reference
        assert shares > 0
        assert price > 0
        assert price % 100 == 0
        assert self.state[locate] != b"H"  # not yet open for quotations
        self.order_reference = number
        order = {"locate": locate, "side": side, "shares": shares, "price": price}
        self.live[number] = self.side(locate, side)[number] = order
        bid, ask = self.best(locate, b"B"), self.best(locate, b"S")
        assert bid is None or ask is None or bid < ask

    def take(self, number: int, locate: int, shares: int | None = None) -> Fields:
        order = self.live[number]
        assert order["locate"] == locate
        shares = order["shares"] if shares is None else shares
        assert 0 < shares <= order["shares"]
        order["shares"] -= shares
        if not order["shares"]:
            del self.live[number], self.side(locate, order["side"])[number]
        return order

    def trade(self, fields: Fields, locate: int) -> None:
        assert fields["match_number"] > self.match
        self.match = fields["match_number"]
        self.trades[self.match] = locate

    def on_S(self, fields: Fields, locate: int) -> None:
        self.events.append((fields["event_code"], fields["timestamp"] / HOUR))

    def on_H(self, fields: Fields, locate: int) -> None:
        self.state[locate] = fields["trading_state"]

    def on_A(self, fields: Fields, locate: int) -> None:
        side = fields["buy_sell_indicator"]
        self.enter(
            fields["order_reference_number"], locate, side, fields["shares"], fields["price"]
        )

    on_F = on_A

    def on_D(self, fields: Fields, locate: int) -> None:
        self.take(fields["order_reference_number"], locate)

    def on_X(self, fields: Fields, locate: int) -> None:
        self.take(fields["order_reference_number"], locate, fields["cancelled_shares"])
        assert fields["order_reference_number"] in self.live  # a part, not the whole

    def on_U(self, fields: Fields, locate: int) -> None:
        order = self.take(fields["original_order_reference_number"], locate)
        number, shares = fields["new_order_reference_number"], fields["shares"]
        self.enter(number, locate, order["side"], shares, fields["price"])

    def on_E(self, fields: Fields, locate: int) -> None:
        assert self.state[locate] == b"T"
        number = fields["order_reference_number"]
        side = self.side(locate, self.live[number]["side"])
        best = self.best(locate, self.live[number]["side"])
        assert number == min(n for n, order in side.items() if order["price"] == best)
        self.take(number, locate, fields["executed_shares"])
        self.trade(fields, locate)

    def on_C(self, fields: Fields, locate: int) -> None:
        order = self.live[fields["order_reference_number"]]
        price = fields["execution_price"]
        if fields["printable"] == b"Y":
            assert self.best(locate, b"B") < price < self.best(locate, b"S")
        else:
            assert fields["printable"] == b"N"
            self.unprinted += 1
            assert self.cross["stock_locate"] == locate
            assert self.cross["cross_price"] == price == order["price"]
            assert self.cross["shares"] >= fields["executed_shares"]
        self.on_E(fields, locate)

    def on_P(self, fields: Fields, locate: int) -> None:
        assert self.state[locate] == b"T"
        assert (fields["order_reference_number"], fields["buy_sell_indicator"]) == (0, b"B")
        assert self.best(locate, b"B") <= fields["price"] <= self.best(locate, b"S")
        self.trade(fields, locate)

    def on_Q(self, fields: Fields, locate: int) -> None:
        assert fields["cross_type"] in b"OCH"
        bid, ask = self.best(locate, b"B"), self.best(locate, b"S")
        assert bid is None or bid <= fields["cross_price"]
        assert ask is None or bid is None or fields["cross_price"] < ask
        self.cross = fields
        self.trade(fields, locate)

    def on_B(self, fields: Fields, locate: int) -> None:
        assert self.trades.pop(fields["match_number"]) == locate


@pytest.fixture(scope="module")
def replay(messages: list[bytes]) -> Replay:
    replay = Replay()
    for number, message in enumerate(messages):
        try:
            replay.play(message)
        except (AssertionError, KeyError) as error:
            raise AssertionError(f"message {number}: {message!r}") from error
    return replay


def test_session_is_consistent(replay: Replay) -> None:
    assert sum(replay.seen.values()) == MESSAGES
    assert len(replay.live) > 100
    assert replay.unprinted >= 10


def test_all_types_in_a_realistic_mix(replay: Replay) -> None:
    assert set(replay.seen) == {message.tag for message in ITCH50}
    percent = {tag.decode(): 100 * n / MESSAGES for tag, n in replay.seen.items()}
    mix = {"A": 45, "D": 41, "U": 6, "E": 3, "F": 1.1, "X": 0.5, "P": 0.7, "I": 0.5}
    assert {tag: percent[tag] for tag in mix} == pytest.approx(mix, rel=0.25)
    assert 0.05 < percent["C"] < 0.4


def test_system_events(replay: Replay) -> None:
    codes, hours = zip(*replay.events, strict=True)
    assert b"".join(codes) == b"OSQMEC"
    assert hours == pytest.approx((3, 4, 9.5, 16, 20, 20.08), abs=0.01)


def test_day_is_busy_at_both_ends(messages: list[bytes]) -> None:
    hours = Counter(int.from_bytes(m[5:11], "big") // (HOUR // 2) for m in messages)
    assert hours[19] > 2 * hours[25] < 2 * hours[31] < 2 * MESSAGES
    assert min(hours) == 6
    assert max(hours) == 40


def test_activity_is_concentrated(replay: Replay, messages: list[bytes]) -> None:
    locates = Counter(int.from_bytes(m[1:3], "big") for m in messages if m[:1] in b"AFEUDXP")
    assert len(replay.stocks) == len(set(replay.stocks.values())) == MESSAGES // 256
    assert all(re.fullmatch(rb"Z[A-Z]{4,5} +", stock) for stock in replay.stocks.values())
    (busiest, most), *_, (_, least) = locates.most_common()
    assert replay.stocks[busiest] == b"ZCVIZ   "
    assert most > 20 * least


def test_prices_wander(messages: list[bytes], replay: Replay) -> None:
    head = next(n for n, stock in replay.stocks.items() if stock == b"ZCVIZ   ")
    adds = (reference(ITCH50["A"], m) for m in messages if m[:1] == b"A")
    prices = [int(add["price"]) for add in adds if add["stock_locate"] == head]
    spread = max(prices) - min(prices)
    assert 0.001 < spread / prices[0] < 0.5


# --- the packets ---------------------------------------------------------------------------------


def test_both_files_hold_the_same_messages(messages: list[bytes], packets: list[Packet]) -> None:
    assert [message for packet in packets for message in packet.messages] == messages


def test_sequence_heartbeats_and_end(packets: list[Packet]) -> None:
    expected = 1
    for packet in packets:
        assert packet.session == b"ZCVIZ00001"
        assert packet.sequence == expected
        expected += len(packet.messages)
        assert packet.count == len(packet.messages) or packet.count == 0xFFFF
    ends = [packet for packet in packets if packet.count == 0xFFFF]
    assert ends == packets[-3:]
    assert expected == MESSAGES + 1
    assert sum(not packet.count for packet in packets) > 20


def test_heartbeats_fill_silences(packets: list[Packet]) -> None:
    minute = 60 * 10**9
    for before, packet in pairwise(packets):
        assert 0 <= packet.time - before.time <= minute
        if not packet.count:
            assert packet.time - before.time == minute


def test_packets_are_well_formed(packets: list[Packet]) -> None:
    for packet in packets:
        assert packet.captured == packet.original == 18 + 28 + packet.size
        assert packet.group_mac == bytes.fromhex("01005e") + bytes([124, 0, 1])
        assert packet.types == (b"\x81\x00", b"\x08\x00")
        words = [int.from_bytes(packet.ip[at : at + 2], "big") for at in range(0, 20, 2)]
        total = sum(words)
        assert (total & 0xFFFF) + (total >> 16) == 0xFFFF  # RFC 791: the sum with its checksum
        assert words[1] == 28 + packet.size
        assert packet.ip[16:] == bytes([233, 252, 0, 1])
        assert packet.udp_length == 8 + packet.size <= 1500 - 20
    assert max(len(packet.messages) for packet in packets) > 10
    filled = sum(bool(packet.messages) for packet in packets)
    assert MESSAGES / filled > 3


def test_packets_are_sent_after_their_messages(packets: list[Packet]) -> None:
    midnight = 1_767_416_400 * 10**9
    for packet in packets:
        for message in packet.messages:
            waited = packet.time - midnight - int.from_bytes(message[5:11], "big")
            assert 0 < waited < 25_000


def test_a_burst_at_one_instant_fills_packets() -> None:
    packets = packets_of(np.full(100, HOUR), np.full(100, 38), 1, HOUR)
    assert packets.blocks.tolist() == [36, 36, 28]
    assert packets.sequence.tolist() == [1, 37, 73]
    assert packets.size.sum() == 3800


# --- the same bytes everywhere -------------------------------------------------------------------


def test_bytes_are_pinned(tmp_path: Path) -> None:
    paths = samples.make(tmp_path, **SMALL)
    assert tuple(map(sha256, paths)) == SMALL_SHA256


def test_plain_twin_makes_the_same_bytes(tmp_path: Path) -> None:
    code = f"from zcviz import samples; samples.make({str(tmp_path)!r}, **{SMALL})"
    environment = os.environ | {"ZCVIZ_NO_NUMBA": "1", "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    assert (sha256(tmp_path / "feed.itch"), sha256(tmp_path / "feed.pcap")) == SMALL_SHA256


def test_seed_and_length_change_the_bytes(tmp_path: Path) -> None:
    made = [
        sha256(samples.make(tmp_path / f"{seed}-{messages}", messages, seed)[0])
        for seed, messages in ((7, 2000), (7, 2001), (8, 2000))
    ]
    assert len(set(made)) == 3


@pytest.mark.parametrize("messages", [samples.SMALLEST, samples.SMALLEST + 1, 517])
def test_short_sessions_hold_all_types(tmp_path: Path, messages: int) -> None:
    replay = Replay()
    path, _ = samples.make(tmp_path, messages, seed=3)
    for message in of_binaryfile(path.read_bytes()):
        replay.play(message)
    assert sum(replay.seen.values()) == messages
    assert len(replay.seen) == len(ITCH50)


def test_spans_join(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nasdaq, "SPAN", 1000)
    seen: list[tuple[int, int]] = []
    paths = samples.make(tmp_path, 3500, progress=lambda done, total: seen.append((done, total)))
    replay = Replay()
    for message in of_binaryfile(paths[0].read_bytes()):
        replay.play(message)
    assert seen == [(1000, 3500), (2000, 3500), (3000, 3500), (3500, 3500)]
    test_sequence = [packet.sequence for packet in of_capture(paths[1].read_bytes())]
    assert test_sequence == sorted(test_sequence)
    assert test_sequence[-1] == 3501


def test_too_short(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=f"at least {samples.SMALLEST} messages, not 12"):
        samples.make(tmp_path, 12)
    with pytest.raises(ZcvizError, match="seed"):
        samples.make(tmp_path, seed=-1)
    assert not list(tmp_path.iterdir())


def test_interruption_leaves_the_old_files(tmp_path: Path) -> None:
    before = [sha256(path) for path in samples.make(tmp_path, 200)]

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        samples.make(tmp_path, 300, progress=interrupt)
    assert [sha256(path) for path in sorted(tmp_path.iterdir())] == before


# --- data/ ---------------------------------------------------------------------------------------


def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_data", ROOT / "tools" / "make_data.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_data_is_reproducible(tmp_path: Path) -> None:
    tool().make(tmp_path)
    for path in sorted(tmp_path.iterdir()):
        assert path.read_bytes() == (ROOT / "data" / path.name).read_bytes(), path.name
    assert {path.name for path in (ROOT / "data").iterdir()} == {
        "README.md",
        "feed.itch",
        "feed.pcap",
    }


def test_data_is_as_its_readme_says() -> None:
    readme = (ROOT / "data" / "README.md").read_text()
    for path in (ROOT / "data").glob("feed.*"):
        assert sha256(path) in readme
        assert f"{path.stat().st_size:,}" in readme
        assert path.stat().st_size < 2_500_000
    counts = Counter(m[:1].decode() for m in of_binaryfile((ROOT / "data/feed.itch").read_bytes()))
    rows = re.findall(r"^\| `(\w)` \| \w+ \| +([\d,]+) \|$", readme, re.MULTILINE)
    assert {tag: int(n.replace(",", "")) for tag, n in rows} == counts
