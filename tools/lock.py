"""Write the lists of pinned, hashed packages: `make lock`.

`binder/requirements.txt` holds the notebook environment and what builds the package, for every
platform and every supported Python; `requirements-dev.txt` holds the same pins and the developers'
tools. Versions already listed are kept while they fit pyproject.toml; `--upgrade` looks for newer
ones.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = Path("binder/requirements.txt")
DEVELOPERS = Path("requirements-dev.txt")
# What the list needs beyond pyproject.toml, each with its reason.
LIMITS = ("argon2-cffi-bindings<26",)  # the last with a wheel for Intel Macs
HEADER = """\
# {what}
# Written by `make lock` from pyproject.toml; do not edit.
"""


def compile_lock(output: Path, what: str, *arguments: str) -> None:
    """Resolve for all platforms and write `output`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    python = project["project"]["requires-python"].removeprefix(">=")
    command = [sys.executable, "-m", "uv", "--quiet", "pip", "compile", "pyproject.toml", "-"]
    command += ["--extra", "notebooks", "--universal", "--python-version", python]
    # One version of each package everywhere: what is tested here is what runs elsewhere.
    command += ["--fork-strategy", "fewest", "--generate-hashes", "--no-annotate", "--no-header"]
    command += ["--output-file", str(output), *arguments]
    # The machine's own package index and wheel folders must not decide what the list says.
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("UV_", "PIP_"))}
    extra = "\n".join((*project["build-system"]["requires"], *LIMITS))
    subprocess.run(command, cwd=ROOT, env=environment, input=extra, text=True, check=True)

    lines = (ROOT / output).read_text(encoding="utf-8").splitlines(keepends=True)
    pins = "".join(line for line in lines if not line.startswith("#"))
    if "://" in pins or "file:" in pins or "\n--" in f"\n{pins}":
        sys.exit(f"{output}: an address or an option got into the list; it was not finished")
    (ROOT / output).write_text(HEADER.format(what=what) + pins, encoding="utf-8")


def main() -> None:
    """Write both lists, the second bound to the first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--upgrade", action="store_true", help="look for newer versions")
    upgrade = ["--upgrade"] if parser.parse_args().upgrade else []
    compile_lock(NOTEBOOKS, "The notebook environment: zcviz[notebooks] and its builder.", *upgrade)
    compile_lock(
        DEVELOPERS,
        f"The pins of {NOTEBOOKS} and the developers' tools.",
        *("--group", "dev", "--constraints", str(NOTEBOOKS), *upgrade),
    )


if __name__ == "__main__":
    main()
