"""Datagrams through asyncio: the event loop receives them, and calls a protocol for each."""

from __future__ import annotations

import asyncio
import threading
from asyncio.events import _get_running_loop, _set_running_loop
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from .batch import Batch
from .counters import Counters
from .rooms import Joined
from .sockets import SocketReceiver

__all__ = ["Asyncio"]


class Asyncio(SocketReceiver):
    """A datagram endpoint of asyncio.

    ``async for batch in receiver`` receives in the event loop that is running. `receive` works as
    well, also where one is running, in a loop of its own that turns during the call. What was used
    first decides which of the two it stays.

    A loop of asyncio asks for 256 KiB each time: nothing is cut, whatever `Where.slot` says. Once
    it holds `Where.slots` datagrams that nobody took, it reads no more, and the next ones wait in
    the socket; a loop that cannot pause (on Windows, or uvloop) throws them away: `Counters.lost`.
    """

    name = "asyncio"
    copies = (
        "two: by the kernel, into a new bytes object for each datagram; "
        "and into the bytes object in which those of a batch are joined"
    )
    copied = 2

    def _prepare(self) -> None:
        self._joined = Joined(self.where.slots)
        self._collector = _Collector(self.where.slots)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._own = False
        self._opening: asyncio.Task[Any] | None = None
        self._turning = threading.RLock()  # held by who turns a loop of our own, or ends it

    async def receive_async(self, timeout: float | None = None) -> Batch | None:
        """Wait for datagrams as `receive` does; the event loop does other things meanwhile.

        Raises
        ------
        RuntimeError
            Another task waits for it already, or it receives in another event loop.
        """
        self._begin()
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
            self._opening = loop.create_task(self._endpoint(loop))
        if self._loop is not loop or self._opening is None:
            raise RuntimeError(f"{self!r} receives in another event loop, and stays there")
        await asyncio.shield(self._opening)  # whoever gives up waiting does not give that up
        came = asyncio.Event()
        self._collector.watch(loop, timeout, came.set)
        try:
            await came.wait()
        finally:
            self._collector.unwatch()
        return self._counted(self._collected())

    async def _endpoint(self, loop: asyncio.AbstractEventLoop) -> None:
        await loop.create_datagram_endpoint(lambda: self._collector, sock=self._socket)

    async def __aiter__(self) -> AsyncIterator[Batch]:
        """Yield batches until it is closed."""
        while not self.closed and (batch := await self.receive_async()) is not None:
            yield batch

    def _wait(self, timeout: float | None) -> Batch | None:
        with self._turning:
            return None if self._closing else self._wait_turning(timeout)

    def _wait_turning(self, timeout: float | None) -> Batch | None:
        if self._loop is None:
            self._loop, self._own = asyncio.new_event_loop(), True
            with ThreadPoolExecutor(1) as elsewhere:  # a loop that is running here forbids it
                endpoint = self._endpoint(self._loop)
                elsewhere.submit(self._loop.run_until_complete, endpoint).result()
        if not self._own:
            raise RuntimeError(f"{self!r} receives in an event loop: `async for` waits there")
        self._collector.watch(self._loop, timeout, self._loop.stop)
        try:
            if not self._closing:
                _turn(self._loop)
        finally:
            self._collector.unwatch()
        if self._closing:
            self._end()
        return self._collected()

    def _collected(self) -> Batch | None:
        pieces, self._collector.pieces = self._collector.pieces, []
        return self._lend(*self._joined.join(pieces)) if pieces and not self._closing else None

    def _count(self) -> Counters:
        return Counters(dropped=super()._count().dropped, lost=self._collector.lost)

    def _close(self) -> None:
        self._count()
        self._closing = True
        if self._loop is not None:
            with suppress(RuntimeError):  # that loop was closed
                self._loop.call_soon_threadsafe(self._collector.end)  # whoever waits goes on
        with self._turning:
            if self._loop is None or not self._loop.is_running():
                self._end()

    def _end(self) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            self._collector.end()
            if self._own:
                loop.call_soon(loop.stop)
                _turn(loop)
                loop.close()
        self._socket.close()


def _turn(loop: asyncio.AbstractEventLoop) -> None:
    # Until it is stopped. A loop refuses to turn inside another one, as a notebook has; that one
    # stands still in any function that waits, in this one no longer than in others.
    outer = _get_running_loop()
    _set_running_loop(None)
    try:
        loop.run_forever()
    finally:
        _set_running_loop(outer)


class _Collector(asyncio.DatagramProtocol):
    # Keeps datagrams, and tells once there are some and a turn of the loop brought no more.

    def __init__(self, room: int) -> None:
        self.pieces: list[bytes] = []
        self.lost = 0
        self._room = room
        self._transport: Any = None
        self._paused = self._looking = False
        self._done: Callable[[], None] | None = None
        self._next: asyncio.Handle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, address: object) -> None:
        if len(self.pieces) == self._room:
            self.lost += 1
            return
        self.pieces.append(data)
        if len(self.pieces) == self._room and hasattr(self._transport, "pause_reading"):
            self._transport.pause_reading()
            self._paused = True
        if self._done is not None and not self._looking:
            self._look_soon(0)

    def watch(
        self, loop: asyncio.AbstractEventLoop, timeout: float | None, done: Callable[[], None]
    ) -> None:
        """Call `done` once: when there are datagrams, or after `timeout` seconds."""
        if self._done is not None:
            raise RuntimeError("this receiver is waited for already: one batch is out at a time")
        self._loop, self._done = loop, done
        if self._paused and len(self.pieces) < self._room:
            self._transport.resume_reading()
            self._paused = False
        if self.pieces or (timeout is not None and timeout <= 0):
            self._look_soon(-1)
        elif timeout is not None:
            self._next = loop.call_later(timeout, self._tell)

    def unwatch(self) -> None:
        self._done = None
        self._looking = False
        if self._next is not None:
            self._next.cancel()

    def end(self) -> None:
        if self._transport is not None:
            self._transport.abort()
        self._tell()

    def _look_soon(self, before: int) -> None:
        if self._next is not None:
            self._next.cancel()
        self._looking = True
        self._next = self._loop.call_soon(self._look, before)

    def _look(self, before: int) -> None:
        # It runs before what this turn of the loop receives.
        there = len(self.pieces)
        if there in (before, self._room):
            self._tell()
        else:
            self._look_soon(there)

    def _tell(self) -> None:
        done, self._done = self._done, None
        if done is not None:
            done()
