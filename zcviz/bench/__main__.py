"""``python -m zcviz.bench``: measure, and write REPORT.md, report.json, pipelines.svg."""

import argparse
import sys
import tempfile
from pathlib import Path

from .report import measure


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m zcviz.bench")
    parser.add_argument("--out", type=Path, default=Path("bench"), metavar="DIR")
    parser.add_argument("--messages", type=int, default=5_000_000, metavar="N")
    parser.add_argument("--rounds", type=int, default=9, metavar="N")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        report = measure(
            Path(scratch), given.messages, given.rounds, lambda what: print(what, file=sys.stderr)
        )
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "REPORT.md").write_text(report.to_markdown(), encoding="utf-8")
    (given.out / "report.json").write_text(report.to_json(), encoding="utf-8")
    picture = report.comparisons[-1].plot().to_file_svg()
    (given.out / "pipelines.svg").write_text(picture, encoding="utf-8")
    print(report.to_markdown())


if __name__ == "__main__":
    main()
