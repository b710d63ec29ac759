"""One packet, layer by layer: every byte belongs to the layer that the document gives it."""

from __future__ import annotations

import pytest

import zcviz
from tests import helpers
from tests.helpers import add, day, frames, mold, packet, pcap
from zcviz.dissection import dissect
from zcviz.errors import SelectionError

MESSAGES = day()[:3]


def layers_of(content, message=0):
    with zcviz.open(content) as feed:
        made = dissect(feed, message)
        layers = [(layer.name, at) for layer, at in made.layers]
        data, offset = bytes(made.view), made.offset
        assert zcviz.shares_memory(made.view, feed.data)
        assert content[offset : offset + len(data)] == data
        del made
    return layers, data


@pytest.mark.parametrize("message", [0, 1, 2])
def test_a_packet_layer_by_layer(message):
    layers, data = layers_of(pcap(packet(mold(1)), packet(mold(1, *MESSAGES))), message)
    mold_at = 16 + 14 + 20 + 8
    assert layers == [
        ("pcap_record", 0), ("ethernet", 16), ("ipv4", 30), ("udp", 50), ("moldudp64", mold_at),
        ("moldudp64_block", mold_at + 20), ("system_event", mold_at + 22),
        ("moldudp64_block", mold_at + 34), ("stock_directory", mold_at + 36),
        ("moldudp64_block", mold_at + 75), ("stock_directory", mold_at + 77),
    ]  # fmt: skip
    assert data[16:] == packet(mold(1, *MESSAGES))


def test_tags_and_options_push_the_rest_along():
    datagram = mold(1, add())
    frame = helpers.ethernet(
        helpers.ipv4(helpers.udp(datagram), options=bytes(8)),
        vlans=((0x88A8, 1), (0x8100, 2)),
    )
    layers, data = layers_of(pcap(frame))
    assert layers[:7] == [
        ("pcap_record", 0), ("ethernet", 16), ("vlan_tag", 30), ("vlan_tag", 34), ("ipv4", 38),
        ("udp", 66), ("moldudp64", 74),
    ]  # fmt: skip
    assert data[74:] == datagram


def test_an_unknown_type_has_no_layer_of_its_own():
    layers, _ = layers_of(pcap(packet(mold(1, helpers.UNKNOWN, add()))), 0)
    assert [name for name, _ in layers[-3:]] == ["moldudp64_block", "moldudp64_block", "add_order"]


def test_blocks_that_are_no_message_have_their_length_only():
    datagram = mold(1, b"", helpers.WRONG_LENGTH, add())
    layers, _ = layers_of(pcap(packet(datagram)))
    start = 16 + 14 + 20 + 8 + 20
    assert layers[5:] == [
        ("moldudp64_block", start), ("moldudp64_block", start + 2),
        ("moldudp64_block", start + 34), ("add_order", start + 36),
    ]  # fmt: skip


def test_a_packet_that_was_cut_shows_what_there_is():
    whole = packet(mold(1, *MESSAGES))
    layers, data = layers_of(pcap((whole[:-5], len(whole))))
    assert data[16:] == whole[:-5]
    assert [name for name, _ in layers].count("stock_directory") == 1


def test_in_a_binaryfile_a_message_stands_alone_with_its_length():
    content = frames(*day())
    for number, message in enumerate(day()):
        layers, data = layers_of(content, number)
        assert data == helpers.frame(message)
        assert [at for _, at in layers] == [0, 2]
        assert layers[0][0] == "binaryfile_frame"


@pytest.mark.parametrize("message", [-1, 14, 10**6])
def test_there_is_no_such_message(message):
    with zcviz.open(frames(*day())) as feed, pytest.raises(SelectionError, match="of 14"):
        dissect(feed, message)


def test_every_message_of_every_packet_can_be_taken_apart():
    content = helpers.small_pcap()
    with zcviz.open(content) as feed:
        for number in range(len(feed)):
            made = dissect(feed, number)
            at = int(feed.index.offsets[number]) - made.offset
            tag = bytes([feed.index.tags[number]])
            if tag in feed.protocol:
                assert (feed.protocol[tag], at) in made.layers
            places = [place for _, place in made.layers]
            assert places == sorted(places)
            del made
