"""The command line: ``zcviz info``, ``export``, ``book``, ``compare``, ``lab``, and so on.

Exit status: 0 done; 1 ``--strict`` and the file was cut, corrupt or had gaps; 2 usage, or nothing
could be read. What went wrong is one line on standard error.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from ._version import __version__
from .errors import ZcvizError
from .progress import Progress
from .render import printable
from .send import command as replaying

if TYPE_CHECKING:
    from .feed import Feed

__all__ = ["main"]

_DAMAGED, _UNREADABLE, _INTERRUPTED = 1, 2, 128 + signal.SIGINT


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    own, passed_on = _split(list(sys.argv[1:] if arguments is None else arguments))
    parsed = _parser().parse_args(own)
    parsed.passed_on = passed_on
    if isinstance(sys.stdout, TextIOWrapper):  # a terminal may lack characters; none may be lost
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status: int = parsed.run(parsed)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return _say("interrupted", _INTERRUPTED)
    except (ZcvizError, MemoryError) as error:
        return _say(str(error) or type(error).__name__)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _say(f"{where}{error.strerror or error}")
    return status


def _say(what: str, status: int = _UNREADABLE) -> int:
    if sys.stderr is not None:
        print(f"zcviz: {printable(' '.join(what.split()))}", file=sys.stderr)
    return status


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    # What follows -- is Jupyter's; for the other commands, names of files that begin with a dash.
    at = words.index("--") if words[:1] == ["lab"] and "--" in words else len(words)
    return words[:at], words[at + 1 :]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(_say(f"{message} (see {self.prog} --help)"))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="zcviz", description="Decode market data without copying it, and see who copies."
    )
    parser.add_argument("--version", action="version", version=f"zcviz {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    lab = commands.add_parser("lab", help="open the lessons in JupyterLab (Jupyter's own after --)")
    lab.add_argument("directory", nargs="?", type=Path, metavar="DIR")
    lab.set_defaults(run=_lab)

    info = commands.add_parser("info", help="say what is in a file")
    _add_file(info)
    info.add_argument("--json", action="store_true", help="print one JSON object")
    info.add_argument("--strict", action="store_true", help="exit 1 on damage or gaps")
    info.set_defaults(run=_info)

    export = commands.add_parser("export", help="write the messages as tables, a file a type")
    _add_file(export)
    export.add_argument("directory", type=Path, metavar="DIR")
    export.add_argument("--format", choices=["csv", "parquet", "arrow"], required=True)
    export.add_argument("--type", action="append", metavar="TAG", help="only this type; repeatable")
    export.set_defaults(run=_export)

    _add_book(commands.add_parser("book", help="show the order book of one security"))

    compare = commands.add_parser("compare", help="run the pipelines side by side")
    _add_file(compare)
    compare.add_argument("--json", action="store_true", help="print one JSON object")
    compare.set_defaults(run=_compare)

    samples = commands.add_parser("samples", help="write a synthetic session: feed.itch, feed.pcap")
    samples.add_argument("directory", type=Path, metavar="DIR")
    samples.add_argument("--messages", type=int, default=100_000, metavar="N")
    samples.add_argument("--seed", type=int, default=1, metavar="S")
    samples.set_defaults(run=_samples)

    probe = commands.add_parser("probe", help="find out which receive paths this machine permits")
    probe.add_argument("--json", action="store_true", help="print one JSON list")
    probe.set_defaults(run=_probe)

    replay = commands.add_parser("replay", help="send a file's datagrams, to loopback")
    _add_file(replay)
    replaying.add_arguments(replay)
    replay.set_defaults(run=_replay)
    return parser


def _add_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--protocol", metavar="NAME", help="do not find out, take it for this one")
    parser.add_argument("--schema", type=Path, metavar="XML")


def _open(given: argparse.Namespace, progress: Progress) -> Feed:
    from .feed import open as open_feed

    return open_feed(given.file, given.protocol, given.schema, progress=progress)


def _info(given: argparse.Namespace) -> int:
    from .damage import SKIPPED
    from .kernels import Tally

    with Progress("reading") as progress, _open(given, progress) as feed:
        info = feed.info()
        names = {tag: feed.protocol[tag].name for tag in info["counts"] if tag in feed.protocol}
    print(json.dumps(info) if given.json else _info_text(info, names))
    if not info["datagrams"] and SKIPPED[Tally.OTHER] in info["skipped"]:
        what = f"no datagram of {info['protocol']} in {info['packets']:,} packets"
        return _say(f"{info['file']}: {what}")
    damaged = info["truncated"] or info["errors_total"] or info["gaps"]
    return _DAMAGED if given.strict and damaged else 0


def _info_text(info: dict[str, Any], names: dict[str, str]) -> str:
    packed = f" in {info['compression']}" if info["compression"] else ""
    lines = [f"{printable(info['file'])}: {info['protocol']} in {info['container']}{packed}"]
    if info["packets"]:
        lines.append(f"{info['packets']:,} packets, {info['datagrams']:,} datagrams")
        lines[-1] += f", {info['heartbeats']:,} of them heartbeats"
    lines.append(f"{info['messages']:,} messages")
    lines += [
        f"  {tag:<4} {count:>12,}  {names.get(tag, 'unknown type')}"
        for tag, count in info["counts"].items()
    ]
    if info["packets"]:
        sequence = ("gaps", "missing", "duplicates", "restarts", "unsequenced")
        lines.append("sequence: " + ", ".join(f"{info[name]:,} {name}" for name in sequence))
    lines += [f"skipped: {count:,} {reason}" for reason, count in info["skipped"].items()]
    if info["truncated"]:
        cut = info["truncated"]
        lines.append(f"cut off: the last {cut['bytes']:,} bytes, from byte {cut['offset']:,} on")
    if info["errors_total"]:
        lines.append(f"{info['errors_total']:,} errors")
        lines += [
            f"  at byte {e['offset']:,}: {e['what']}: expected {e['expected']}, found {e['found']}"
            for e in info["errors"][:10]
        ]
    return "\n".join(lines)


def _export(given: argparse.Namespace) -> int:
    from .export import export

    reading, writing = Progress("reading"), Progress("writing")
    with reading as progress, _open(given, progress) as feed, writing as told:
        for path, rows in export(feed, given.directory, given.format, given.type, told):
            print(f"{printable(str(path))}: {rows:,} rows")
    return 0


def _add_book(parser: argparse.ArgumentParser) -> None:
    _add_file(parser)
    parser.add_argument("--symbol", required=True)
    parser.add_argument("--messages", type=int, metavar="N", help="after the first N of the file")
    parser.add_argument("--depth", type=int, metavar="D", help="levels a side (in words: 10)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=_book)


def _book(given: argparse.Namespace) -> int:
    from .book import feed_book

    with Progress("reading") as progress, _open(given, progress) as feed:
        book = feed_book(feed, given.symbol, given.messages, progress=progress)
    depth = 10 if given.depth is None else given.depth
    print(json.dumps(book.to_dict(given.depth)) if given.json else book.to_text(depth))
    return 0


def _compare(given: argparse.Namespace) -> int:
    from .bench import compare

    with Progress("reading") as progress, _open(given, progress) as feed:
        len(feed)
        with Progress("comparing") as comparing:
            comparison = compare(feed, progress=comparing)
    print(comparison.to_json() if given.json else comparison)
    return 0


def _samples(given: argparse.Namespace) -> int:
    from .samples import make

    with Progress("making") as progress:
        for path in make(given.directory, given.messages, given.seed, progress):
            print(f"{printable(str(path))}: {path.stat().st_size:,} bytes")
    return 0


def _probe(given: argparse.Namespace) -> int:
    from .receive import probing

    found = probing.probe()
    print(json.dumps(found) if given.json else probing.told(found))
    return 0


def _replay(given: argparse.Namespace) -> int:
    with Progress("reading") as progress, _open(given, progress) as feed:
        return replaying.run(given, feed, progress)


def _lab(given: argparse.Namespace) -> int:
    from .lab import lab

    return lab(given.directory, given.passed_on)
