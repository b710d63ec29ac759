"""What the report says about the machine, beyond what every comparison says."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

from ..forms import choose_form, forms
from .measure import host, recycle

__all__ = ["machine"]

_HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")
_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
_SAMPLE = 128 << 20


def machine() -> dict[str, str]:
    """Return what the figures of a report depend on: `host`, and how memory and SIMD behave."""
    return {
        **host(),
        "pyarrow": _version("pyarrow"),
        "rows are made by": f"{choose_form()}; this machine has {', '.join(forms())}",
        "caches of a core": _caches(),
        "memory": _memory(),
        "transparent huge pages": _huge_pages(),
        "page faults": f"{_faults():,} for {_SAMPLE >> 20} MiB of fresh memory",
    }


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _caches() -> str:
    try:
        found = [
            f"L{(each / 'level').read_text().strip()} {(each / 'size').read_text().strip()}"
            for each in sorted(_CACHES.glob("index*"))
            if (each / "type").read_text().strip() != "Instruction"
        ]
    except OSError:
        found = []
    return ", ".join(found) or "unknown"


def _memory() -> str:
    try:
        found = re.search(r"MemTotal:\s+(\d+) kB", Path("/proc/meminfo").read_text())
    except OSError:
        found = None
    return f"{int(found[1]) / 2**20:.0f} GiB" if found else "unknown"


def _huge_pages() -> str:
    try:
        found = re.search(r"\[(\w+)\]", _HUGE_PAGES.read_text())
    except OSError:
        found = None
    return f"{found[1]} (numpy asks for them)" if found else "unknown"


def _faults() -> int:
    # Few, if the kernel answers numpy's wish for huge pages; one for every 4 KiB, if it does not.
    try:
        import resource
    except ImportError:  # Windows
        return 0
    recycle(_SAMPLE)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    recycle(_SAMPLE)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
