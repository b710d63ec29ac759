"""MoldUDP64: numbered blocks in datagrams.

Source: MoldUDP64 protocol specification, version 1.00, "Downstream packet".
"""

from ..spec import Framing, Message, alpha, u16, u64

__all__ = ["BLOCK", "END_OF_SESSION", "HEADER", "HEARTBEAT", "MOLDUDP64"]

HEARTBEAT = 0
END_OF_SESSION = 0xFFFF

HEADER = Message(
    "moldudp64",
    size=20,
    source="MoldUDP64 1.00, Downstream packet",
    fields=(
        alpha("session", 10),
        u64("sequence", doc="Number of the first block; 0 where the sender keeps no session."),
        u16(
            "count",
            codes={HEARTBEAT: "heartbeat", END_OF_SESSION: "end of session"},
            doc="How many blocks follow.",
        ),
    ),
)

BLOCK = Message(
    "moldudp64_block",
    size=2,
    source="MoldUDP64 1.00, Message block",
    fields=(u16("length", unit="bytes", doc="Of the message that follows; may be 0."),),
)

MOLDUDP64 = Framing(
    "moldudp64",
    source="MoldUDP64 1.00, Downstream packet",
    header=HEADER,
    prefix=BLOCK,
    sequence="sequence",
    count="count",
    channel=("session",),
    unsequenced=0,
    end=END_OF_SESSION,
)
