"""Numbers of Linux that Python's `socket` has no names for, or has on Linux only.

Source: include/uapi/asm-generic/socket.h, include/uapi/linux/in.h, udp.h and sock_diag.h of the
kernel. Every processor that zcviz runs on has these; sparc and parisc differ.
"""

from __future__ import annotations

import errno
import socket
import sys

__all__ = [
    "DONT_WAIT",
    "IP_ADD_SOURCE_MEMBERSHIP",
    "IP_MULTICAST_ALL",
    "LINUX",
    "MCAST_JOIN_GROUP",
    "MCAST_JOIN_SOURCE_GROUP",
    "MEMINFO_DROPS",
    "MEMINFO_QUEUED",
    "MEMINFO_WORDS",
    "NOTHING",
    "PASSING",
    "REAL_LENGTH",
    "SOL_UDP",
    "SO_BINDTODEVICE",
    "SO_BUSY_POLL",
    "SO_MEMINFO",
    "SO_RXQ_OVFL",
    "SO_TIMESTAMPNS",
    "TRUNCATED",
    "UDP_GRO",
    "WAIT_FOR_ONE",
    "missing",
]

LINUX = sys.platform == "linux"

SO_TIMESTAMPNS = 35
SO_RXQ_OVFL = 40
SO_BUSY_POLL = 46
SO_MEMINFO = 55
MEMINFO_QUEUED, MEMINFO_DROPS, MEMINFO_WORDS = 0, 8, 9  # what SO_MEMINFO fills: SK_MEMINFO_*

SO_BINDTODEVICE = 25

IP_MULTICAST_ALL = 49
IP_ADD_SOURCE_MEMBERSHIP = 39
MCAST_JOIN_GROUP = 42
MCAST_JOIN_SOURCE_GROUP = 46

SOL_UDP = 17
UDP_GRO = 104

DONT_WAIT = int(getattr(socket, "MSG_DONTWAIT", 0))
"""Take what is there; 0 where a call cannot be asked that."""

WAIT_FOR_ONE = 0x10000
"""Of recvmmsg: wait for the first datagram only."""

TRUNCATED = int(getattr(socket, "MSG_TRUNC", 0))
"""Says that a datagram was cut."""

REAL_LENGTH = TRUNCATED if LINUX else 0
"""Asks for a datagram's length on the wire, even if less of it has room."""

NOTHING = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.ETIMEDOUT})
"""Errors that mean: nothing came in time."""

PASSING = frozenset({errno.EINTR, errno.ECONNREFUSED, errno.ECONNRESET, errno.EHOSTUNREACH})
"""Errors that say nothing about what is received: a signal came, or nobody got what was sent."""


def missing(what: str) -> OSError:
    """Return the error for what only Linux has."""
    return OSError(errno.EOPNOTSUPP, f"only Linux has {what}")
