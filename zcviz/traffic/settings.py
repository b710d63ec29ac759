"""What a run of traffic is asked to do."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from ..errors import SelectionError
from ..receive import PATHS

__all__ = ["LIVE", "PIPELINES", "Settings"]

PIPELINES = ("none", "copying", "slicing", "flyweight", "columnar")

LIVE = ("rate", "delay", "burst")
"""Settings that may change while a run goes on; the others need a new start."""

_LIMITS = {
    "rate": (0, 10_000_000),
    "messages": (1, 30),
    "payload": (0, 1472),
    "buffer": (256, 1 << 30),
    "delay": (0, 10_000),
    "burst": (1, 1024),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """What to send, and how to receive it.

    Attributes
    ----------
    paths : tuple of str
        One or two names of `zcviz.receive.PATHS`; the traffic for both is the same.
    pipeline : str
        What decodes each datagram: one of `PIPELINES`.
    rate : float [datagrams/s]
        Offered on each path; 0 is as fast as possible.
    messages : int
        In each datagram.
    payload : int [bytes]
        Of the UDP payload. 0, or shorter than the messages take: as long as they take. Longer:
        bytes that nobody reads follow the last message.
    buffer : int or None [bytes]
        Socket buffer asked for; None leaves the system's.
    delay : float [µs]
        That the consumer spends on each datagram on top of decoding it.
    burst : int
        Datagrams sent back to back; the rate stays the same on average.

    Raises
    ------
    SelectionError
        A value makes no sense.
    """

    paths: tuple[str, ...] = ("udp.recv_into",)
    pipeline: str = "columnar"
    rate: float = 10_000.0
    messages: int = 4
    payload: int = 0
    buffer: int | None = None
    delay: float = 0.0
    burst: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "paths", tuple(self.paths))
        if not 1 <= len(self.paths) <= 2 or len(set(self.paths)) < len(self.paths):
            raise SelectionError(f"paths: expected one or two that differ, found {self.paths}")
        for path in self.paths:
            if path not in PATHS:
                raise SelectionError(f"paths: expected some of {', '.join(PATHS)}, found {path!r}")
        if self.pipeline not in PIPELINES:
            raise SelectionError(
                f"pipeline: expected one of {', '.join(PIPELINES)}, found {self.pipeline!r}"
            )
        for name, (least, most) in _LIMITS.items():
            value = getattr(self, name)
            if value is None and name == "buffer":
                continue
            whole = name not in {"rate", "delay"}
            number = isinstance(value, int if whole else int | float) and value is not True
            if not number or not least <= value <= most:
                kind = "a whole number from " if whole else ""
                raise SelectionError(
                    f"{name}: expected {kind}{least:,} to {most:,}, found {value!r}"
                )

    def changed(self, **values: Any) -> Self:
        """Return these settings with other values.

        Raises
        ------
        SelectionError
            There is no such setting, or the value makes no sense.
        """
        for name in values.keys() - self.__slots__:
            raise SelectionError(f"no setting {name!r}; there are {', '.join(self.__slots__)}")
        return replace(self, **values)

    def to_json(self) -> str:
        """Return the settings as text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the settings that `to_json` wrote."""
        return cls().changed(**json.loads(text))
