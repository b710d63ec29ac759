"""Write data/: the sample feed, its capture, and the README that describes both."""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from pathlib import Path

from zcviz import samples
from zcviz.feed import open as open_feed
from zcviz.protocols.itch50 import ITCH50
from zcviz.spec import tag_text

DATA = Path(__file__).parent.parent / "data"
MESSAGES, SEED = 50_000, 1

README = """\
# Sample data

One synthetic trading session of NASDAQ TotalView-ITCH 5.0 in two forms: {messages:,} messages about
{securities} invented securities, made by

    zcviz samples data --messages {messages} --seed {seed}

or, together with this README, by `make data`. The same command gives the same bytes on every
platform. Nothing here was recorded: the securities and market participants do not exist, and the
day, 3 January 2026, is a Saturday.

| file | bytes | sha256 |
|---|--:|---|
{files}

- `feed.itch` is a BinaryFILE: two bytes of length and a message, over and over.
- `feed.pcap` is a capture with nanosecond timestamps: {packets:,} packets (Ethernet with an 802.1Q
  tag, IPv4, UDP to a multicast group) that carry the same messages in MoldUDP64,
  {mean:.1f} to a packet on average. {heartbeats} of them are heartbeats, one for each minute of
  silence; the last three end the session.

Every execution, cancellation, deletion and replacement refers to a live order with enough shares;
executions take the oldest order at the best price; no book is ever crossed. Orders remain at the
end. The busiest security is `ZCVIZ`. `ZNEWCO` goes public at 10:10, `ZDIREC` is listed directly at
10:30, one security is paused from 11:02 to 11:12, and at 15:31 the market breaches level 1 of its
circuit breaker, too late in the day for a halt.

| type | message | count |
|---|---|--:|
{counts}
"""


def make(directory: Path) -> None:
    """Write the two files and the README."""
    paths = samples.make(directory, MESSAGES, SEED)
    with open_feed(paths[0]) as itch, open_feed(paths[1]) as capture:
        counts, info = itch.counts(), capture.info()
    tags = {tag_text(message.tag[0]): message.name for message in ITCH50 if message.tag}
    text = README.format(
        messages=MESSAGES,
        securities=counts["R"],
        seed=SEED,
        files="\n".join(_described(path) for path in paths),
        packets=info["packets"],
        mean=MESSAGES / (info["packets"] - info["heartbeats"]),
        heartbeats=info["heartbeats"],
        counts="\n".join(f"| `{tag}` | {name} | {counts[tag]:,} |" for tag, name in tags.items()),
    )
    (directory / "README.md").write_text(text, encoding="utf-8", newline="\n")


def _described(path: Path) -> str:
    content = path.read_bytes()
    return f"| `{path.name}` | {len(content):,} | `{hashlib.sha256(content).hexdigest()}` |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail on a difference")
    check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as scratch:
        make(Path(scratch))
        changed = []
        for path in sorted(Path(scratch).iterdir()):
            old, new = DATA / path.name, path.read_bytes()
            if not old.exists() or old.read_bytes() != new:
                changed.append(path.name)
                if not check:
                    DATA.mkdir(exist_ok=True)
                    old.with_suffix(".part").write_bytes(new)
                    old.with_suffix(".part").replace(old)
    print(f"data/: {'changed: ' + ', '.join(changed) if changed else 'the same bytes as before'}")
    return int(check and bool(changed))


if __name__ == "__main__":
    raise SystemExit(main())
