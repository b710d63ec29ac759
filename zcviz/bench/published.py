"""What other projects publish about their speed. Nobody measured these figures here."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PUBLISHED", "Published"]


@dataclass(frozen=True, slots=True)
class Published:
    """One project's figures.

    Attributes
    ----------
    project, does : str
    figure : str [million messages per second]
    hardware, source : str
        As stated there.
    """

    project: str
    does: str
    figure: str
    hardware: str
    source: str


_RYZEN = "AMD Ryzen 9 9950X3D, one thread, file in memory"
_I7 = "Intel Core i7-8700, one thread, file in the page cache"

PUBLISHED = (
    Published("itch-book (C++)", "length prefixes only", "747", _RYZEN, "its README"),
    Published("itch-book (C++)", "ten message types to structs", "194", _RYZEN, "its README"),
    Published("itch-book (C++)", "structs and all order books", "17.3", _RYZEN, "its README"),
    Published("tv-itch50-cpp (C++)", "length prefixes only", "202", _I7, "its README"),
    Published("tv-itch50-cpp (C++)", "and a branch on the type", "111", _I7, "its README"),
    Published("tv-itch50-cpp (C++)", "every message to a struct", "85", _I7, "its README"),
    Published(
        "Lunyn (Rust)", "optimized parser, several threads", "107", "not stated",
        "its article “ITCH parser 107M”",
    ),
    Published(
        "Chronos-ITCH (C++)", "one message type in a loop, no lengths read", "1,660",
        "“consumer hardware”, one core", "its README",
    ),
)  # fmt: skip
