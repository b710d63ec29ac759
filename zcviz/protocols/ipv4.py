"""The Internet Protocol's fixed header. Options may follow it; `version_ihl` says how many.

Source: RFC 791, §3.1.
"""

from ..spec import Message, raw, u8, u16

__all__ = ["FRAGMENT_MASK", "HEADER", "PROTOCOLS", "UDP"]

UDP = 17
PROTOCOLS = {1: "ICMP", 2: "IGMP", 6: "TCP", UDP: "UDP"}
FRAGMENT_MASK = 0x3FFF  # "more fragments" and the fragment's offset: any bit set, a piece

HEADER = Message(
    "ipv4",
    size=20,
    source="RFC 791, §3.1",
    fields=(
        u8("version_ihl", doc="Version (4 bits), header length in 32-bit words (4 bits)."),
        u8("type_of_service"),
        u16("total_length", unit="bytes", doc="Header and payload; a frame may be longer."),
        u16("identification"),
        u16("flags_fragment", doc="Flags (3 bits), fragment offset in 8-byte units (13 bits)."),
        u8("time_to_live"),
        u8("protocol", codes=PROTOCOLS),
        u16("checksum"),
        raw("source", 4),
        raw("destination", 4),
    ),
)
