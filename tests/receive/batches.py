"""Batches as a receiver hands them over: the same memory again and again, overwritten between."""

from __future__ import annotations

from functools import cache

import numpy as np

import zcviz
from tests.helpers import packet, pcap
from zcviz import samples
from zcviz.receive.batch import Batch, room_for

SLOT = 2048
SEEN = 14 + 20 + 8  # Ethernet, IPv4 and UDP, where a path shows them
FEEDS = ("itch50", "tops16", "mdp3", "deribit")


def payloads_of(content, protocol=None, schema=None):
    """The datagrams of a capture that carry the protocol, in order."""
    with zcviz.open(content, protocol, schema) as feed:
        cut = feed.index.datagrams
        places = zip(cut.offsets.tolist(), cut.sizes.tolist(), strict=True)
        return [bytes(feed.source.view[at : at + size]) for at, size in places]


@cache
def sample(feed, messages=150, seed=0, **accidents):
    """The datagrams of a synthetic capture."""
    content = samples.small(feed, "pcap", messages, seed, **accidents).data
    return payloads_of(content, feed)


def captured(payloads):
    """A capture of these datagrams and nothing else."""
    return pcap(*(packet(each) for each in payloads))


def arriving(payloads, size, *, slots=None, shuffled=None, headers=False):
    """Yield the datagrams `size` at a time, in one piece of memory that each batch is written over.

    Parameters
    ----------
    slots : int
        Places for datagrams, used in turns; as many as a batch has by default.
    shuffled : int
        Seed of the order in which places are used: then memory is not in the order of arrival.
    headers : bool
        Whether the table tells where the headers before a datagram are, which are in memory then.
    """
    slots = slots or size
    memory = np.full(slots * SLOT, 0xFF, np.uint8)
    places = np.arange(slots)
    if shuffled is not None:
        np.random.default_rng(shuffled).shuffle(places)
    for low in range(0, len(payloads), size):
        some = payloads[low : low + size]
        table = room_for(len(some))
        for row, payload in enumerate(some):
            frame = packet(payload) if headers else payload
            at = int(places[(low + row) % slots]) * SLOT
            memory[at : at + len(frame)] = np.frombuffer(frame, np.uint8)
            start = at + (SEEN if headers else 0)
            table[row] = at, at + (14 if headers else 0), start, start + len(payload), 0
            table[row, 4] = table[row, 3]
        lent = memory.view()
        lent.flags.writeable = False
        batch = Batch(lent, table, sum(map(len, some)), release=lambda: memory.fill(0xFF))
        yield batch
        batch.release()
