"""Search for bytes that break something: `make fuzz`.

Coverage-guided, with atheris, on all that can be asked of a feed (``tests/hostile/answers.py``).
Inputs begin as samples of every feed in every container. The plain kernels run, so that coverage
reaches into them; in the mode ``compare`` the compiled ones answer too, in a process of their own
and with each input right before a page that may not be read, and have to say the same.

The first two bytes of an input say how the rest is read: which protocol and schema are named if
any; whether it is a file, or datagrams that are put into a capture; whether pipelines, rows and
books are asked too, which takes longer than everything else. What is found goes into
``artifacts/fuzz/found``; ``--replay FILE`` does it again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import struct
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SCRATCH = ROOT / "artifacts" / "fuzz"
MODES = ("plain", "compare")
LONGEST = 1 << 13  # bytes of an input
LIMITS = (
    "-timeout=60", "-report_slow_units=60", "-rss_limit_mb=3000", f"-max_len={LONGEST}",
    "-print_final_stats=1",
)  # fmt: skip

sys.path.insert(0, str(ROOT))


# --- inputs --------------------------------------------------------------------------------------


@cache
def ways() -> list[tuple[str | None, Path | None]]:
    """Return what a caller may name: protocol and schema."""
    from zcviz.protocols import FEEDS
    from zcviz.samples import SCHEMAS

    named = [(feed, None) for feed in FEEDS] + list(SCHEMAS.items())
    return [(None, None), *((None, schema) for schema in SCHEMAS.values()), *named]


def opened(data: bytes) -> tuple[bytes, str | None, Path | None]:
    """Return what an input stands for: the bytes to open, and the protocol and schema named."""
    way = ways()[data[0] % len(ways())] if data else (None, None)
    content = data[2:]
    return (_captured(content) if data[1:2] > b"\x7f" else content), *way


def answered(data: bytes, place: Callable[[bytes], Any]) -> list[str]:
    """Ask all that an input asks for, of bytes that `place` puts into an array."""
    from tests.hostile.answers import answers

    content, *way = opened(data)
    return answers(place(content), *way, summaries=bool(data[1:2] and data[1] & 1))


def _captured(content: bytes) -> bytes:
    # Datagrams, each after two bytes that say how long it is, in a capture.
    from tests.helpers import feed_pcap

    datagrams, at = [], 0
    while at + 2 <= len(content):
        (size,) = struct.unpack_from(">H", content, at)
        datagrams.append(content[at + 2 : at + 2 + size])
        at += 2 + size
    return feed_pcap(*datagrams)


def write_corpus(feed: str, folder: Path) -> None:
    """Write inputs to begin with: samples of a feed, in every way they can be read."""
    import zcviz
    from zcviz import samples

    folder.mkdir(parents=True, exist_ok=True)
    fitting = [n for n, (name, schema) in enumerate(ways())
               if name in (None, feed) and schema in (None, samples.SCHEMAS.get(feed))]  # fmt: skip
    for container in samples.containers_of(feed):
        content = samples.small(feed, container, 12).data[: LONGEST - 2]
        inputs = [bytes([way, 0]) + content for way in fitting]
        if container == "pcap":
            with zcviz.open(content) as opened:
                table = opened.index.datagrams
                pieces = [bytes(opened.data[at : at + size]) for at, size in zip(
                    table.offsets.tolist(), table.sizes.tolist(), strict=True)]  # fmt: skip
            datagrams = b"".join(len(each).to_bytes(2, "big") + each for each in pieces)
            inputs += [bytes([way, 0xFF]) + datagrams for way in fitting]
        for number, each in enumerate(inputs):
            (folder / f"{container}-{number}").write_bytes(each)


# --- one input -----------------------------------------------------------------------------------


class Compiled:
    """A process in which the kernels are compiled; it is told inputs and says its answers."""

    def __init__(self) -> None:
        env = {**os.environ, "ZCVIZ_NO_NUMBA": ""}
        command = [sys.executable, "-X", "faulthandler", __file__, "--answer"]
        pipe: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen(command, env=env, **pipe)

    def ask(self, data: bytes) -> None:
        """Tell it an input, which it thinks about meanwhile."""
        assert self._process.stdin is not None
        self._process.stdin.write(struct.pack("<I", len(data)) + data)
        self._process.stdin.flush()

    def answers(self) -> list[str]:
        """Return what it says of the input."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            self.__init__()  # type: ignore[misc]
            raise AssertionError(f"the compiled kernels ended the process: {code}")
        answer: list[str] = json.loads(line)
        return answer


def answer_forever() -> None:
    """Be the process that `Compiled` talks to."""
    from tests.guarded import Guard

    guard = Guard(1 << 20)
    read, write = sys.stdin.buffer, sys.stdout.buffer
    while head := read.read(4):
        data = read.read(*struct.unpack("<I", head))
        try:
            told = answered(data, guard.before_end)
        except Exception:
            told = ["failed", traceback.format_exc()]
        write.write(json.dumps(told).encode() + b"\n")
        write.flush()


def check(data: bytes, compiled: Compiled | None) -> None:
    """Ask everything of one input; it fails where answers contradict each other."""
    if compiled is None:
        answered(data, _array)
        return
    compiled.ask(data)
    try:
        told = answered(data, _array)
    finally:
        others = compiled.answers()
    if others[0] == "failed":
        raise AssertionError(f"compiled only:\n{others[1]}")
    for ours, theirs in zip(told, others, strict=True):
        assert ours == theirs, f"plain: {ours[:500]}\ncompiled: {theirs[:500]}"


