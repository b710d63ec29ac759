"""SoupBinTCP: packets in a stream, of which some carry a message.

Source: Nasdaq SoupBinTCP specification, version 3.00, updated 22 February 2017. A recorded stream
is a file of such packets; sequence numbers are not in it, sequenced messages are merely counted.
"""

from ..spec import Framing, Message, alpha, char, u16

__all__ = ["LOGIN_ACCEPTED", "PACKET", "SOUPBINTCP"]

_TITLE = "SoupBinTCP 3.00, 2017-02-22"

PACKET = Message(
    "soupbintcp_packet",
    size=3,
    source=f"{_TITLE}, §1.1",
    fields=(
        u16("length", unit="bytes", doc="Of the packet type and the payload."),
        char(
            "packet_type",
            codes={
                b"+": "debug text",
                b"A": "login accepted",
                b"J": "login rejected",
                b"S": "sequenced data",
                b"H": "server heartbeat",
                b"Z": "end of session",
                b"L": "login request",
                b"U": "unsequenced data",
                b"R": "client heartbeat",
                b"O": "logout request",
            },
        ),
    ),
)

# Both are padded on the left, unlike text elsewhere.
LOGIN_ACCEPTED = Message(
    "soupbintcp_login_accepted",
    size=30,
    source=f"{_TITLE}, §2.2.1",
    fields=(
        alpha("session", 10, doc="Padded with spaces on the left."),
        alpha("sequence_number", 20, doc="Of the next sequenced message, in ASCII digits."),
    ),
)

SOUPBINTCP = Framing("soupbintcp", source=PACKET.source, prefix=PACKET, counted=1, carriers=b"SU")
