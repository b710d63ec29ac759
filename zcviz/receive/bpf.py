"""Programs that choose packets before they reach us, and the system's calls to run them.

One list of what a packet has to hold is written out twice: in classic BPF for packet sockets, in
extended BPF for AF_XDP. Source: linux/filter.h, linux/bpf.h; RFC 9669 for the instructions.
"""

from __future__ import annotations

import ctypes
import errno
import ipaddress
import os
import platform
import socket
import struct
import sys

from ..protocols import ethernet, ipv4, udp
from .where import Where

__all__ = [
    "NOTHING",
    "attach_filter",
    "attach_program",
    "chooser",
    "create_map",
    "load_program",
    "put_socket",
    "redirector",
]

_IP, _IP_SIZE, _UDP_SIZE = ethernet.HEADER.size, ipv4.HEADER.size, udp.HEADER.size
_TYPE = ethernet.HEADER["ethertype"].offset
_FRAGMENT, _PROTOCOL, _SOURCE, _DESTINATION = (
    _IP + ipv4.HEADER[name].offset
    for name in ("flags_fragment", "protocol", "source", "destination")
)
_PORT = udp.HEADER["destination_port"].offset


def _wanted(where: Where) -> list[tuple[int, int, int, int]]:
    # Of a whole UDP datagram over IPv4 that a socket opened there would get: offset in the frame,
    # bytes, which bits count, and what they have to be. The port stands behind IP's options.
    held = [
        (_TYPE, 2, 0xFFFF, ethernet.IPV4),
        (_PROTOCOL, 1, 0xFF, ipv4.UDP),
        (_FRAGMENT, 2, ipv4.FRAGMENT_MASK, 0),
    ]
    for at, address in (_DESTINATION, where.group or where.host), (_SOURCE, where.source):
        number = int(ipaddress.IPv4Address(address or 0))
        if number:
            held.append((at, 4, 0xFFFF_FFFF, number))
    return held


# --- classic: (code, jump if true, jump if false, constant)

Instruction = tuple[int, int, int, int]

_LOAD = {1: 0x30, 2: 0x28, 4: 0x20}
_AND, _EQUAL, _RETURN, _LOAD_OPTIONS, _LOAD_BEHIND = 0x54, 0x15, 0x06, 0xB1, 0x48
_PACKET_TYPE, _OTHER_HOST = 0xFFFF_F004, 3  # SKF_AD_OFF + SKF_AD_PKTTYPE, PACKET_OTHERHOST
_WHOLE = 0x40000
_REFUSE = -1

NOTHING: list[Instruction] = [(_RETURN, 0, 0, 0)]
"""The filter that lets nothing through."""


def chooser(where: Where, port: int) -> list[Instruction]:
    """Return the filter for whole datagrams to where a UDP socket would get them."""
    made: list[Instruction] = []
    for at, size, mask, value in _wanted(where):
        made += [(_LOAD[size], 0, 0, at), (_AND, 0, 0, mask), (_EQUAL, 0, _REFUSE, value)]
    made += [
        (_LOAD[4], 0, 0, _PACKET_TYPE),
        (_EQUAL, _REFUSE, 0, _OTHER_HOST),
        (_LOAD_OPTIONS, 0, 0, _IP),
        (_LOAD_BEHIND, 0, 0, _IP + _PORT),
        (_EQUAL, 0, _REFUSE, port),
        (_RETURN, 0, 0, _WHOLE),
        *NOTHING,
    ]
    last = len(made) - 1
    return [
        (code, *(last - i - 1 if to == _REFUSE else to for to in jumps), value)  # type: ignore[misc]
        for i, (code, *jumps, value) in enumerate(made)
    ]


def attach_filter(to: socket.socket, program: list[Instruction]) -> None:
    """Let a socket receive only what a program of classic BPF returns a length for."""
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *each) for each in program))
    request = struct.pack("HP", len(program), ctypes.addressof(code))
    to.setsockopt(socket.SOL_SOCKET, 26, request)  # SO_ATTACH_FILTER


# --- extended: registers of 64 bits, of which 1 is what the program is given, 0 what it returns

_MAP_CREATE, _MAP_UPDATE, _PROGRAM_LOAD, _LINK_CREATE = 0, 2, 5, 28
_XSKMAP, _XDP_PROGRAM, _ON_XDP = 17, 6, 37
_BY_DRIVER, _BY_STACK = 1 << 2, 1 << 1  # XDP_FLAGS_DRV_MODE, XDP_FLAGS_SKB_MODE
_PASS, _REDIRECT_MAP = 2, 51
_NAME = b"zcviz".ljust(16, b"\0")


