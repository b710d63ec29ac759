"""All that is found in a corpus of sound and damaged files, in one line each.

Run with and without ZCVIZ_NO_NUMBA=1, ``python -m tests.hostile.digest`` has to print the same.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from collections.abc import Iterator

import zcviz
from tests import helpers
from tests.agreement import EVERY_PIPELINE
from zcviz.errors import ZcvizError


def mutated(content: bytes, noise: random.Random) -> bytes:
    """`content` with a few bytes changed, cut out, doubled or put in."""
    data = bytearray(content)
    for _ in range(noise.randint(1, 6)):
        if not data:
            break
        at = noise.randrange(len(data))
        length = noise.choice([1, 1, 2, 4, 30])
        piece = data[at : at + length]
        data[at : at + length] = noise.choice(
            [b"", piece * 2, noise.randbytes(length), b"\0" * length, b"\xff" * length]
        )
    return bytes(data)


def restarting() -> bytes:
    """A capture with gaps, duplicates, two sessions, restarts, unsequenced datagrams."""
    one, two = b"SESSION  1", b"SESSION  2"
    numbered = helpers.numbered
    return helpers.feed_pcap(
        numbered(1, 3, one), numbered(1, 2, two), numbered(10, 2, one), numbered(3, 5, one),
        numbered(1, 3, one), numbered(0, 2, one), numbered(9, 2, two), numbered(1, 2, two, salt=1),
        numbered(2**64 - 1, 2, two), numbered(2**63, 4, one), helpers.mold(12, session=one),
        helpers.end_of_session(12, one),
    )  # fmt: skip


def overflowing() -> bytes:
    """Totals that go past 2**64, in products and in sums."""
    big = 2**64 - 1
    return helpers.frames(
        helpers.cross(big, price=1, locate=1), helpers.cross(1, price=1, locate=1),
        helpers.cross(2**33, price=2**31, locate=2),
        helpers.cross(2**33, price=2**31 - 1, locate=3),
        *[helpers.add(shares=2**32 - 1, price=2**32 - 1, locate=4)] * 3,
        helpers.cross(big, price=0, locate=5), helpers.trade(locate=0), helpers.trade(locate=65535),
    )  # fmt: skip


def corpus() -> Iterator[bytes]:
    """The files, always the same."""
    noise = random.Random(20200130)
    sound = [
        helpers.small_itch(), helpers.small_pcap(), helpers.small_pcap(order=">", unit="ns"),
        restarting(), overflowing(),
    ]  # fmt: skip
    yield from sound
    for content in sound:
        yield gzip.compress(content, mtime=0)[: 20 + len(content) // 8]
        for _ in range(25):
            yield mutated(content, noise)
            yield content[: noise.randrange(len(content))]


def digest(content: bytes) -> str:
    """Everything that a feed of these bytes says, as one line."""
    try:
        feed = zcviz.open(content)
    except ZcvizError as error:
        return f"refused: {error}"
    found = hashlib.sha256()
    with feed:
        index = feed.index
        arrays = [index.offsets, index.sizes, index.tags]
        if index.datagrams is not None:
            arrays += vars(index.datagrams).values()
        for array in arrays:
            found.update(array.tobytes())
        for message in feed.protocol:
            table = feed.table(message.name)
            for name in table:
                found.update(table[name].tobytes())
        found.update(repr(EVERY_PIPELINE["columnar"](feed)).encode())
        found.update(repr(feed.symbols).encode())
        return f"{found.hexdigest()} {json.dumps(feed.info())}"


if __name__ == "__main__":
    for content in corpus():
        print(digest(content))
