"""Classic capture files: one file header, then records of a 16-byte header and a frame.

Source: IETF draft-ietf-opsawg-pcap-05, sections 4 (file header) and 5 (packet record).
The writer's own byte order is used throughout, so each table exists in both.
"""

from dataclasses import replace

from ..spec import Message, u16, u32
from .linktypes import LINKTYPES

__all__ = ["FILE_BIG", "FILE_LITTLE", "MAGICS", "RECORD_BIG", "RECORD_LITTLE"]

SOURCE = "draft-ietf-opsawg-pcap-05"

FILE_LITTLE = Message(
    "pcap_file",
    size=24,
    order="<",
    source=f"{SOURCE}, §4",
    fields=(
        u32("magic", codes={0xA1B2C3D4: "microseconds", 0xA1B23C4D: "nanoseconds"}),
        u16("version_major"),
        u16("version_minor"),
        u32("reserved1"),
        u32("reserved2"),
        u32("snap_length", unit="bytes"),
        u32("link_type", codes=LINKTYPES, doc="Low 16 bits; the top four tell of an FCS."),
    ),
)
FILE_BIG = replace(FILE_LITTLE, order=">")

RECORD_LITTLE = Message(
    "pcap_record",
    size=16,
    order="<",
    source=f"{SOURCE}, §5",
    fields=(
        u32("seconds", unit="s", clock="Unix epoch, UTC"),
        u32("fraction", doc="Microseconds or nanoseconds, as the file's magic says."),
        u32("captured_length", unit="bytes", doc="How many bytes follow."),
        u32("original_length", unit="bytes", doc="How many were on the wire."),
    ),
)
RECORD_BIG = replace(RECORD_LITTLE, order=">")

# The first four bytes as they lie in the file: byte order, and nanoseconds in one fraction unit.
MAGICS = {
    b"\xd4\xc3\xb2\xa1": (FILE_LITTLE, RECORD_LITTLE, 1000),
    b"\xa1\xb2\xc3\xd4": (FILE_BIG, RECORD_BIG, 1000),
    b"\x4d\x3c\xb2\xa1": (FILE_LITTLE, RECORD_LITTLE, 1),
    b"\xa1\xb2\x3c\x4d": (FILE_BIG, RECORD_BIG, 1),
}
