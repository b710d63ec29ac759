"""BinaryFILE: messages in a file, one after another, each after its length.

Source: Nasdaq BinaryFILE specification, version 1.00, "Payload".
"""

from ..spec import Framing, Message, u16

__all__ = ["BINARYFILE", "FRAME"]

FRAME = Message(
    "binaryfile_frame",
    size=2,
    source="Nasdaq BinaryFILE 1.00, Payload",
    fields=(u16("length", unit="bytes", doc="Of the message that follows; 0 ends the session."),),
)

BINARYFILE = Framing("binaryfile", source=FRAME.source, prefix=FRAME)
