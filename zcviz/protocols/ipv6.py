"""The Internet Protocol, version 6: its fixed header, and what the headers after it begin with.

Source: RFC 8200, §3 (header) and §4 (extension headers); RFC 4302, §2 (authentication header).
"""

from ..spec import Message, raw, u8, u16, u32
from .ipv4 import PROTOCOLS

__all__ = ["AUTHENTICATION", "EXTENSION", "FRAGMENT", "HEADER", "OPTIONS"]

OPTIONS = (0, 43, 60)  # hop by hop, routing, destination: their length counts in 8 bytes, less one
FRAGMENT = 44
AUTHENTICATION = 51  # its length counts in 4 bytes, less two

_NEXT = {
    **PROTOCOLS,
    0: "hop-by-hop options",
    43: "routing",
    FRAGMENT: "fragment",
    AUTHENTICATION: "authentication",
    58: "ICMPv6",
    59: "nothing",
    60: "destination options",
}

HEADER = Message(
    "ipv6",
    size=40,
    source="RFC 8200, §3",
    fields=(
        u32("version_class_flow", doc="Version (4 bits), traffic class (8), flow label (20)."),
        u16("payload_length", unit="bytes", doc="Extension headers and payload; 0: a jumbogram."),
        u8("next_header", codes=_NEXT),
        u8("hop_limit"),
        raw("source", 16),
        raw("destination", 16),
    ),
)

EXTENSION = Message(
    "ipv6_extension",
    size=8,
    source="RFC 8200, §4",
    fields=(u8("next_header", codes=_NEXT), u8("length"), raw("options", 6)),
)
