"""One packet, layer by layer: which bytes belong to which header, block and message."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .cutting import Cutter
from .errors import SelectionError
from .feed import Feed
from .framing import tag_reader
from .links import link_header
from .protocols import ethernet, ipv4, ipv6, udp
from .records import Records, open_records
from .spec import Message

__all__ = ["Dissection", "dissect"]


@dataclass(frozen=True)
class Dissection:
    """A packet and what its bytes are.

    Attributes
    ----------
    view : memoryview
        The captured frame with its capture record header before it; in a BinaryFILE, messages
        and their lengths.
    offset : int [bytes]
        Where the view begins in the feed.
    layers : tuple of (Message, int)
        Each header, block length and message, and where in the view it starts.
    has_packet : bool
        Whether there is a packet around the message.

    Notes
    -----
    Memory: view of the feed, keeps it from being closed.
    """

    view: memoryview
    offset: int
    layers: tuple[tuple[Message, int], ...]
    has_packet: bool = True

    @property
    def frame(self) -> memoryview | None:
        """The frame as it was on the wire, without its capture record; None in a BinaryFILE."""
        if not self.has_packet:
            return None
        (_, start), *_ = self.layers[1:]
        return self.view[start:]


def dissect(feed: Feed, message: int) -> Dissection:
    """Take apart the packet that brought a message.

    Parameters
    ----------
    feed : Feed
    message : int
        Position in ``feed.index``. In a BinaryFILE the message stands alone, with its length.

    Returns
    -------
    Dissection

    Raises
    ------
    SelectionError
        There is no such message.
    """
    if not 0 <= message < len(feed):
        raise SelectionError(f"message {message} of {len(feed)}")
    if feed.index.datagrams is None:
        return _dissect_frame(feed, message)
    return _dissect_packet(feed, int(feed.index.datagrams.of_messages(message)))


def _dissect_frame(feed: Feed, message: int) -> Dissection:
    index, prefix = feed.index, feed.capture.framing.prefix
    assert prefix is not None
    at, size = int(index.offsets[message]), int(index.sizes[message])
    start = at - prefix.size
    layers = ((prefix, 0), *_message_layer(feed, at, start))
    return Dissection(feed.source.view[start : at + size], start, layers, has_packet=False)


def _dissect_packet(feed: Feed, datagram: int) -> Dissection:
    datagrams = feed.index.datagrams
    assert datagrams is not None
    payload, size = int(datagrams.offsets[datagram]), int(datagrams.sizes[datagram])
    record = payload - int(datagrams.before_record[datagram])
    ip = payload - int(datagrams.before_ip[datagram])
    records, packet, end, link = _find_packet(feed, record)
    view = feed.source.view
    places = [
        (records.header_of(record), record),
        *_link_layers(packet, link, ip),
        *_ip_layers(view, ip, payload - udp.HEADER.size),
        (udp.HEADER, payload - udp.HEADER.size),
    ]
    layers = [(message, at - record) for message, at in places]
    cutter = Cutter(feed.capture.framing, feed.protocol)
    assert cutter.framing.header is not None
    layers.append((cutter.framing.header, payload - record))
    known = set(feed.index.offsets[_messages_of(feed, datagram)].tolist())
    for start, _ in cutter.blocks(view, payload, payload + size):
        if cutter.framing.prefix is not None:
            layers.append((cutter.framing.prefix, start - cutter.prefix - record))
        if start in known:  # not empty, nor of a length that contradicts its type
            layers += _message_layer(feed, start, record)
    return Dissection(view[record:end], record, tuple(layers))


def _find_packet(feed: Feed, record: int) -> tuple[Records, int, int, int]:
    # By another scan: what a record of pcapng means, blocks before it say.
    records = open_records(feed.source)
    assert records is not None
    packets = np.empty((1 << 12, 5), np.int64)
    while records.position <= record:
        found = packets[: records.scan(packets)]
    _, start, end, link, _ = found[np.searchsorted(found[:, 0], record)].tolist()
    return records, start, end, link


def _link_layers(packet: int, link: int, ip: int) -> Iterator[tuple[Message, int]]:
    header = link_header(link)
    if header is not None:
        yield header, packet
        packet += header.size
    for tag in range(packet, ip, ethernet.VLAN.size):
        yield ethernet.VLAN, tag


def _messages_of(feed: Feed, datagram: int) -> slice:
    firsts = feed.index.datagrams.firsts  # type: ignore[union-attr]
    after = int(firsts[datagram + 1]) if datagram + 1 < len(firsts) else len(feed)
    return slice(int(firsts[datagram]), after)


def _ip_layers(view: memoryview, ip: int, stop: int) -> Iterator[tuple[Message, int]]:
    if view[ip] >> 4 == 4:
        yield ipv4.HEADER, ip
        return
    yield ipv6.HEADER, ip
    kind, at = view[ip + ipv6.HEADER["next_header"].offset], ip + ipv6.HEADER.size
    while at < stop:
        yield ipv6.EXTENSION, at
        length = view[at + ipv6.EXTENSION["length"].offset]
        size = 4 * (length + 2) if kind == ipv6.AUTHENTICATION else 8 * (length + 1)
        kind, at = view[at], at + size


def _message_layer(feed: Feed, at: int, start: int) -> list[tuple[Message, int]]:
    tag = tag_reader(feed.protocol)(feed.source.view, at)
    return [(message, at - start) for message in feed.protocol if message.key == tag]
