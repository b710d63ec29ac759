"""Which receive paths this machine permits: found out by opening each, not by who one is."""

from __future__ import annotations

import errno
import tempfile
import textwrap
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..protocols import pcap
from . import PATHS, path_named
from .where import Where

__all__ = ["error_name", "probe", "remedy", "told"]

_WRAPPER = textwrap.TextWrapper(
    78, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False
)

_FORBIDDEN = (errno.EPERM, errno.EACCES)
_NO_ROOM = (errno.ENOMEM, errno.ENOBUFS)
_TOO_MANY = (errno.EMFILE, errno.ENFILE)

_PRIVILEGE = {
    "packet": "packet sockets take the capability CAP_NET_RAW: run it as root, or give that to a "
    "copy of the interpreter which only a trusted group may run (setcap cap_net_raw+ep), or look "
    "at a loopback of your own (unshare --user --map-root-user --net)",
    "xdp": "AF_XDP takes CAP_NET_RAW, CAP_NET_ADMIN and CAP_BPF: run it as root of the machine; in "
    "a container, with these capabilities and the host's network",
}
_NO_SOCKETS = "the process may open no sockets: allow them in its sandbox or container, or replay"
_NEEDS = {
    "udp.recvmsg": "Linux",
    "udp.recvmmsg": "Linux 2.6.33 or later",
    "udp.gro": "Linux 5.0 or later",
    "packet.ring_v2": "Linux with CONFIG_PACKET, and numba where the processor is not x86",
    "packet.ring_v3": "Linux 3.2 or later with CONFIG_PACKET, and numba where the processor is not "
    "x86",
    "xdp.copy": "Linux 5.4 or later with CONFIG_XDP_SOCKETS",
    "xdp.zerocopy": "a network interface whose driver can (Intel i40e, ice, igc; Mellanox mlx5), "
    "and Linux with CONFIG_XDP_SOCKETS; xdp.copy works on any",
}


def probe(**options: Any) -> list[dict[str, Any]]:
    """Open every path, look whether something is there, and close it.

    Parameters
    ----------
    **options
        See `Where`, such as the `interface` that is meant. Loopback if nothing is said.

    Returns
    -------
    list of dict
        For each of `PATHS`: ``name``; ``available``; ``errno``, the name of the system's error, or
        None; ``remedy``, a sentence on what would help, or None.

    Notes
    -----
    Memory: allocates what each path receives into, one after the other.
    """
    where = Where(**{"block": 1 << 16, "blocks": 4, "slots": 64, **options})
    return [_tried(name, where) for name in PATHS]


def _tried(name: str, where: Where) -> dict[str, Any]:
    code: int | None = None
    try:
        if name == "replay" and not where.file:
            _replay_nothing(where)
        else:
            _open(name, where)
    except OSError as error:
        code = error.errno or errno.EIO
    except ImportError:  # the path is made of something that is not there
        code = errno.ENOSYS
    text = None if code is None else remedy(name, code)
    return {
        "name": name,
        "available": code is None,
        "errno": code and error_name(code),
        "remedy": text,
    }


def _open(name: str, where: Where) -> None:
    with path_named(name)(where) as receiver:
        receiver.receive(0)


def _replay_nothing(where: Where) -> None:
    # A capture without packets.
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "empty.pcap")
        magic, (header, _, _) = next(iter(pcap.MAGICS.items()))
        file.write_bytes(magic.ljust(header.size, b"\0"))
        _open("replay", replace(where, file=file))


def error_name(code: int) -> str:
    """Return what the manual calls an error of the system."""
    # The same number has two names on Linux, and not the one in the manual is Python's.
    return "EOPNOTSUPP" if code == errno.EOPNOTSUPP else errno.errorcode.get(code, str(code))


def remedy(name: str, code: int) -> str:
    """Return what would help where the system refuses a path with this error, as a sentence."""
    if code in _FORBIDDEN:
        return _PRIVILEGE.get(name.partition(".")[0], _NO_SOCKETS)
    if code in _NO_ROOM:
        return "too little memory may be locked: raise it (ulimit -l), or ask for smaller blocks"
    if code in _TOO_MANY:
        return "too many files are open: close some, or raise the limit (ulimit -n)"
    if code == errno.EBUSY:
        return "another program has the interface's queue: end it, or take another interface"
    return f"it takes {_NEEDS.get(name, 'a network: the system has no interface for it')}"


def told(found: Iterable[dict[str, Any]]) -> str:
    """Return what `probe` found as a table in text."""
    lines = []
    for each in found:
        lines.append(f"{each['name']:<16}{'yes' if each['available'] else 'no':<5}")
        if each["errno"]:
            lines[-1] += each["errno"]
            lines += _WRAPPER.wrap(each["remedy"])
    return "\n".join(line.rstrip() for line in lines)
