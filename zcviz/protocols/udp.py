"""The User Datagram Protocol's header.

Source: RFC 768.
"""

from ..spec import Message, u16

__all__ = ["HEADER"]

HEADER = Message(
    "udp",
    size=8,
    source="RFC 768",
    fields=(
        u16("source_port"),
        u16("destination_port"),
        u16("length", unit="bytes", doc="Header and payload."),
        u16("checksum", doc="0 where the sender computed none."),
    ),
)
