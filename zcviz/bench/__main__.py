"""``python -m zcviz.bench``: measure, and write REPORT.md, report.json, pipelines.svg."""

import argparse
import sys
import tempfile
from pathlib import Path

from .markdown import to_markdown
from .run import Plan, benchmark


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m zcviz.bench")
    parser.add_argument("--out", type=Path, default=Path("bench"), metavar="DIR")
    parser.add_argument("--messages", type=int, default=5_000_000, metavar="N")
    parser.add_argument("--rounds", type=int, default=9, metavar="N")
    parser.add_argument("--no-peers", action="store_true", help="compare with no other package")
    parser.add_argument("--peers", type=Path, default=Path("bench-results/peers"), metavar="DIR",
                        help="where to install the other packages")  # fmt: skip
    parser.add_argument("--full", action="store_true", help="export a file of 2 GB")
    given = parser.parse_args()
    plan = Plan(given.messages, given.rounds, None if given.no_peers else given.peers, given.full)
    with tempfile.TemporaryDirectory() as folder:
        report = benchmark(plan, Path(folder), lambda what: print(what, file=sys.stderr))
    text = to_markdown(report)
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "REPORT.md").write_text(text, encoding="utf-8")
    (given.out / "report.json").write_text(report.to_json(), encoding="utf-8")
    picture = report.comparisons[-1].plot().to_file_svg()
    (given.out / "pipelines.svg").write_text(picture, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
