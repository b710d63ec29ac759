"""Traffic on loopback, sent and received in one process, so that the clock does not matter."""

from __future__ import annotations

import errno
import socket
import struct
import time
from contextlib import contextmanager

import numpy as np
import pytest

from zcviz import receive
from zcviz.kernels.messages import DATAGRAM

SOCKET_PATHS = ["udp.recv", "udp.recv_into", "udp.recvmsg", "udp.recvmmsg", "udp.gro", "asyncio"]
CALLING_PATHS = SOCKET_PATHS[:-1]
SLOT_PATHS = SOCKET_PATHS[1:4]


def opened(path, **options):
    """A receiver; the test is skipped where the machine does not permit the path."""
    try:
        return receive.open(path, **options)
    except OSError as error:
        pytest.skip(f"{path}: {errno.errorcode.get(error.errno, error.errno)}")


@contextmanager
def sender(receiver):
    """A function that sends each of its arguments as a datagram to the receiver."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.connect(receiver.address)

        def send(*payloads):
            for payload in payloads:
                made.send(payload)

        yield send


def numbered(start, stop, size=100):
    """Payloads that begin with a running number and go on with bytes that depend on it."""
    return [struct.pack(">Q", n) + bytes([n % 251]) * (size - 8) for n in range(start, stop)]


def numbers_in(batch):
    """The running numbers of a batch, by way of its table."""
    places = batch.table[:, DATAGRAM.START, None] + np.arange(8)
    return batch.memory[places].copy().view(">u8")[:, 0].astype(np.int64)


def drained(receiver, count=0):
    """All payloads that are there, copied; waits for `count` of them.

    On a busy machine a thread of the kernel may deliver what was sent, a little later.
    """
    got = []
    while len(got) < count and (batch := receiver.receive(10)) is not None:
        got += map(bytes, batch)
    return got + [bytes(view) for batch in receiver.batches(0) for view in batch]


def settled(receiver, sent, charged):
    """Wait until each of the datagrams sent is in the queue or was dropped; return how many were.

    `charged` bytes are counted for each.
    """
    until = time.monotonic() + 10
    while time.monotonic() < until:
        dropped = receiver.counters.dropped
        if receiver.queued // charged + dropped == sent:
            return dropped
    raise AssertionError(f"{sent} sent, {receiver.queued // charged} waiting, {dropped} dropped")
