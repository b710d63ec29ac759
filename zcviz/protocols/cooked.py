"""What Linux puts in place of a link header where it captures on several interfaces at once.

Source: tcpdump.org, LINKTYPE_LINUX_SLL and LINKTYPE_LINUX_SLL2. VLAN tags may follow either.
"""

from ..spec import Message, raw, u8, u16, u32
from .ethernet import ETHERTYPES

__all__ = ["HEADER", "HEADER_2"]

_DIRECTIONS = {0: "to us", 1: "broadcast", 2: "multicast", 3: "to another host", 4: "from us"}

HEADER = Message(
    "linux_cooked",
    size=16,
    source="tcpdump.org, LINKTYPE_LINUX_SLL",
    fields=(
        u16("packet_type", codes=_DIRECTIONS),
        u16("device_type", doc="As Linux numbers them: 1 is Ethernet, 772 loopback."),
        u16("address_length", unit="bytes"),
        raw("address", 8, doc="Of the sender; padded, or cut off, to eight bytes."),
        u16("protocol", codes=ETHERTYPES),
    ),
)

HEADER_2 = Message(
    "linux_cooked_2",
    size=20,
    source="tcpdump.org, LINKTYPE_LINUX_SLL2",
    fields=(
        u16("protocol", codes=ETHERTYPES),
        u16("reserved"),
        u32("interface_index"),
        u16("device_type", doc="As Linux numbers them: 1 is Ethernet, 772 loopback."),
        u8("packet_type", codes=_DIRECTIONS),
        u8("address_length", unit="bytes"),
        raw("address", 8, doc="Of the sender; padded, or cut off, to eight bytes."),
    ),
)
