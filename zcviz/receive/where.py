"""Where to receive, and with how much room: what every path is opened with."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass

from ..errors import SelectionError

__all__ = ["Where"]

_LARGEST = 65_535  # bytes of a UDP datagram's payload, and one
_MOST = 1 << 36  # bytes of a ring; the system counts its parts in 32 bits


@dataclass(frozen=True, slots=True)
class Where:
    """An address to receive at, and how.

    Attributes
    ----------
    host : str
        IPv4 address to bind to.
    port : int
        0 lets the system choose.
    group : str
        Multicast group to join, if any.
    source : str
        Join for this sender only (source-specific multicast).
    interface : str
        Name of the interface to receive on; empty lets the system choose, packet paths take the
        one that has the address `host`.
    buffer : int or None [bytes]
        Socket buffer asked for (``SO_RCVBUF``); None leaves the system's. What was granted is in
        the receiver's `granted`.
    slots : int
        Datagrams that fit into the path's own memory at once.
    slot : int [bytes]
        Room for a datagram; a longer one is cut, and counted as such.
    busy_poll : int [µs]
        How long the kernel looks at the device before it sleeps (``SO_BUSY_POLL``), where it may.
    block : int [bytes]
        Size of a ring's block.
    blocks : int
        How many blocks a ring has.
    retire : int [ms]
        After which time a ring hands over a block that is not full.
    file : path
        Capture file that ``"replay"`` takes the datagrams from.
    debug : bool
        Refuse to release memory that views still look into; this looks through all objects there
        are: in a notebook on a busy machine, it took 0.7 s to 2.8 s.

    Raises
    ------
    SelectionError
        A value makes no sense.
    """

    host: str = "127.0.0.1"
    port: int = 0
    group: str = ""
    source: str = ""
    interface: str = ""
    buffer: int | None = None
    slots: int = 256
    slot: int = 2048
    busy_poll: int = 0
    block: int = 1 << 18
    blocks: int = 64
    retire: int = 10
    file: str | os.PathLike[str] = ""
    debug: bool = False

    def __post_init__(self) -> None:
        for name in ("host", "group", "source"):
            text = getattr(self, name)
            if (text or name == "host") and not _is_ipv4(text):
                raise SelectionError(f"{name}: expected an IPv4 address, found {text!r}")
        if self.group and not ipaddress.IPv4Address(self.group).is_multicast:
            raise SelectionError(
                f"group: expected 224.0.0.0 to 239.255.255.255, found {self.group}"
            )
        if self.source and not self.group:
            raise SelectionError("source: a sender is chosen for a group, and no group is given")
        if not _is_name(self.interface):
            raise SelectionError(f"interface: expected a name, found {self.interface!r}")
        limits = {
            "port": (0, 0xFFFF), "slots": (1, 1 << 20), "slot": (64, _LARGEST + 1),
            "busy_poll": (0, 1_000_000), "block": (4096, 1 << 30), "blocks": (2, 1 << 16),
            "retire": (1, 60_000), "buffer": (1, 1 << 30),
        }  # fmt: skip
        for name, (least, most) in limits.items():
            value = getattr(self, name)
            if value is None and name == "buffer":
                continue
            if not isinstance(value, int) or not least <= value <= most:
                raise SelectionError(
                    f"{name}: expected a whole number from {least:,} to {most:,}, found {value!r}"
                )
        if self.block * self.blocks > _MOST:
            raise SelectionError(
                f"blocks: expected up to {_MOST:,} bytes in all, found {self.block * self.blocks:,}"
            )


def _is_name(text: object) -> bool:
    return isinstance(text, str) and "\0" not in text


def _is_ipv4(text: object) -> bool:
    if not isinstance(text, str):  # numbers and bytes would do for addresses, too
        return False
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True
