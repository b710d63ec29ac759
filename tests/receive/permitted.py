"""Receivers that a test opens if this machine permits it, and what is sent to them."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from zcviz import receive

REFUSALS = (errno.EPERM, errno.EACCES, errno.EOPNOTSUPP, errno.ENOSYS, errno.EAFNOSUPPORT)


def open_or_skip(path: str, **options) -> receive.Receiver:
    """Open a receive path, or skip the test with the errno that refuses it."""
    try:
        return receive.open(path, **options)
    except OSError as error:
        if error.errno not in REFUSALS:
            raise
        pytest.skip(f"{path} is refused here: {error}")


@contextmanager
def opened(path: str, **options) -> Iterator[receive.Receiver]:
    with open_or_skip(path, **options) as receiver:
        yield receiver


@contextmanager
def sender_to(address: tuple[str, int], from_address: str = "") -> Iterator[socket.socket]:
    """A connected UDP socket, in the namespace that this thread is in."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((from_address, 0))
        if from_address:  # a group has no route to it
            interface = socket.inet_aton(from_address)
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, interface)
        sender.connect(address)
        yield sender


def payloads(count: int) -> list[bytes]:
    """Different ones of different sizes, from none to 1,196 bytes."""
    return [number.to_bytes(4, "big") * (number % 300) for number in range(count)]


def drained(receiver: receive.Receiver, timeout: float = 0.15) -> list[bytes]:
    """Copies of all that is there, until nothing came for so long."""
    return [bytes(each) for batch in receiver.batches(timeout) for each in batch]
