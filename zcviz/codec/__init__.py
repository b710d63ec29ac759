"""Functions from a specification to something that reads or writes bytes.

========== ============================ =====================================================
module     reads one message as         copies
========== ============================ =====================================================
reference  a dictionary                 every field; the oracle of all other decoders
record     an owning named tuple        the message, once
flyweight  attributes of a moving view  only the value that is asked for
columns    one field of many messages   that column; the index and strided views are free
encode     (writes)                     the values into new bytes
========== ============================ =====================================================
"""

from .columns import dtype_of, gather
from .encode import encode, encode_into
from .flyweight import Flyweight, reader, view_of
from .record import Record, record_of
from .reference import reference

__all__ = [
    "Flyweight",
    "Record",
    "dtype_of",
    "encode",
    "encode_into",
    "gather",
    "reader",
    "record_of",
    "reference",
    "view_of",
]
