"""Which datagrams are numbered together.

Most framings name the channel in their header. Where the destination address does it instead, a
venue sends each channel to two addresses, so that what one network loses the other may bring:
addresses that carry identical datagrams are the two sides of one channel.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .index import Datagrams
from .protocols import ipv4, ipv6, udp
from .spec import Framing

__all__ = ["channels"]

Rows = NDArray[np.int64]
Bytes = NDArray[np.uint8]


def channels(data: Bytes, datagrams: Datagrams, framing: Framing, of: Rows) -> list[Rows]:
    """Group datagrams by channel.

    Parameters
    ----------
    data : (n_bytes,) uint8
    datagrams : Datagrams
    framing : Framing
    of : (n,) int64
        The datagrams to group.

    Returns
    -------
    list of (m,) int64
        In order of arrival within each group.
    """
    if not len(of):
        return []
    starts = datagrams.offsets[of].astype(np.int64)
    if framing.channel:
        assert framing.header is not None
        fields = [framing.header[name] for name in framing.channel]
        places = np.concatenate([np.arange(field.offset, field.end) for field in fields])
        names = data[starts[:, None] + places]
    else:
        names = _destinations(data, starts, datagrams.before_ip[of])
    if (names == names[0]).all():  # one channel, as nearly always: no need to sort
        return [of]
    _, which = np.unique(names, axis=0, return_inverse=True)
    if not framing.channel:
        which = _merge_sides(data, datagrams, of, which)
    grouped = np.argsort(which, kind="stable")
    return np.split(of[grouped], np.cumsum(np.bincount(which))[:-1])


def _destinations(data: Bytes, starts: Rows, before_ip: NDArray[np.uint16]) -> Bytes:
    # Address (an IPv4 one in the first four of sixteen bytes) and port of each datagram.
    ip = starts - before_ip
    names = np.zeros((len(starts), 18), np.uint8)
    for version, header in ((4, ipv4.HEADER), (6, ipv6.HEADER)):
        address = header["destination"]
        rows = np.flatnonzero(data[ip] >> 4 == version)
        places = np.arange(address.offset, address.end)
        names[rows, : address.type.size] = data[ip[rows, None] + places]
    port = udp.HEADER["destination_port"]
    names[:, 16:] = data[starts[:, None] - udp.HEADER.size + np.arange(port.offset, port.end)]
    return names


def _merge_sides(data: Bytes, datagrams: Datagrams, of: Rows, which: Rows) -> Rows:
    # Give all destinations that share a datagram one number.
    view, group = memoryview(data), list(range(int(which.max()) + 1))
    seen: dict[int, int] = {}

    def root(at: int) -> int:
        while group[at] != at:
            group[at] = at = group[group[at]]
        return at

    offsets, sizes = datagrams.offsets[of].tolist(), datagrams.sizes[of].tolist()
    for start, size, side in zip(offsets, sizes, which.tolist(), strict=True):
        other = seen.setdefault(hash(bytes(view[start : start + size])), side)
        if other != side:
            group[root(side)] = root(other)
    roots = np.array([root(at) for at in range(len(group))])
    return np.unique(roots[which], return_inverse=True)[1]
