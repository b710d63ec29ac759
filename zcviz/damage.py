"""What is wrong with a file, in words: the same from every traversal.

A *problem* says where, what was expected and what was found. Something *skipped* is a whole
packet, datagram or block that carries no message, with the reason.
"""

from __future__ import annotations

from typing import Protocol

from .kernels.tally import Tally

__all__ = ["PROBLEMS", "SKIPPED", "Notes", "RefusedError"]

PROBLEMS = {
    Tally.LENGTH: "length of the message",
    Tally.BLOCK: "block inside its datagram",
    Tally.TRAILING: "bytes after the last block",
    Tally.CUT_PACKET: "captured bytes of the packet",
    Tally.IP_VERSION: "ip version",
    Tally.IP_HEADER: "ip header length",
    Tally.IP_TOTAL: "ip total length",
    Tally.UDP_LENGTH: "udp length",
    Tally.AFTER_END: "bytes after the end of the session",
    Tally.CAPTURE_BLOCK: "length in the capture block",
    Tally.INTERFACE: "interface of the capture",
    Tally.PAYLOAD: "payload length of the datagram",
    Tally.GROUP: "group inside its message",
    Tally.HEADERS: "bytes before the datagram",
}
"""What a problem is about."""

SKIPPED = {
    Tally.LINK: "unknown link type",  # packets begin with something that is not read here
    Tally.NOT_IP: "not ip",  # another protocol on the wire
    Tally.NOT_UDP: "not udp",  # IP, but no UDP
    Tally.FRAGMENT: "ip fragment",  # a piece of a larger packet; pieces are not put together
    Tally.OTHER: "another protocol",  # UDP, but not the feed's: no such header begins it
    Tally.BAD_HEADER: "bad header",  # a length in it is impossible, or the capture cut it off
    Tally.EMPTY_BLOCK: "empty block",  # of no bytes; in MoldUDP64 it uses up a sequence number
    Tally.SESSION: "session packet",  # of the transport's own, such as a login
}
"""Why something was passed over."""


class Notes(Protocol):
    """Where the copying traversal writes down what it meets beside messages."""

    packets: int
    truncated: tuple[int, int] | None

    def note(self, offset: int, what: str, expected: int | str, found: int | str) -> None:
        """Count a problem."""

    def skip(self, reason: str) -> None:
        """Count something passed over."""


class RefusedError(Exception):
    """Inside a traversal, a header that cannot be true; no caller of a traversal meets it.

    Parameters
    ----------
    kind : Tally
        What is wrong.
    at : int [bytes]
    expected, found : int
    """

    def __init__(self, kind: Tally, at: int, expected: int, found: int) -> None:
        super().__init__(kind, at, expected, found)
        self.what, self.at, self.expected, self.found = PROBLEMS[kind], at, expected, found
