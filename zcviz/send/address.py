"""Where datagrams go: addresses that are told apart, and checked, before anything is sent."""

from __future__ import annotations

import ipaddress
import socket
import struct
import sys
from contextlib import suppress
from typing import NamedTuple

from ..errors import SelectionError

__all__ = ["LOOPBACK", "Target", "open_socket", "target_of"]

LOOPBACK = "127.0.0.1"

_LOCAL = ipaddress.ip_network("127.0.0.0/8")
_STALL = 100_000  # µs that the system may keep a call that finds no room


class Target(NamedTuple):
    """An address that may be sent to.

    Attributes
    ----------
    host : str
        In digits.
    port : int
    interface : str
        For a multicast group: address of the interface to send from; empty: the system's choice.
    ttl : int
        For a group: how many networks a datagram may pass into; 0: none, it stays here.
    """

    host: str
    port: int
    interface: str = ""
    ttl: int = 0

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def target_of(
    to: str | tuple[str, int],
    *,
    allow_remote: bool = False,
    interface: str = "",
    ttl: int | None = None,
) -> Target:
    """Return where to send to, if it is allowed.

    Parameters
    ----------
    to : str or (str, int)
        ``"127.0.0.1:26400"``, ``"[::1]:26400"``, or host and port.
    allow_remote : bool
        Without it, only addresses that no other machine can hear are: 127.0.0.0/8, ::1, and
        multicast groups on the loopback interface.
    interface : str
        For a group: IPv4 address of the interface to send from. On its own, the loopback's; with
        `allow_remote`, the system's choice.
    ttl : {0, 1}, optional
        For a group: 0 keeps it on this machine, 1 (with `allow_remote`, the default) lets it out
        as far as the next router.

    Raises
    ------
    SelectionError
        It is no address, or not allowed.
    """
    host, port = _parts(to)
    address = _address(host, allow_remote)
    if not address.is_multicast:
        if not (allow_remote or address in _LOCAL or address == ipaddress.IPv6Address("::1")):
            raise SelectionError(_refused(f"{address}:{port}"))
        return Target(str(address), port)
    if address.version == 6:
        raise SelectionError(f"{address}: groups are sent to over IPv4 only")
    ttl = int(allow_remote) if ttl is None else ttl
    interface = interface or ("" if allow_remote else LOOPBACK)
    if ttl not in (0, 1):
        raise SelectionError(f"ttl: expected 0 or 1, found {ttl!r}")
    try:
        stays = ipaddress.IPv4Address(interface or "0.0.0.0") in _LOCAL and ttl == 0
    except ValueError:
        raise SelectionError(f"interface: expected an IPv4 address, found {interface!r}") from None
    if not (allow_remote or stays):
        raise SelectionError(_refused(f"group {address} on {interface} with a TTL of {ttl}"))
    return Target(str(address), port, interface, ttl)


def _refused(what: str) -> str:
    return (
        f"{what} is not on loopback: a replay floods whoever it reaches with what looks like a "
        "market; --allow-remote (allow_remote=True) sends it all the same"
    )


def _parts(to: str | tuple[str, int]) -> tuple[str, int]:
    if isinstance(to, str):
        host, _, port = to.rpartition(":")
        if host.startswith("[") and host.endswith("]"):
            host = host[1:-1]
        elif ":" in host:
            host = ""  # which of the colons would it be?
        number = int(port) if port.isascii() and port.isdigit() and len(port) < 6 else -1
    else:
        host, number = to
    if not host or not 1 <= number <= 0xFFFF:
        raise SelectionError(f"to: expected HOST:PORT or [IPV6]:PORT, found {to!r}")
    return host, number


def _address(host: str, allow_remote: bool) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    with suppress(ValueError):
        return ipaddress.ip_address(host)
    if host == "localhost":
        return ipaddress.IPv4Address(LOOPBACK)
    if not allow_remote:  # to ask for its address would be traffic already
        raise SelectionError(_refused(host))
    try:
        found = socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        raise SelectionError(f"{host}: {getattr(error, 'strerror', None) or error}") from None
    return ipaddress.ip_address(found[0][4][0])


def open_socket(target: Target, buffer: int | None = None) -> socket.socket:
    """Return a socket that is connected to a target.

    Parameters
    ----------
    target : Target
    buffer : int, optional [bytes]
        Room asked for (``SO_SNDBUF``); the system grants what it likes.

    Raises
    ------
    OSError
        The system refuses it.
    """
    family = socket.AF_INET6 if ":" in target.host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if buffer is not None:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
        if sys.platform != "win32":  # somebody may want to interrupt it
            stall = struct.pack("@ll", 0, _STALL)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, stall)
        if family == socket.AF_INET and ipaddress.IPv4Address(target.host).is_multicast:
            made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, target.ttl)
            if target.interface:
                number = socket.inet_aton(target.interface)
                made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, number)
        made.connect((target.host, target.port))
    except OSError as error:
        made.close()
        error.filename = str(target)
        raise
    return made
