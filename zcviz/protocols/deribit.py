"""Deribit multicast: numbered packets of SBE messages, which a schema describes.

Source: Deribit Multicast Developer Guide, "Multicast packet encoding"; checked against a recorded
feed of schema version 3. All integers are little-endian. The header of a message is longer than
standard SBE's: it counts groups and variable data, so a message can be stepped over without knowing
its template.
"""

from ..spec import Framing, Message, Protocol, u16, u32

__all__ = ["DERIBIT", "HEAD", "PACKET"]

_TITLE = "Deribit Multicast Developer Guide"

PACKET = Message(
    "deribit_packet",
    size=8,
    order="<",
    source=_TITLE,
    fields=(
        u16("packet_length", unit="bytes", doc="Of what follows this header."),
        u16("channel_id"),
        u32("sequence", doc="Of the packet, on its channel."),
    ),
)

HEAD = Message(
    "deribit_message",
    size=12,
    order="<",
    source=_TITLE,
    fields=(
        u16("block_length", unit="bytes", doc="Of the root block, without this header."),
        u16("template_id"),
        u16("schema_id"),
        u16("version", doc="Of the schema."),
        u16("num_groups", doc="After the root block."),
        u16("num_var_data_fields", doc="After the groups."),
    ),
)

MULTICAST = Framing(
    "deribit",
    source=_TITLE,
    header=PACKET,
    sequence="sequence",
    payload="packet_length",
    channel=("channel_id",),
    numbers="packets",
)

DERIBIT = Protocol(
    "deribit",
    "Deribit multicast",
    framings=(MULTICAST,),
    head=HEAD,
    schema_id=1,
    time="timestampMs",
    clocks=dict.fromkeys(("timestampMs", "creationTimestampMs", "expirationTimestampMs"), "ms"),
)
