"""CME MDP 3.0: numbered packets of SBE messages, which a schema describes.

Source: CME Group Client Systems Wiki, "MDP 3.0 - SBE Technical Headers" and "MDP 3.0 - SBE Message
Header" (2024); checked against a recorded feed of schema version 6. Integers are little-endian.
"""

from ..spec import Framing, Message, Protocol, u16, u32, u64

__all__ = ["HEAD", "MDP3", "MESSAGE_SIZE", "PACKET"]

PACKET = Message(
    "mdp3_packet",
    size=12,
    order="<",
    source="CME MDP 3.0, SBE Technical Headers: binary packet header for UDP",
    fields=(
        u32("msg_seq_num", doc="Of the packet, on its channel; starts anew each week."),
        u64("sending_time", unit="ns", clock="Unix epoch, UTC"),
    ),
)

MESSAGE_SIZE = Message(
    "mdp3_message_size",
    size=2,
    order="<",
    source="CME MDP 3.0, SBE Message Header",
    fields=(u16("length", unit="bytes", doc="Of the message, these two bytes included."),),
)

HEAD = Message(
    "mdp3_message",
    size=8,
    order="<",
    source="CME MDP 3.0, SBE Message Header",
    fields=(
        u16("block_length", unit="bytes", doc="Of the root block, without this header."),
        u16("template_id"),
        u16("schema_id"),
        u16("version", doc="Of the schema."),
    ),
)

CME = Framing(
    "mdp3",
    source=PACKET.source,
    header=PACKET,
    prefix=MESSAGE_SIZE,
    counted=MESSAGE_SIZE.size,
    sequence="msg_seq_num",
    numbers="packets",
)

MDP3 = Protocol(
    "mdp3",
    "CME MDP 3.0",
    framings=(CME,),
    head=HEAD,
    schema_id=1,
    time="TransactTime",
    zone="America/Chicago",
)
