"""Packets: the stream of a BinaryFILE cut into MoldUDP64 datagrams and captured.

Both forms put the same two bytes of length before a message, so a datagram's payload is a piece
of the stream as it is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..codec import encode
from ..kernels import jit
from ..protocols import ethernet, ipv4, moldudp64, pcap, udp
from .columns import Values, scatter

__all__ = ["Packets", "capture_header", "end_of_session", "frames", "packets_of"]

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]

SECOND = 10**9
NANOSECONDS = 0xA1B23C4D  # the magic that says so
# Midnight in New York of Saturday, 3 January 2026: no market was open, so nobody was recorded.
MIDNIGHT = 1_767_416_400
SESSION = b"ZCVIZ00001"
# Addresses set aside for documentation: RFC 7042 (MAC), RFC 5737 (sender), RFC 6676 (group).
SENDER_MAC, GROUP_MAC = bytes.fromhex("00005e005301"), bytes.fromhex("01005e7c0001")
SENDER, GROUP = bytes([192, 0, 2, 1]), bytes([233, 252, 0, 1])
VLAN, PORT = 100, 26400

FULL = 1400  # bytes of messages in a datagram
PATIENCE = 20_000  # ns that a message may wait for others
LATENCY = 800  # ns from the last message's timestamp to the capture
HEARTBEAT = 60 * SECOND  # after so long a silence
FAREWELLS = 3  # packets that end the session, a second apart

_PARTS = (
    pcap.RECORD_LITTLE,
    ethernet.HEADER,
    ethernet.VLAN,
    ipv4.HEADER,
    udp.HEADER,
    moldudp64.HEADER,
)
_ENDS = np.cumsum([part.size for part in _PARTS])
_BEFORE = int(_ENDS[-1])  # bytes before the messages of a packet


class Packets(NamedTuple):
    """Columns over the packets.

    Attributes
    ----------
    time : ndarray of int64 [ns since midnight]
    sequence, blocks : ndarray of int64
        As the MoldUDP64 header has them: the number of the first message, and how many.
    size : ndarray of int64 [bytes]
        Of the messages, lengths included.
    """

    time: Ints
    sequence: Ints
    blocks: Ints
    size: Ints


def packets_of(time: Ints, size: Ints, sequence: int, before: int) -> Packets:
    """Return the packets that carry messages, and the heartbeats in the silences between them.

    Parameters
    ----------
    time, size : ndarray of int64, shape (n_messages,)
        When each is sent, and its bytes, length included.
    sequence : int
        Number of the first message.
    before : int [ns since midnight]
        When the packet before these was captured.
    """
    starts = np.zeros(len(time), np.uint8)
    _cut(time, size, starts)
    first = np.flatnonzero(starts)
    last = np.append(first[1:], len(time)) - 1
    sent = time[last] + LATENCY
    earlier = np.append(before, sent[:-1])
    beats = np.maximum(sent - earlier - 1, 0) // HEARTBEAT
    which = np.repeat(np.arange(len(first)), beats + 1)
    beat = np.arange(len(which)) - np.repeat(np.cumsum(beats + 1) - beats - 1, beats + 1)
    full = beat == beats[which]
    return Packets(
        time=np.where(full, sent[which], earlier[which] + (beat + 1) * HEARTBEAT),
        sequence=sequence + first[which],
        blocks=np.where(full, (last - first + 1)[which], moldudp64.HEARTBEAT),
        size=np.where(full, np.add.reduceat(size, first)[which], 0),
    )


def end_of_session(sequence: int, after: int) -> Packets:
    """Return the packets that end the session; `sequence` is the number that will not come."""
    time = after + SECOND * np.arange(1, FAREWELLS + 1)
    filled = [np.full(FAREWELLS, value) for value in (sequence, moldudp64.END_OF_SESSION, 0)]
    return Packets(time, *filled)


def capture_header() -> bytes:
    """Return the start of a little-endian capture file with nanoseconds."""
    return encode(
        pcap.FILE_LITTLE,
        magic=NANOSECONDS,
        version_major=2,
        version_minor=4,
        reserved1=0,
        reserved2=0,
        snap_length=65535,
        link_type=1,
    )


def frames(packets: Packets, number: int, stream: Bytes) -> Bytes:
    """Return capture records of the packets.

    Parameters
    ----------
    packets : Packets
    number : int
        How many packets went before.
    stream : ndarray of uint8, shape (n_bytes,)
        The bytes of their messages.
    """
    starts = np.cumsum(packets.size + _BEFORE) - packets.size - _BEFORE
    out = np.empty(len(stream) + _BEFORE * len(starts), np.uint8)
    for part, end, values in zip(_PARTS, _ENDS, _headers(packets, number), strict=True):
        scatter(out, starts + (end - part.size), part, values)
    _splice(out, starts + _BEFORE, packets.size, stream)
    return out


@jit
def _cut(time: Ints, size: Ints, starts: Bytes) -> None:
    deadline, room = -1, 0
    for i in range(len(time)):
        if time[i] > deadline or size[i] > room:
            starts[i] = 1
            deadline, room = time[i] + PATIENCE, FULL
        room -= size[i]


@jit
def _splice(out: Bytes, starts: Ints, size: Ints, stream: Bytes) -> None:
    at = 0
    for i in range(len(starts)):
        for j in range(size[i]):
            out[starts[i] + j] = stream[at + j]
        at += size[i]


def _headers(packets: Packets, number: int) -> list[Values]:
    # What each part says, outermost first.
    n = len(packets.time)
    bytes_of = {
        part: packets.size + _BEFORE - end + part.size
        for part, end in zip(_PARTS, _ENDS, strict=True)
    }
    captured = bytes_of[ethernet.HEADER]
    return [
        {
            "seconds": MIDNIGHT + packets.time // SECOND,
            "fraction": packets.time % SECOND,
            "captured_length": captured,
            "original_length": captured,
        },
        {"destination": GROUP_MAC, "source": SENDER_MAC, "ethertype": ethernet.VLAN_TYPES[0]},
        {"control": VLAN, "ethertype": ethernet.IPV4},
        _internet(bytes_of[ipv4.HEADER], (number + np.arange(n)) & 0xFFFF),
        {
            "source_port": PORT,
            "destination_port": PORT,
            "length": bytes_of[udp.HEADER],
            "checksum": 0,
        },
        {"session": SESSION, "sequence": packets.sequence, "count": packets.blocks},
    ]


def _internet(length: Ints, identification: Ints) -> Values:
    fixed: dict[str, int | bytes] = {
        "version_ihl": 0x45,
        "type_of_service": 0,
        "flags_fragment": 0x4000,  # do not fragment
        "time_to_live": 16,
        "protocol": ipv4.UDP,
        "source": SENDER,
        "destination": GROUP,
    }
    blank = encode(ipv4.HEADER, total_length=0, identification=0, checksum=0, **fixed)
    total = int(np.frombuffer(blank, ">u2").sum()) + length + identification
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    varying = {"total_length": length, "identification": identification, "checksum": total ^ 0xFFFF}
    return {**fixed, **varying}
