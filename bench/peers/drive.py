"""Time one way to use one peer, in that peer's environment: ``drive.py PACKAGE WAY FILE ROUNDS``.

Prints one JSON object: ``seconds`` of each round, and the ``count`` of messages, or of packets.
Every way reads the file anew, as the peer's own documentation shows it, and keeps nothing. Before
each round memory is touched and given back, as it is before our own jobs.
"""

import datetime
import gc
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from time import perf_counter

RECYCLED = 1 << 29
"""Bytes touched: what is allocated next comes from the kernel, and not from a machine's host."""


def _count(things: Iterable[object]) -> int:
    found = 0
    for _ in things:
        found += 1
    return found


def _itch_book(path: str, *tables: str) -> int:
    import itch_book

    feed = itch_book.open(path, date=datetime.date(2020, 1, 30))
    for _ in feed.batches(tables=tables):
        pass
    return int(feed.stats["messages"])


def _book_events(path: str) -> int:
    """Books, and the table of system events: the least that it does."""
    return _itch_book(path, "system_events")


def _book_quotes(path: str) -> int:
    """Books, and a table with a row for each change of the best bid or offer."""
    return _itch_book(path, "bbo")


def _book_tables(path: str) -> int:
    """Books, and every table that has no depth."""
    return _itch_book(
        path, "messages", "trades", "noii", "halts", "reg_sho", "luld", "symbols", "system_events"
    )


def _cpp_objects(path: str) -> int:
    """One object with all fields a message."""
    from itchcpp.parser import MessageParser

    with Path(path).open("rb") as file:
        return _count(MessageParser().parse_stream(file.read()))


def _cpp_books(path: str) -> int:
    """Books of all symbols; how many messages that took is not told."""
    from itchcpp.book import BookManager

    books = BookManager()
    with Path(path).open("rb") as file:
        books.process_stream(file.read())
    return 0


def _feed_objects(path: str) -> int:
    """One object with all fields a message."""
    from itch.parser import MessageParser

    with Path(path).open("rb") as file:
        return _count(MessageParser().parse_file(file))


def _meatpy_objects(path: str) -> int:
    """One object with all fields a message."""
    from meatpy.itch50 import ITCH50MessageReader

    with ITCH50MessageReader(path) as reader:
        return _count(reader)


def _cypcap_packets(path: str) -> int:
    """Header and bytes of every packet."""
    import cypcap

    with cypcap.open_offline(path) as capture:
        return _count(capture)


def _dpkt_datagrams(path: str) -> int:
    """Every packet taken apart down to UDP."""
    import dpkt

    found = 0
    with Path(path).open("rb") as file:
        for _, frame in dpkt.pcap.Reader(file):
            packet = dpkt.ethernet.Ethernet(frame).data
            found += isinstance(packet, dpkt.ip.IP) and isinstance(packet.data, dpkt.udp.UDP)
    return found


WAYS = {
    "itch-book": {"books": _book_events, "quotes": _book_quotes, "tables": _book_tables},
    "itchcpp": {"objects": _cpp_objects, "books": _cpp_books},
    "itchfeed": {"objects": _feed_objects},
    "meatpy": {"objects": _meatpy_objects},
    "cypcap": {"packets": _cypcap_packets},
    "dpkt": {"datagrams": _dpkt_datagrams},
}


def main(package: str, name: str, path: str, rounds: str) -> None:
    """Run a way once to warm up, then time it."""
    way = WAYS[package][name]
    count, seconds = way(path), []
    for _ in range(int(rounds)):
        gc.collect()
        bytearray(b"1") * RECYCLED
        start = perf_counter()
        way(path)
        seconds.append(perf_counter() - start)
    print(json.dumps({"seconds": seconds, "count": count}))


if __name__ == "__main__":
    main(*sys.argv[1:])
