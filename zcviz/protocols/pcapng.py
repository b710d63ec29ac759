"""Capture files of the next generation: blocks of many types, in sections, from many interfaces.

Source: IETF draft-ietf-opsawg-pcapng, edition of May 2026: §3.1 (blocks), §3.5 (options), §4 (the
types of block), appendix A (the obsolete packet block). Each section has its writer's byte order,
so each table exists in both. A block's length stands at its end once more.
"""

from dataclasses import replace

from ..spec import Field, Message, i64, u16, u32
from .linktypes import LINKTYPES

__all__ = [
    "BIG",
    "BYTE_ORDER",
    "ENHANCED",
    "INTERFACE",
    "LITTLE",
    "MICROSECONDS",
    "OBSOLETE",
    "OFFSET",
    "OPTION_BIG",
    "OPTION_LITTLE",
    "RESOLUTION",
    "SECTION",
    "SIMPLE",
]

SECTION, INTERFACE, OBSOLETE, SIMPLE, ENHANCED = 0x0A0D0D0A, 1, 2, 3, 6
BYTE_ORDER = 0x1A2B3C4D
RESOLUTION, OFFSET = 9, 14  # options of an interface
MICROSECONDS = 6  # its resolution where it names none

_SOURCE = "draft-ietf-opsawg-pcapng (May 2026)"
_TYPES = {
    SECTION: "section",
    INTERFACE: "interface",
    OBSOLETE: "obsolete packet",
    SIMPLE: "simple packet",
    ENHANCED: "enhanced packet",
}


def _block(name: str, section: str, size: int, *fields: Field) -> Message:
    head = (u32("block_type", codes=_TYPES), u32("block_length", unit="bytes"))
    return Message(name, size, f"{_SOURCE}, {section}", (*head, *fields), order="<")


_TIME = (
    u32("timestamp_high", doc="Upper half of a count of the interface's units."),
    u32("timestamp_low"),
)
_LENGTHS = (
    u32("captured_length", unit="bytes", doc="How many bytes of the packet follow."),
    u32("original_length", unit="bytes", doc="How many were on the wire."),
)

LITTLE = {
    SECTION: _block(
        "pcapng_section",
        "§4.1",
        24,
        u32("byte_order", codes={BYTE_ORDER: "the section's own"}),
        u16("version_major"),
        u16("version_minor"),
        i64("section_length", unit="bytes", doc="Of the blocks that follow; -1: not known."),
    ),
    INTERFACE: _block(
        "pcapng_interface",
        "§4.2",
        16,
        u16("link_type", codes=LINKTYPES),
        u16("reserved"),
        u32("snap_length", unit="bytes", doc="At most so much of a packet was kept; 0: all."),
    ),
    OBSOLETE: _block(
        "pcapng_obsolete_packet",
        "appendix A",
        28,
        u16("interface"),
        u16("drops"),
        *_TIME,
        *_LENGTHS,
    ),
    SIMPLE: _block("pcapng_simple_packet", "§4.4", 12, u32("original_length", unit="bytes")),
    ENHANCED: _block("pcapng_enhanced_packet", "§4.3", 28, u32("interface"), *_TIME, *_LENGTHS),
}
"""Block type to what such a block begins with, in a little-endian section."""
BIG = {kind: replace(message, order=">") for kind, message in LITTLE.items()}
"""The same in a big-endian section."""

OPTION_LITTLE = Message(
    "pcapng_option",
    size=4,
    order="<",
    source=f"{_SOURCE}, §3.5",
    fields=(
        u16("code", codes={0: "end", RESOLUTION: "if_tsresol", OFFSET: "if_tsoffset"}),
        u16("length", unit="bytes", doc="Of the value; it is padded to four."),
    ),
)
OPTION_BIG = replace(OPTION_LITTLE, order=">")
