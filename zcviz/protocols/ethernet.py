"""Ethernet II frames and the VLAN tags that may stand before the payload's type.

Source: IEEE 802.3-2022, §3.1 (frame); IEEE 802.1Q-2022, §9.6 (tags; 802.1ad uses the same shape).
Switches from before 802.1ad mark the outer of two tags by 0x9100.
"""

from ..spec import Message, raw, u16

__all__ = ["ETHERTYPES", "HEADER", "IPV4", "IPV6", "VLAN", "VLAN_TYPES"]

IPV4, IPV6 = 0x0800, 0x86DD
VLAN_TYPES = (0x8100, 0x88A8, 0x9100)

ETHERTYPES = {
    IPV4: "IPv4",
    IPV6: "IPv6",
    0x8100: "802.1Q tag",
    0x88A8: "802.1ad tag",
    0x9100: "outer tag",
    0x0806: "ARP",
}

HEADER = Message(
    "ethernet",
    size=14,
    source="IEEE 802.3-2022, §3.1.1",
    fields=(raw("destination", 6), raw("source", 6), u16("ethertype", codes=ETHERTYPES)),
)

VLAN = Message(
    "vlan_tag",
    size=4,
    source="IEEE 802.1Q-2022, §9.6",
    fields=(
        u16("control", doc="Priority (3 bits), drop eligible (1), VLAN identifier (12)."),
        u16("ethertype", codes=ETHERTYPES),
    ),
)
