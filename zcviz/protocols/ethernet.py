"""Ethernet II frames and the VLAN tags that may stand before the payload's type.

Source: IEEE 802.3-2022, §3.1 (frame); IEEE 802.1Q-2022, §9.6 (tags; 802.1ad uses the same shape).
"""

from ..spec import Message, raw, u16

__all__ = ["HEADER", "IPV4", "VLAN", "VLAN_TYPES"]

IPV4 = 0x0800
VLAN_TYPES = (0x8100, 0x88A8)

_TYPES = {IPV4: "IPv4", 0x8100: "802.1Q tag", 0x88A8: "802.1ad tag", 0x86DD: "IPv6", 0x0806: "ARP"}

HEADER = Message(
    "ethernet",
    size=14,
    source="IEEE 802.3-2022, §3.1.1",
    fields=(raw("destination", 6), raw("source", 6), u16("ethertype", codes=_TYPES)),
)

VLAN = Message(
    "vlan_tag",
    size=4,
    source="IEEE 802.1Q-2022, §9.6",
    fields=(
        u16("control", doc="Priority (3 bits), drop eligible (1), VLAN identifier (12)."),
        u16("ethertype", codes=_TYPES),
    ),
)
