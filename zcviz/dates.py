"""Clocks of fields as points in time.

A clock that counts from the Unix epoch needs nothing else. One that counts from midnight needs the
day, and the zone of the exchange: its count is taken as the time *elapsed* since that midnight, so
on the two days a year on which clocks are changed it runs on evenly, and a count beyond 24 hours
is on the next day.
"""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import MissingExtraError, SelectionError
from .spec import Field
from .values import nulls

__all__ = ["as_date", "day_of", "instants", "is_time", "midnight"]

_TICKS = {"ns": 1, "us": 1_000, "µs": 1_000, "ms": 1_000_000, "s": 1_000_000_000}  # in ns
_LAST = np.iinfo(np.int64).max
_NONE = np.datetime64("NaT")


def is_time(field: Field) -> bool:
    """Whether a field's values are points in time, with a day or without."""
    clock = field.clock or ""
    return field.unit in _TICKS and clock.startswith(("midnight", "Unix epoch"))


def as_date(date: datetime.date | str) -> datetime.date:
    """Return a date of text such as ``"2020-01-30"``; of a datetime, its day.

    Raises
    ------
    SelectionError
        The text is no date.
    """
    if isinstance(date, datetime.datetime):
        return date.date()
    if isinstance(date, datetime.date):
        return date
    try:
        return datetime.date.fromisoformat(date)
    except (TypeError, ValueError):
        raise SelectionError(f"{date!r} is no date: expected YYYY-MM-DD") from None


def midnight(date: datetime.date, zone: str) -> int:
    """Return when a day begins in a time zone [ns since the Unix epoch].

    Raises
    ------
    SelectionError
        The day is outside of 1678 to 2261, which 64 bits of nanoseconds hold.
    MissingExtraError
        The system has no table of time zones.
    """
    if not 1678 <= date.year <= 2261:
        raise SelectionError(f"{date} is outside of the years 1678 to 2261")
    start = datetime.datetime.combine(date, datetime.time(), _zone(zone))
    return int(start.timestamp()) * 1_000_000_000


def day_of(time: int, zone: str) -> datetime.date:
    """Return the day on which a time [ns since the Unix epoch] is in a time zone.

    Raises
    ------
    MissingExtraError
        The system has no table of time zones.
    """
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    moment = epoch + datetime.timedelta(seconds=time // 1_000_000_000)  # Windows refuses less
    return moment.astimezone(_zone(zone)).date()


def _zone(name: str) -> datetime.tzinfo:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except ZoneInfoNotFoundError as error:
        raise MissingExtraError(
            f"no table of time zones has {name}: pip install tzdata", name="tzdata"
        ) from error


def instants(
    column: NDArray[Any], field: Field, zone: str = "UTC", date: datetime.date | None = None
) -> NDArray[np.datetime64]:
    """Return the points in time of a column of counts.

    Parameters
    ----------
    column : (n,) integers
    field : Field
        One for which `is_time` holds.
    zone : str
        Where midnight is meant, as the IANA database names it.
    date : datetime.date, optional
        The day, for clocks that count from midnight.

    Returns
    -------
    (n,) datetime64[ns]
        In UTC; NaT where there is no value, or none that fits.

    Raises
    ------
    SelectionError
        The clock counts from midnight, and there is no date.

    Notes
    -----
    Memory: view of `column` where it counts nanoseconds since the Unix epoch and each of them
    fits; allocates 8·n bytes otherwise.
    """
    tick, start = _TICKS[field.unit or ""], 0
    if (field.clock or "").startswith("midnight"):
        if date is None:
            raise SelectionError(
                f"{field.name} counts from midnight, and of which day is not known: "
                "pass the date, such as '2020-01-30'"
            )
        start = midnight(date, zone)
    latest, earliest = (_LAST - max(start, 0)) // tick, -((_LAST + min(start, 0)) // tick)
    missing = nulls(column, field)
    if len(column) and (column.max() > latest or column.min() < earliest):
        outside = (column > latest) | (column < earliest)
        missing = outside if missing is None else missing | outside
    if missing is None and not start and tick == 1 and column.dtype.itemsize == 8:
        return column.view("datetime64[ns]")
    counts = column.astype(np.int64)
    counts *= tick
    counts += start
    times = counts.view("datetime64[ns]")
    if missing is not None:
        times[missing] = _NONE
    return times
