"""The four bytes before IP on a loopback interface of BSD and its kin.

Source: tcpdump.org, LINKTYPE_NULL and LINKTYPE_LOOP. The number is that of the address family on
the system that captured, and systems number IPv6 differently.
"""

from dataclasses import replace

from ..spec import Message, u32

__all__ = ["HEADER_BIG", "HEADER_LITTLE", "IPV4", "IPV6"]

IPV4 = 2
IPV6 = (10, 23, 24, 28, 30)  # Linux, Windows, NetBSD and OpenBSD, FreeBSD, macOS

HEADER_BIG = Message(
    "loopback",
    size=4,
    source="tcpdump.org, LINKTYPE_LOOP",
    fields=(u32("family", codes={IPV4: "IPv4", **dict.fromkeys(IPV6, "IPv6")}),),
)
HEADER_LITTLE = replace(HEADER_BIG, order="<", source="tcpdump.org, LINKTYPE_NULL")
