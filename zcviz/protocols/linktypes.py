"""What a capture says its packets begin with, as a number.

Source: IETF draft-ietf-opsawg-pcaplinktype-09, table 1, of which these are the ones that can carry
IP and are read here. 12 and 14 are raw IP too, as some writers put the number of their own system.
"""

__all__ = ["COOKED", "COOKED_2", "ETHERNET", "LINKTYPES", "LOOP", "NULL", "RAW"]

NULL, ETHERNET, LOOP, COOKED, COOKED_2 = 0, 1, 108, 113, 276
RAW = (101, 228, 229, 12, 14)

LINKTYPES = {
    NULL: "BSD loopback, in the writer's byte order",
    ETHERNET: "Ethernet",
    LOOP: "BSD loopback, big-endian",
    COOKED: "Linux cooked capture v1",
    COOKED_2: "Linux cooked capture v2",
    **dict.fromkeys(RAW, "raw IP"),
}