def _array(content: bytes) -> Any:
    # The kind of object is named in answers: let it be the same on both sides.
    import numpy as np

    return np.frombuffer(content, np.uint8)


def keep(data: bytes, error: Exception) -> None:
    """Save an input that breaks something, unless one like it is there, and say so."""
    told = traceback.format_exc()
    places = re.findall(r'File "([^"]+)", line (\d+)', told)
    like = hashlib.sha256(repr((type(error), places)).encode()).hexdigest()[:12]
    found = SCRATCH / "found" / like
    found.parent.mkdir(parents=True, exist_ok=True)
    if not found.exists():
        found.write_bytes(data)
        content, protocol, schema = opened(data)
        again = f"zcviz.open(…, {protocol!r}, {schema and schema.name!r}), {len(content)} bytes"
        print(f"FOUND {found.relative_to(ROOT)}: {again}\n{told}", file=sys.stderr, flush=True)
        print(f"Again: {sys.executable} tools/fuzz.py --replay {found.relative_to(ROOT)}",
              file=sys.stderr, flush=True)  # fmt: skip


# --- runs ----------------------------------------------------------------------------------------


def run(mode: str, folders: list[str], seconds: int) -> None:
    """Be the process that atheris runs in."""
    import atheris

    with atheris.instrument_imports(include=["zcviz"]):
        import zcviz.export
        import zcviz.feed
        import zcviz.native
        import zcviz.pipelines
        import zcviz.schema.messages
    zcviz.schema.read_schema = cache(zcviz.schema.read_schema)  # type: ignore[attr-defined]
    compiled = Compiled() if mode == "compare" else None

    def one_input(data: bytes) -> None:
        try:
            check(data, compiled)
        except Exception as error:
            keep(data, error)

    options = [*LIMITS, f"-max_total_time={seconds}", f"-artifact_prefix={SCRATCH}/found/"]
    atheris.Setup([sys.argv[0], *options, *folders], one_input)
    atheris.Fuzz()


def start(mode: str, feeds: list[str], seconds: int) -> int:
    """Fuzz for a while; return how many inputs were tried."""
    folders = [SCRATCH / "corpus" / feed for feed in feeds]
    for feed, folder in zip(feeds, folders, strict=True):
        write_corpus(feed, folder)
    (SCRATCH / "found").mkdir(parents=True, exist_ok=True)
    grown = SCRATCH / "corpus" / "grown"
    grown.mkdir(exist_ok=True)
    log = SCRATCH / f"{mode}-{'-'.join(feeds)[:60]}.log"
    command = [sys.executable, __file__, "--run", mode, "--seconds", str(seconds)]
    env = {**os.environ, "ZCVIZ_NO_NUMBA": "1"}
    with log.open("wb") as file:
        done = subprocess.run(
            [*command, str(grown), *map(str, folders)], env=env, stderr=file, stdout=file,
            check=False,
        )  # fmt: skip
    said = log.read_text(errors="replace")
    print("".join(re.findall(r"^FOUND .*?^Again: .*?\n", said, re.M | re.S)), end="")
    tried = [int(n) for n in re.findall(r"number_of_executed_units: (\d+)", said)]
    if done.returncode or not tried:
        print(f"the run ended with {done.returncode}; the end of {log}:\n{said[-3000:]}")
        return -1
    return tried[0]


def main() -> None:
    """Fuzz, in one mode after the other, or do what a process of that is for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="in all (60)")
    parser.add_argument("--mode", choices=MODES, action="append", help="one only")
    parser.add_argument("--feed", action="append", help="samples of it only, to begin with")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="try one input again")
    parser.add_argument("--run", choices=MODES, help=argparse.SUPPRESS)
    parser.add_argument("--answer", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("folders", nargs="*", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.answer:
        answer_forever()
    elif given.run:
        run(given.run, given.folders, given.seconds)
    elif given.replay:
        check(given.replay.read_bytes(), Compiled())
    else:
        fuzz(given.mode or list(MODES), given.feed, given.seconds)


def fuzz(modes: list[str], feeds: list[str] | None, seconds: int) -> None:
    """Fuzz in each mode for its part of the time, and sum up."""
    from zcviz.protocols import FEEDS

    if unknown := set(feeds or ()) - FEEDS.keys():
        sys.exit(f"no such feed: {', '.join(unknown)}; known: {', '.join(FEEDS)}")
    if not find_spec("atheris"):
        sys.exit("atheris is not installed: `make fuzz` does that, on Linux on x86-64 only")
    before, tried, bad = time.monotonic(), [], False
    known = set((SCRATCH / "found").glob("*"))
    for mode in modes:
        tried.append(start(mode, feeds or list(FEEDS), max(1, seconds // len(modes))))
        bad |= tried[-1] < 0
    new = sorted(set((SCRATCH / "found").glob("*")) - known)
    told = ", ".join(f"{n:,} in mode {mode}" for n, mode in zip(tried, modes, strict=True))
    took = time.monotonic() - before
    print(f"{took:.0f} s, inputs tried: {told}; found: {len(new)}")
    sys.exit(bool(new) or bad)


if __name__ == "__main__":
    main()
