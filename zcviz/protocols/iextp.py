"""IEX-TP: numbered messages in segments, one segment a datagram.

Source: IEX Transport Specification, version 1.26 of 2 June 2026 (of the protocol's version 1),
"Outbound Segment Format". All integers are little-endian.
"""

from ..spec import Framing, Message, i64, u8, u16, u32

__all__ = ["BLOCK", "HEADER", "VERSION", "iextp"]

_TITLE = "IEX-TP 1.26, 2026-06-02"

VERSION = 1

HEADER = Message(
    "iextp",
    size=40,
    order="<",
    source=f"{_TITLE}, § Outbound Segment Format: IEX-TP Header",
    fields=(
        u8("version", doc="Of the transport protocol."),
        u8("reserved"),
        u16(
            "message_protocol_id",
            codes={0x8002: "TOPS 1.5", 0x8003: "TOPS 1.6", 0x8004: "DEEP 1.0", 0x8005: "DEEP+"},
        ),
        u32("channel_id", doc="Messages of equal number on one channel are duplicates."),
        u32("session_id"),
        u16("payload_length", unit="bytes", doc="Of what follows this header."),
        u16("message_count", codes={0: "heartbeat"}),
        i64("stream_offset", unit="bytes", doc="Of the payload in the session's stream."),
        i64("first_message_sequence_number", doc="In a heartbeat, of the message to come."),
        i64("send_time", unit="ns", clock="Unix epoch, UTC"),
    ),
)

BLOCK = Message(
    "iextp_block",
    size=2,
    order="<",
    source=f"{_TITLE}, § Outbound Segment Format: Message Block",
    fields=(u16("length", unit="bytes", doc="Of the message that follows; may be 0."),),
)


def iextp(message_protocol_id: int) -> Framing:
    """Declare the segments that carry one message protocol."""
    return Framing(
        "iextp",
        source=HEADER.source,
        header=HEADER,
        prefix=BLOCK,
        sequence="first_message_sequence_number",
        count="message_count",
        payload="payload_length",
        channel=("channel_id", "session_id"),
        fixed={"version": VERSION, "message_protocol_id": message_protocol_id},
    )
