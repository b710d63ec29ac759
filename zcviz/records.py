"""Capture files: what kind they are, and where their packets lie.

Two kinds are read, told apart by content: classic pcap and pcapng. Both give the same table of
packets to the zero-copy traversal, and the same packets one by one to the copying one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from .blocks import INTERFACES, Packet, iter_blocks
from .buffers import Source
from .codec.flyweight import reader
from .damage import Notes
from .errors import BadMagicError, TruncatedError
from .kernels.gather import gather_integers
from .kernels.records import (
    FIRST,
    INTERFACE,
    OFFSET,
    ORDER,
    RESOLUTION,
    SECTION,
    STATE,
    scan_pcap,
    scan_pcapng,
)
from .kernels.tally import CUT, FULL, Tally
from .protocols import pcap, pcapng
from .spec import Message

__all__ = ["NO_TIME", "Records", "open_records"]

NO_TIME = np.iinfo(np.int64).min
"""In place of the time of a packet whose record has none; numpy's "not a time"."""

_PROBLEMS = 100  # that a scan writes down; it counts all of them
_SECOND = 10**9


class Records:
    """The records of a capture file: a scan that goes on where it stopped.

    Attributes
    ----------
    source : Source
    container : {"pcap", "pcapng"}
    start : int [bytes]
        Where the first record or block begins.
    position : int [bytes]
        Where the scan goes on.
    finished, cut : bool
        Whether the scan is at an end, and whether because the file cuts off what is at `position`
        or gives it a length that cannot be true.
    tally : (len(Tally),) int64
        What the scan counts.
    problems : (100, 4) int64
        The first problems that it met: kind, offset, expected, found.
    """

    container = ""

    def __init__(self, source: Source, start: int) -> None:
        self.source = source
        self.start = start
        self.tally = np.zeros(len(Tally), np.int64)
        self.problems = np.zeros((_PROBLEMS, 4), np.int64)
        self.restart()

    def restart(self) -> None:
        """Begin anew: the next scan is the first."""
        self.position = self.start
        self.finished = self.cut = False
        self.tally[:] = 0

    def scan(self, packets: NDArray[np.integer]) -> int:
        """Find the next packets.

        Parameters
        ----------
        packets : (n, 5) integers of 64 bits
            Filled from the front: offset of the record, of the packet's first byte, of the first
            one after those captured; link type; bytes on the wire.

        Returns
        -------
        int
            How many there are. 0 does not mean the end: see `finished`.

        Notes
        -----
        Memory: allocates nothing.
        """
        self.position, why, count = self._scan(packets)
        self.finished, self.cut = why != FULL, why == CUT
        return count

    def _scan(self, packets: NDArray[np.integer]) -> tuple[int, int, int]:
        raise NotImplementedError

    def iter_packets(self, report: Notes) -> Iterator[Packet]:
        """Yield every packet, from the first on, however far the scan is.

        Parameters
        ----------
        report : Notes
            Is told how many packets there are, what is wrong and where the file is cut off.

        Notes
        -----
        Memory: allocates nothing but the packets' places.
        """
        raise NotImplementedError

    def header_of(self, record: int) -> Message:
        """Return the layout of the header at a record that the scan found."""
        raise NotImplementedError

    def times(self, records: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return when packets were captured.

        Parameters
        ----------
        records : (n,) integers [bytes]
            Offsets of records that the scan found.

        Returns
        -------
        (n,) int64 [ns since the Unix epoch, UTC]
            `NO_TIME` where a record does not say.

        Notes
        -----
        Memory: allocates the times, and a few times as much along the way.
        """
        raise NotImplementedError

    def _gather(
        self, records: NDArray[np.uint64], header: Message, name: str
    ) -> NDArray[np.unsignedinteger]:
        field = header[name]
        out = np.empty(len(records), f"u{field.type.size}")
        gather_integers(self.source.data, records, field.offset, field.type.size, header.order, out)
        return out


class _Pcap(Records):
    container = "pcap"

    def __init__(self, source: Source) -> None:
        header, self._record, self._tick = pcap.MAGICS[bytes(source.view[:4])]
        if len(source) < header.size:
            raise TruncatedError(
                "pcap file header", offset=0, expected=f"{header.size} bytes", found=len(source)
            )
        # The upper bits tell of a frame check sequence, which the length of UDP leaves aside.
        self._link = int(reader(header, "link_type")(source.view, 0)) & 0xFFFF
        self._big = self._record.order == ">"
        super().__init__(source, header.size)

    def _scan(self, packets: NDArray[np.integer]) -> tuple[int, int, int]:
        return scan_pcap(
            self.source.data, self.position, self._big, self._link, packets,
            self.problems, self.tally,
        )  # fmt: skip

    def iter_packets(self, report: Notes) -> Iterator[Packet]:
        view, at, end = self.source.view, self.start, self.source.size
        captured = reader(self._record, "captured_length")
        original = reader(self._record, "original_length")
        while (start := at + self._record.size) <= end:
            stop = start + captured(view, at)
            if stop > end:
                break
            report.packets += 1
            yield Packet(at, start, stop, self._link, original(view, at))
            at = stop
        if at < end:
            report.truncated = at, end - at

    def header_of(self, record: int) -> Message:
        return self._record

    def times(self, records: NDArray[np.integer]) -> NDArray[np.int64]:
        at = np.ascontiguousarray(records, np.uint64)
        seconds = self._gather(at, self._record, "seconds").astype(np.int64)
        return seconds * _SECOND + self._gather(at, self._record, "fraction") * self._tick


class _Pcapng(Records):
    container = "pcapng"

    def __init__(self, source: Source) -> None:
        section = pcapng.LITTLE[pcapng.SECTION]
        if len(source) < section.size:
            raise TruncatedError(
                "pcapng section header", offset=0, expected=f"{section.size} bytes",
                found=len(source),
            )  # fmt: skip
        field = section["byte_order"]
        magic, order = bytes(source.view[field.offset : field.end]), pcapng.BYTE_ORDER
        if magic not in (order.to_bytes(4, "big"), order.to_bytes(4, "little")):
            raise BadMagicError(
                "byte order of the section", offset=field.offset,
                expected="1a 2b 3c 4d, in this order or the other", found=magic.hex(" "),
            )  # fmt: skip
        layouts = pcapng.BIG if magic == order.to_bytes(4, "big") else pcapng.LITTLE
        version = layouts[pcapng.SECTION]["version_major"]
        found = reader(layouts[pcapng.SECTION], version.name)(source.view, 0)
        if found != 1:
            raise BadMagicError("version of pcapng", offset=version.offset, expected=1, found=found)
        # Nearly all of it is never touched, and takes no memory.
        self._interfaces = np.empty((INTERFACES, INTERFACE), np.int64)
        self._state = np.zeros(STATE, np.int64)
        super().__init__(source, 0)

    def restart(self) -> None:
        super().restart()
        self._state[:] = 0

    def _scan(self, packets: NDArray[np.integer]) -> tuple[int, int, int]:
        return scan_pcapng(
            self.source.data, self.position, self._state, self._interfaces, packets,
            self.problems, self.tally,
        )  # fmt: skip

    def iter_packets(self, report: Notes) -> Iterator[Packet]:
        return iter_blocks(self.source.view, report)

    def _around(self, records: NDArray[np.uint64], column: int) -> NDArray[np.int64]:
        # Of the section around each record, as it was written down with the last interface.
        _, _, earlier, own = self._state.tolist()
        known = self._interfaces[: earlier + own]
        last = np.searchsorted(known[:, SECTION], records.view(np.int64), "right") - 1
        found: NDArray[np.int64] = known[last, column]
        return found

    def header_of(self, record: int) -> Message:
        (big,) = self._around(np.array([record], np.uint64), ORDER)
        layouts = pcapng.BIG if big else pcapng.LITTLE
        return layouts[reader(layouts[pcapng.SECTION], "block_type")(self.source.view, record)]

    def times(self, records: NDArray[np.integer]) -> NDArray[np.int64]:
        at = np.ascontiguousarray(records, np.uint64)
        out, order = np.full(len(at), NO_TIME), self._around(at, ORDER)
        for big, layouts in enumerate((pcapng.LITTLE, pcapng.BIG)):
            for kind in (pcapng.ENHANCED, pcapng.OBSOLETE):
                header = layouts[kind]
                those = (order == big) & (self._gather(at, header, "block_type") == kind)
                out[those] = self._times_of(at[those], header)
        return out

    def _times_of(self, records: NDArray[np.uint64], header: Message) -> NDArray[np.int64]:
        row = self._around(records, FIRST) + self._gather(records, header, "interface")
        high = self._gather(records, header, "timestamp_high").astype(np.uint64)
        units = high << np.uint64(32) | self._gather(records, header, "timestamp_low")
        times = np.empty(len(units), np.int64)
        resolutions = self._interfaces[row, RESOLUTION]
        for each in np.flatnonzero(np.bincount(resolutions)).tolist():  # a byte: not many
            those = resolutions == each
            times[those] = _nanoseconds(units[those], each)
        times += self._interfaces[row, OFFSET] * _SECOND
        return times


def _nanoseconds(units: NDArray[np.uint64], resolution: int) -> NDArray[np.int64]:
    # A unit is 10 or, if the top bit is set, 2 to the power of minus the rest.
    power = resolution & 0x7F
    if power == resolution:
        finer, coarser = min(10 ** max(power - 9, 0), 2**64 - 1), 10 ** max(9 - power, 0)
        return (units // np.uint64(finer) * np.uint64(coarser)).astype(np.int64)
    # Of a fraction in bits finer than 2**-34 s, those beyond are dropped: the rest times a billion
    # fits into 64 bits.
    bits, beyond = np.uint64(power), np.uint64(max(power - 34, 0))
    whole = units >> bits
    fraction = (units - (whole << bits) >> beyond) * np.uint64(_SECOND) >> bits - beyond
    return (whole * np.uint64(_SECOND) + fraction).astype(np.int64)


def open_records(source: Source) -> Records | None:
    """Look whether `source` is a capture file; None if it is none.

    Raises
    ------
    TruncatedError
        It is one, and ends inside its header.
    BadMagicError
        It is one, and its header cannot be true.

    Notes
    -----
    Memory: of a pcapng file, allocates 3.5 MiB for interfaces, touched as far as there are any.
    """
    magic = bytes(source.view[:4])
    if magic in pcap.MAGICS:
        return _Pcap(source)
    return _Pcapng(source) if magic == pcapng.SECTION.to_bytes(4, "big") else None