def _code(op: int, to: int = 0, of: int = 0, offset: int | None = 0, value: int = 0) -> list[int]:
    return [op, of << 4 | to, _REFUSE if offset is None else offset, value]


def redirector(where: Where, port: int, into: int) -> bytes:
    """Return the program that puts the same datagrams into the sockets of a map.

    Parameters
    ----------
    where : Where
    port : int
    into : int
        Descriptor of the map: from the number of a receive queue to its socket. What comes on a
        queue without one goes the way of all packets.
    """
    load = {1: 0x71, 2: 0x69, 4: 0x61}
    pass_on = None
    made = [
        _code(0xBF, 6, 1),  # r6 = the packet's context
        _code(0x61, 2, 6, 0),  # r2 = where it starts
        _code(0x61, 3, 6, 4),  # r3 = where it ends
        _code(0xBF, 4, 2),
        _code(0x07, 4, value=_IP + _IP_SIZE + _UDP_SIZE),
        _code(0x2D, 4, 3, pass_on),  # shorter than its headers
    ]
    for at, size, mask, value in _wanted(where):
        made += [
            _code(load[size], 4, 2, at),
            _code(0x54, 4, value=_signed(mask, size)),
            _code(0x56, 4, 0, pass_on, _signed(value, size)),
        ]
    made += [
        _code(0x71, 5, 2, _IP),
        _code(0x57, 5, value=15),
        _code(0x67, 5, value=2),
        _code(0x0F, 2, 5),  # r2 += size of IP's header
        _code(0xBF, 4, 2),
        _code(0x07, 4, value=_IP + _UDP_SIZE),
        _code(0x2D, 4, 3, pass_on),
        _code(0x69, 4, 2, _IP + _PORT),
        _code(0x55, 4, 0, pass_on, _signed(port, 2)),
        _code(0x61, 2, 6, 16),  # r2 = receive queue
        _code(0x18, 1, 1, value=into),
        _code(0),  # the upper half of the constant
        _code(0xB7, 3, value=_PASS),
        _code(0x85, value=_REDIRECT_MAP),
        _code(0x95),
        _code(0xB7, 0, value=_PASS),
        _code(0x95),
    ]
    last = len(made) - 2
    for i, each in enumerate(made):
        if each[2] == _REFUSE:
            each[2] = last - i - 1
    return b"".join(struct.pack("=BBhi", *each) for each in made)


def _signed(number: int, size: int) -> int:
    # As the processor loads it from the packet; constants are of 32 bits and have a sign.
    turned = int.from_bytes(number.to_bytes(size, "big"), sys.byteorder)
    return turned - (1 << 32) if turned >= 1 << 31 else turned


def _bpf(command: int, request: bytes) -> int:
    number = 321 if platform.machine() == "x86_64" else 280
    call = ctypes.CDLL(None, use_errno=True).syscall
    room = ctypes.create_string_buffer(request, max(len(request), 128))
    answer: int = call(ctypes.c_long(number), command, room, len(room))
    if answer < 0:
        why = ctypes.get_errno()
        raise OSError(why, f"bpf: {os.strerror(why)}")
    return answer


def create_map(entries: int) -> int:
    """Return the descriptor of a map from numbers to AF_XDP sockets."""
    return _bpf(_MAP_CREATE, struct.pack("7I16s", _XSKMAP, 4, 4, entries, 0, 0, 0, _NAME))


def put_socket(into: int, queue: int, descriptor: int) -> None:
    """Put a socket into a map."""
    key, value = ctypes.c_uint32(queue), ctypes.c_uint32(descriptor)
    where = ctypes.addressof(key), ctypes.addressof(value)
    _bpf(_MAP_UPDATE, struct.pack("I4x3Q", into, *where, 0))


def load_program(code: bytes) -> int:
    """Have the system check an XDP program; return its descriptor."""
    room, license_ = ctypes.create_string_buffer(code), ctypes.create_string_buffer(b"GPL")
    where = ctypes.addressof(room), ctypes.addressof(license_)
    request = struct.pack(
        "2I2Q2IQ2I16s2I", _XDP_PROGRAM, len(code) // 8, *where, 0, 0, 0, 0, 0, _NAME, 0, _ON_XDP
    )
    return _bpf(_PROGRAM_LOAD, request)


def attach_program(program: int, interface: int) -> int:
    """Run a program for each packet of an interface, until the returned descriptor is closed.

    In the driver where it can, else where the system's own way of packets begins.
    """
    request = struct.pack("3I", program, interface, _ON_XDP)
    try:
        return _bpf(_LINK_CREATE, request + struct.pack("I", _BY_DRIVER))
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSPC):
            raise
    return _bpf(_LINK_CREATE, request + struct.pack("I", _BY_STACK))
