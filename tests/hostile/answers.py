"""All there is to ask of a feed, asked: whatever the bytes, the answers fit each other.

`answers` says what it heard in lines, so that two ways to compute it can be compared.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Iterator

import numpy as np

import zcviz
from tests.agreement import EVERY_PIPELINE, indexed, walked
from tests.sbe import paths
from zcviz.codec import reference
from zcviz.codec.parts import after
from zcviz.errors import DecodeError, SelectionError, ZcvizError
from zcviz.feed import Feed
from zcviz.native import decode
from zcviz.spec import Message
from zcviz.summary import symbol_text
from zcviz.table import Table

__all__ = ["answers"]


def answers(content, protocol=None, schema=None, *, summaries=True, frames=False) -> list[str]:
    """Open bytes and ask for everything: one line an answer, or the one that says why not.

    `summaries` asks for what pipelines, rows and books make of it, `frames` for what pandas and
    Arrow do, which takes long.
    """
    try:
        feed = zcviz.open(content, protocol, schema)
    except ZcvizError as error:
        assert str(error)
        return [f"refused: {error}"]
    with feed:
        told = [*_whole(feed), *_types(feed, frames=frames)]
        return [*told, *_summaries(feed), *_selected(feed)] if summaries else told


def _digest(*arrays: np.ndarray) -> str:
    found = hashlib.sha256()
    for array in arrays:
        values = repr(array.tolist()).encode() if array.dtype == object else array.tobytes()
        found.update(array.dtype.str.encode() + values)
    return found.hexdigest()[:16]


def _whole(feed: Feed) -> Iterator[str]:
    # Of the feed as such; walk and index agree.
    info = json.loads(json.dumps(feed.info()))
    assert info["messages"] == len(feed) == sum(info["counts"].values())
    assert info["errors_total"] >= len(info["errors"])
    assert all(0 <= error["offset"] <= len(feed.data) for error in info["errors"])
    if info["truncated"] is not None:
        assert info["truncated"]["offset"] + info["truncated"]["bytes"] == len(feed.data)
    yield json.dumps(info)
    index = feed.index
    arrays = [index.offsets, index.sizes, index.tags]
    assert (index.offsets.astype(np.int64) + index.sizes <= len(feed.data)).all()
    if index.datagrams is not None:
        arrays += vars(index.datagrams).values()
    yield f"index {_digest(*arrays)} {feed.date}"
    (there, report), (here, again) = walked(feed.capture), indexed(feed.capture)
    assert there == here
    for field in dataclasses.fields(report):
        assert getattr(report, field.name) == getattr(again, field.name), field.name


def _types(feed: Feed, *, frames: bool) -> Iterator[str]:
    # Message by message and column by column.
    counts = feed.counts()
    seen: dict[int, list[dict | None]] = {}
    records = []
    for view in feed.views():
        record = view.to_record()
        records.append(record)
        expected = reference(view.message, feed.data, view._at)
        assert repr(record._asdict()) == repr(expected)
        seen.setdefault(view.message.key, []).append(_told(view, feed.data))
    assert repr(records) == repr(list(feed.records()))
    for message in feed.protocol:
        count = counts.get(message.tag_text, 0)
        assert len(seen.get(message.key, ())) == count
        if count:
            table = feed.table(message.name)
            yield f"{message.name} {count} {_columns(table, count, frames=frames)}"
            yield from _groups(table, message, seen[message.key], frames=frames)


def _told(view, data) -> dict | None:
    # What a view says of a whole message; None where its parts do not fit.
    try:
        whole = view.to_dict()
        if view.message.groups or view.message.data:
            after(view.message, view._place, view._at, data)  # parts that the schema does not know
        return whole
    except DecodeError as error:
        assert 0 <= error.offset <= len(data)
        return None


def _columns(table: Table, count: int, *, frames: bool) -> str:
    assert len(table) == count
    columns = [table[name] for name in table]
    assert {len(column) for column in columns} <= {count}
    assert len(table.rows(0, 3)) == min(3, count)
    if frames:
        assert len(table.to_pandas()) == count
        assert table.to_arrow().num_rows == count
        assert isinstance(table._repr_html_(), str)
    return _digest(*columns)


def _groups(
    table: Table, message: Message, seen: list[dict | None], *, frames: bool
) -> Iterator[str]:
    for path in paths(message):
        entries = table.group(path)
        rows = entries["row"]
        assert (np.diff(rows.astype(np.int64)) >= 0).all()
        assert bool(entries.problems) == (None in seen)
        yield f"{message.name}.{path} {len(entries)} {_columns(entries, len(rows), frames=frames)}"
        if "." not in path:
            told = [(at, entry) for at, each in enumerate(seen) if each for entry in each[path]]
            assert rows.tolist() == [at for at, _ in told]
            for field in entries.message.fields:
                expected = [_plain(entry[field.name]) for _, entry in told]
                assert repr(list(map(_plain, entries[field.name].tolist()))) == repr(expected)
    for data in message.data:
        assert table[data.name].tolist() == [each[data.name] if each else b"" for each in seen]


def _plain(value):
    return value.rstrip(b"\0") if isinstance(value, bytes) else value


def _selected(feed: Feed) -> Iterator[str]:
    # By symbol and by time: tables and views choose the same messages.
    protocol, counts = feed.protocol, feed.counts()
    tables = {m.name: feed.table(m.name) for m in protocol if m.tag_text in counts}
    symbols = {
        symbol_text(symbol)
        for table in tables.values() if protocol.symbol in table
        for symbol in table[protocol.symbol][:3].tolist()
    }  # fmt: skip
    choices: list[dict] = [{"symbol": symbol} for symbol in sorted(symbols)[:2]]
    if all(protocol.time in table for table in tables.values()):
        times = [int(table[protocol.time][0]) for table in tables.values()]
        choices += [{"start": min(times), "end": time} for time in times[:2]]
    for choice in choices:
        try:
            seen = Counter(view.message.name for view in feed.views(**choice))
        except SelectionError as error:  # nothing says which number that symbol has
            yield str(error)
            continue
        found = {name: len(feed.table(name, **choice)) for name in tables}
        assert seen == Counter(found)
        yield f"{choice} {found}"


def _summaries(feed: Feed) -> Iterator[str]:
    # What is made of all messages.
    summaries = {name: pipeline(feed) for name, pipeline in EVERY_PIPELINE.items()}
    for name, summary in summaries.items():
        assert summary == summaries["copying"], name
    assert summaries["copying"].messages == feed.counts()
    yield repr(summaries["copying"])
    yield repr(feed.symbols)
    decoded = decode(feed.capture, threads=1)
    for tag, rows in decoded.items():
        assert len(rows) == feed.counts().get(tag, 0)
        yield f"rows of {tag} {_digest(*(rows.column(name) for name in rows.dtype.names))}"
    for symbol in sorted(set(feed.symbols.values()))[:2]:
        try:
            book = feed.book(symbol)
        except ZcvizError as error:
            yield f"no book of {symbol}: {error}"
        else:
            yield f"book of {symbol}: {book!r} {book.bids()} {book.asks()}"
    half = feed.head(len(feed) // 2)
    assert len(half) >= len(feed) // 2
    half.close()
    assert repr(feed)
