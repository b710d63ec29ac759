"""Plain sockets on loopback that keep what comes, in order."""

from __future__ import annotations

import socket
from contextlib import suppress


class Listener:
    """A bound socket. What was sent over loopback is there already when the call returns."""

    def __init__(self, family=socket.AF_INET, host="127.0.0.1"):
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind((host, 0))
        self.socket.setblocking(False)
        self.address = self.socket.getsockname()[:2]

    def taken(self):
        """Everything that came since the last time."""
        came = []
        with suppress(BlockingIOError):
            while True:
                came.append(self.socket.recv(70_000))
        return came

    def close(self):
        self.socket.close()
