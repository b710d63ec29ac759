"""Many datagrams in one call of the system: what sendmmsg and recvmmsg of Linux are handed.

Source: recvmmsg(2), sendmmsg(2), readv(2) of the Linux manual. Numbers are the machine's own, and
addresses as wide as its addresses: these are not wire formats.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache

import numpy as np

__all__ = ["HEADER", "MOST", "PIECE", "call_named"]

PIECE = np.dtype([("base", np.uintp), ("size", np.uintp)])
"""``struct iovec``: where a piece of a datagram lies, and how long it is."""

_MESSAGE = np.dtype(
    [
        ("name", np.uintp), ("name_size", np.uint32), ("pieces", np.uintp), ("n_pieces", np.uintp),
        ("control", np.uintp), ("control_size", np.uintp), ("flags", np.int32),
    ],
    align=True,
)  # fmt: skip

HEADER = np.dtype([("message", _MESSAGE), ("size", np.uint32)], align=True)
"""``struct mmsghdr``: a datagram in pieces, and how many bytes of it went or came."""

MOST = 1024
"""Datagrams that one call takes at most (``UIO_MAXIOV``)."""


@cache
def call_named(name: str) -> Callable[..., int] | None:
    """Return ``sendmmsg`` or ``recvmmsg``; None where the system has no such call.

    It takes (descriptor, address of the first `HEADER`, how many, flags), recvmmsg an address of a
    timeout (None) besides; returns how many went or came, or -1, and `ctypes.get_errno` says why.
    Other threads run meanwhile.
    """
    if sys.platform != "linux":
        return None
    function = getattr(ctypes.CDLL(None, use_errno=True), name, None)
    if function is None:
        return None
    function.restype = ctypes.c_int
    function.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int]
    if name == "recvmmsg":
        function.argtypes.append(ctypes.c_void_p)
    return function  # type: ignore[no-any-return]
