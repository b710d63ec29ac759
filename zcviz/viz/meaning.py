"""What a value on the wire says to a reader: units, scales, clocks and codes put into words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ..render import printable
from ..spec import Field

__all__ = ["clock_text", "meaning_of", "scaled_text", "value_text"]

_TICKS = {"ns": 1_000_000_000, "s": 1}  # per second


def value_text(field: Field, value: Any) -> str:
    """Return a value as it stood on the wire: text with its padding visible, raw bytes in hex."""
    if not isinstance(value, bytes):
        return str(value)
    if field.type.kind == "raw":
        return value.hex(":")
    text = value.decode("latin-1")
    kept = text.rstrip(" ")
    return printable(kept) + "·" * (len(text) - len(kept))


def meaning_of(field: Field, value: Any) -> str:
    """Return what a value means: ``320.14 USD``, ``buy``, ``09:30:00.000000001 US Eastern``.

    Empty where that would only repeat the value.
    """
    if field.type.kind == "float":
        return f"{value:,} {field.unit}" if field.unit else ""
    if value in field.codes:
        return printable(field.codes[value])
    if isinstance(value, bytes):
        if field.type.kind == "raw" and field.type.size == 4:
            return ".".join(map(str, value))
        text = value.decode("latin-1").strip(" \0")
        return printable(text) if field.type.kind == "alpha" and len(text) < len(value) else ""
    if field.flags:
        return ", ".join(name for name, mask in field.flags.items() if value & mask)
    if value == field.null:
        return "none"
    if field.clock is not None and field.unit in _TICKS:
        return clock_text(field, value)
    if field.scale:
        return f"{scaled_text(value, field.scale)} {field.unit or ''}".strip()
    return f"{value:,} {field.unit}" if field.unit else ""


def scaled_text(value: int, scale: int) -> str:
    """Return an integer with `scale` decimal places, exactly, with two of them at least."""
    sign, digits = "-" if value < 0 else "", str(abs(value)).rjust(scale + 1, "0")
    whole, fraction = digits[:-scale], digits[-scale:]
    return f"{sign}{int(whole):,}.{fraction.rstrip('0').ljust(min(2, scale), '0')}"


def clock_text(field: Field, value: int) -> str:
    """Return a time of day, or a date, of a field that has a clock."""
    ticks = _TICKS[field.unit or "s"]
    clock = field.clock or ""
    seconds, fraction = divmod(value, ticks)
    after = f".{fraction:0{len(str(ticks)) - 1}d}" if ticks > 1 else ""
    if clock.startswith("midnight"):
        minutes, second = divmod(seconds, 60)
        hours, minute = divmod(minutes, 60)
        zone = clock.partition(", ")[2]
        return f"{hours:02d}:{minute:02d}:{second:02d}{after} {zone}".strip()
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return ""
    return f"{moment:%Y-%m-%d %H:%M:%S}{after} UTC"
