"""Functions from a specification to something that reads or writes bytes.

========== ============================ =====================================================
module     reads one message as         copies
========== ============================ =====================================================
reference  a dictionary                 every field; the oracle of all other decoders
record     an owning named tuple        the message, once
flyweight  attributes of a moving view  only the value that is asked for
columns    one field of many messages   that column; the index and strided views are free
groups     (finds entries of groups)    nothing: where each entry lies
encode     (writes)                     the values into new bytes
========== ============================ =====================================================
"""

from .columns import dtype_of, gather, gather_columns
from .encode import encode, encode_into, encode_message
from .flyweight import BlockFlyweight, Entries, Flyweight, reader, view_of
from .groups import GroupRows, data_rows, group_of, group_rows, size_program
from .record import Record, record_of
from .reference import reference

__all__ = [
    "BlockFlyweight",
    "Entries",
    "Flyweight",
    "GroupRows",
    "Record",
    "data_rows",
    "dtype_of",
    "encode",
    "encode_into",
    "encode_message",
    "gather",
    "gather_columns",
    "group_of",
    "group_rows",
    "reader",
    "record_of",
    "reference",
    "size_program",
    "view_of",
]
