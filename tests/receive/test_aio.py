"""asyncio: in a loop that is running, and in one of its own."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from tests.receive.loopback import drained, numbered, opened, sender
from zcviz.errors import BufferLifetimeError
from zcviz.receive import constants


def test_batches_are_iterated_over_in_the_running_loop():
    payloads = numbered(0, 50)

    async def run():
        got = []
        with opened("asyncio", slots=16) as receiver, sender(receiver) as send:
            send(*payloads)
            async for batch in receiver:
                assert 0 < len(batch) <= 16
                got += [bytes(view) for view in batch]
                if len(got) == 50:
                    break
            assert receiver.counters.datagrams == 50
            assert await receiver.receive_async(0) is None
            assert await receiver.receive_async(0.01) is None
        return got

    assert asyncio.run(run()) == payloads


def test_other_tasks_run_while_it_waits():
    async def run():
        with opened("asyncio") as receiver, sender(receiver) as send:

            async def later():
                await asyncio.sleep(0.02)
                send(b"sent by another task")

            sending = asyncio.create_task(later())
            batch = await receiver.receive_async()
            await sending
            return bytes(batch[0])

    assert asyncio.run(run()) == b"sent by another task"


def test_closing_ends_the_iteration():
    async def run():
        with opened("asyncio") as receiver:
            asyncio.get_running_loop().call_later(0.02, receiver.close)
            assert [batch async for batch in receiver] == []
            with pytest.raises(BufferLifetimeError, match="closed"):
                await receiver.receive_async()

    asyncio.run(run())


def test_a_wait_that_is_cancelled_loses_nothing():
    async def run():
        with opened("asyncio") as receiver, sender(receiver) as send:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(receiver.receive_async(), 0.02)
            send(b"after")
            batch = await receiver.receive_async(5)
            return bytes(batch[0])

    assert asyncio.run(run()) == b"after"


def test_receive_works_where_a_loop_is_running():
    """As in a notebook, whose cells run in one."""

    async def run():
        with opened("asyncio") as receiver, sender(receiver) as send:
            send(b"one", b"two")
            assert drained(receiver) == [b"one", b"two"]
            assert asyncio.get_running_loop() is loop
            await asyncio.sleep(0)
            with pytest.raises(RuntimeError, match="receives in another event loop"):
                await receiver.receive_async(0)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(run())
    loop.close()


def test_a_receiver_of_the_running_loop_cannot_wait_outside_of_it():
    async def run():
        with opened("asyncio") as receiver, sender(receiver) as send:
            send(b"one")
            await receiver.receive_async(5)
            with pytest.raises(RuntimeError, match="receives in an event loop"):
                receiver.receive(0)

    asyncio.run(run())


@pytest.mark.skipif(not constants.LINUX, reason="only Linux says what it dropped")
def test_what_nobody_takes_waits_in_the_socket_and_is_dropped_there():
    async def run():
        with opened("asyncio", slots=8, buffer=20_000) as receiver, sender(receiver) as send:
            send(b"first")
            await receiver.receive_async(5)
            for _ in range(10):  # the loop turns, and nobody takes anything
                send(*numbered(0, 20))
                await asyncio.sleep(0)
            assert len(receiver._collector.pieces) <= 8
            got = 0
            while (batch := await receiver.receive_async(0)) is not None:
                got += len(batch)
            counters = receiver.counters
            assert counters.dropped > 0 and counters.lost == 0
            assert got + counters.dropped == 200

    asyncio.run(run())


def test_a_loop_that_cannot_pause_counts_what_it_throws_away():
    with opened("asyncio", slots=4) as receiver, sender(receiver) as send:
        assert receiver.receive(0) is None

        class Transport:
            def __init__(self, real):
                self.abort = real.abort

        collector = receiver._collector
        collector._transport = Transport(collector._transport)
        for payload in numbered(0, 6):
            collector.datagram_received(payload, ("127.0.0.1", 1))
        assert len(receiver.receive(0)) == 4
        assert receiver.counters.lost == 2
        send(b"x")
        assert drained(receiver) == [b"x"]


def test_closing_in_another_thread_than_its_loop_runs_in():
    receiver = opened("asyncio")

    async def run():
        return [batch async for batch in receiver]

    got = []
    running = threading.Thread(target=lambda: got.append(asyncio.run(run())))
    running.start()
    threading.Event().wait(0.1)
    receiver.close()
    running.join(10)
    assert not running.is_alive() and got == [[]]


@pytest.mark.parametrize("turns", range(4))
def test_who_gives_up_at_once_may_wait_again(turns):
    async def run(receiver, send):
        waiting = asyncio.create_task(receiver.receive_async())
        for _ in range(turns):
            await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        send(b"x")
        return [bytes(view) for view in await receiver.receive_async(10)]

    with opened("asyncio") as receiver, sender(receiver) as send:
        assert asyncio.run(_and_close(run(receiver, send), receiver)) == [b"x"]


def test_two_tasks_cannot_wait_at_once():
    async def run(receiver, send):
        first = asyncio.create_task(receiver.receive_async(10))
        await asyncio.sleep(0.05)
        with pytest.raises(RuntimeError, match="waited for already"):
            await receiver.receive_async(10)
        send(b"x")
        return [bytes(view) for view in await first]

    with opened("asyncio") as receiver, sender(receiver) as send:
        assert asyncio.run(_and_close(run(receiver, send), receiver)) == [b"x"]


async def _and_close(running, receiver):
    try:
        return await running
    finally:
        receiver.close()
        await asyncio.sleep(0)


def test_closing_in_another_thread_before_the_loop_turns(monkeypatch):
    receiver = opened("asyncio")
    closing = threading.Thread(target=receiver.close)
    watch = receiver._collector.watch

    def close_before(*given):
        closing.start()
        closing.join(0.1)
        watch(*given)

    monkeypatch.setattr(receiver._collector, "watch", close_before)
    assert receiver.receive(10) is None
    closing.join(10)
    assert receiver.closed


def test_what_comes_while_a_wait_ends_does_not_end_the_next_one():
    with opened("asyncio") as receiver, sender(receiver) as send:
        assert receiver.receive(0) is None
        collector = receiver._collector
        tell = collector._tell

        def tell_and_receive():
            collector._tell = tell
            tell()
            collector.datagram_received(b"late", None)

        collector._tell = tell_and_receive
        send(b"one")
        assert drained(receiver, 2) == [b"one", b"late"]
        collector._tell = tell_and_receive
        send(b"one")
        assert [bytes(view) for view in receiver.receive(5)] == [b"one", b"late"]
        before = time.monotonic()
        assert receiver.receive(0.05) is None
        assert time.monotonic() - before >= 0.04
