"""One packet, layer by layer: which bytes belong to which header, block and message."""

from __future__ import annotations

from dataclasses import dataclass

from .codec.flyweight import reader
from .errors import SelectionError
from .feed import Feed
from .protocols import binaryfile, ethernet, ipv4, moldudp64, udp
from .spec import Message
from .walk import Bytes, Walker, block_bounds

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

    Notes
    -----
    Memory: view of the feed, keeps it from being closed.
    """

    view: memoryview
    offset: int
    layers: tuple[tuple[Message, int], ...]

    @property
    def frame(self) -> memoryview | None:
        """The frame as it was on the wire, without its capture record; None in a BinaryFILE."""
        places = [at for message, at in self.layers if message is ethernet.HEADER]
        return self.view[places[0] :] if places else None


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
    index, source = feed.index, feed.source.view
    at, size = int(index.offsets[message]), int(index.sizes[message])
    if index.numbers is None or index.datagrams is None:
        start = at - binaryfile.FRAME.size
        layers = [(binaryfile.FRAME, 0), *_message_layer(feed, source, at, start)]
        return Dissection(source[start : at + size], start, tuple(layers))
    start = int(index.datagrams.records[int(index.numbers[message])])
    record = feed.capture.record
    assert record is not None
    frame = start + record.size
    stop = frame + reader(record, "captured_length")(source, start)
    walker = Walker(feed.capture, copies=False)
    piece = source[frame:stop]
    walker.base = frame
    datagram = walker.datagram(piece)
    assert datagram is not None  # the index says that there is one
    layers = [(record, 0), *_headers(piece, record.size), (moldudp64.HEADER, walker.base - start)]
    base, messages = walker.base, set(walker.bounds(datagram))
    for low, high in block_bounds(datagram, 0, len(datagram)):
        layers.append((moldudp64.BLOCK, base + low - moldudp64.BLOCK.size - start))
        if (low, high) in messages:  # not empty, nor of a length that contradicts its type
            layers += _message_layer(feed, source, base + low, start)
    return Dissection(source[start:stop], start, tuple(layers))


def _headers(frame: Bytes, at: int) -> list[tuple[Message, int]]:
    ip, kind = ethernet.HEADER.size, reader(ethernet.HEADER, "ethertype")(frame, 0)
    layers = [(ethernet.HEADER, at)]
    while kind in ethernet.VLAN_TYPES:
        layers.append((ethernet.VLAN, at + ip))
        kind = reader(ethernet.VLAN, "ethertype")(frame, ip)
        ip += ethernet.VLAN.size
    words = reader(ipv4.HEADER, "version_ihl")(frame, ip) & 15
    return [*layers, (ipv4.HEADER, at + ip), (udp.HEADER, at + ip + words * 4)]


def _message_layer(
    feed: Feed, source: memoryview, at: int, start: int
) -> list[tuple[Message, int]]:
    tag = bytes(source[at : at + 1])
    return [(feed.protocol[tag], at - start)] if tag in feed.protocol else []
