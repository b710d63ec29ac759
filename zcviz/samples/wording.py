"""What each message says: its fields, from what happened and to which security."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..protocols.binaryfile import FRAME
from ..protocols.itch50 import ITCH50
from .books import Moves
from .columns import Values, scatter
from .day import HALTS, MAKERS, RELEASE, SECOND
from .listing import DIRECT, IPO, TICK, Listing
from .plan import Span

__all__ = ["SIZES", "stream_of"]

Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]
Text = NDArray[np.bytes_]

SIZES = np.zeros(256, np.int64)
"""Message type to size [bytes]."""
for _message in ITCH50:
    assert _message.tag is not None
    SIZES[_message.key] = _message.size

_MPID = np.array([f"ZMM{chr(65 + n)}" for n in range(MAKERS)], "S4")
_STATE, _REASON = (np.array(part) for part in zip(*HALTS, strict=True))
# 7, 13 and 20 % under an index that closed at 6000.
_DECLINES = {"level_1": 5580 * 10**8, "level_2": 5220 * 10**8, "level_3": 4800 * 10**8}


class Rows(NamedTuple):
    """The messages of one type: columns of the plan and of what the market made of it."""

    time: Ints
    security: Ints
    code: Bytes
    side: Bytes
    reference: Ints
    other: Ints
    shares: Ints
    price: Ints
    random: Ints
    listing: Listing

    @property
    def stock(self) -> Text:
        """Padded names."""
        return self.listing.stock[self.security]

    @property
    def letter(self) -> Text:
        """The codes of the plan as text."""
        return self.code.view("S1")

    def percent(self, share: int | Ints) -> Ints:
        """Return so much of the price, in whole cents."""
        return self.price * share // (100 * TICK) * TICK


def stream_of(
    span: Span, moves: Moves, random: Ints, listing: Listing
) -> tuple[Bytes, NDArray[np.int64]]:
    """Return the messages as a BinaryFILE has them, and the bytes that each takes up there."""
    sizes = SIZES[moves.tag] + FRAME.size
    starts = np.cumsum(sizes) - sizes
    stream = np.empty(int(sizes.sum()), np.uint8)
    scatter(stream, starts, FRAME, {"length": sizes - FRAME.size})
    columns = (span.time, span.security, span.code, *moves[1:], random)
    for message in ITCH50:
        assert message.tag is not None
        which = np.flatnonzero(moves.tag == message.key)
        if len(which):
            rows = Rows._make([*(column[which] for column in columns), listing])
            says = {**_prefix(rows), **_SAYS[message.tag_text](rows)}
            scatter(stream, starts[which] + FRAME.size, message, says)
    return stream, sizes


def _prefix(rows: Rows) -> Values:
    return {
        "stock_locate": rows.security + 1,
        "tracking_number": rows.random >> 55 & 14,
        "timestamp": rows.time,
    }


def _one_of(letters: bytes, index: Ints) -> Text:
    return np.frombuffer(letters, "S1")[index]


def _stock_directory(rows: Rows) -> Values:
    traits, listed = rows.listing.traits[rows.security], rows.listing.listed[rows.security]
    special = np.isin(rows.security, rows.listing.ranked[[IPO, DIRECT]])
    fund = (traits & 7 == 0) & ~special
    leverage = np.where(fund, 1 + (traits >> 3 & 3) % 3, 0)
    new = np.where(rows.security == rows.listing.ranked[IPO], b"Y", b"Z")
    return {
        "stock": rows.stock,
        "market_category": np.where(
            listed, _one_of(b"QQGS", traits >> 5 & 3), _one_of(b"NPAZ", traits >> 5 & 3)
        ),
        "financial_status_indicator": np.where(
            listed, _one_of(b"NNNNNNND", np.where(special, 0, traits >> 7 & 7)), b" "
        ),
        "round_lot_size": 100,
        "round_lots_only": b"N",
        "issue_classification": np.where(fund, b"Q", b"C"),
        "issue_sub_type": np.where(fund, b"E ", b"Z "),
        "authenticity": b"P",
        "short_sale_threshold_indicator": np.where(listed, b"N", b" "),
        "ipo_flag": np.where(special, new, np.where(listed, b"N", b" ")),
        "luld_reference_price_tier": _one_of(b"12", traits >> 10 & 1),
        "etp_flag": np.where(fund, b"Y", b"N"),
        "etp_leverage_factor": leverage,
        "inverse_indicator": np.where((leverage > 1) & (traits >> 11 & 1 == 1), b"Y", b"N"),
    }


def _order(rows: Rows) -> Values:
    return {
        "order_reference_number": rows.reference,
        "buy_sell_indicator": rows.side.view("S1"),
        "shares": rows.shares,
        "stock": rows.stock,
        "price": rows.price,
    }


def _execution(rows: Rows) -> Values:
    return {
        "order_reference_number": rows.reference,
        "executed_shares": rows.shares,
        "match_number": rows.other,
    }


def _imbalance(rows: Rows) -> Values:
    direction = rows.random >> 20 & 3
    reference = rows.percent(100)
    near = reference + TICK * ((rows.random >> 22 & 7) - 3)  # the fair price is at least 200 cents
    far = near + TICK * ((rows.random >> 43 & 7) - 3)
    percent_off = np.abs(near - reference) * 100 // reference
    return {
        "paired_shares": 100 * (rows.random >> 25 & 1023),
        "imbalance_shares": np.where(direction == 3, 0, 100 * (1 + (rows.random >> 35 & 255))),
        "imbalance_direction": _one_of(b"BSBN", direction),
        "stock": rows.stock,
        "far_price": far,
        "near_price": near,
        "current_reference_price": reference,
        "cross_type": rows.letter,
        "price_variation_indicator": _one_of(b"L123456789A", np.minimum(percent_off, 10)),
    }


_SAYS: Mapping[str, Callable[[Rows], Values]] = {
    "S": lambda rows: {"event_code": rows.letter},
    "R": _stock_directory,
    "H": lambda rows: {
        "stock": rows.stock,
        "trading_state": _STATE[rows.code],
        "reserved": b" ",
        "reason": _REASON[rows.code],
    },
    "Y": lambda rows: {"stock": rows.stock, "reg_sho_action": rows.letter},
    "L": lambda rows: {
        "mpid": _MPID[rows.code],
        "stock": rows.stock,
        "primary_market_maker": _one_of(b"YN", rows.code & 1),
        "market_maker_mode": b"N",
        "market_participant_state": b"A",
    },
    "V": lambda rows: _DECLINES,
    "W": lambda rows: {"breached_level": rows.letter},
    "K": lambda rows: {
        "stock_locate": 0,
        "stock": rows.stock,
        "ipo_quotation_release_time": RELEASE[IPO] // SECOND,
        "ipo_quotation_release_qualifier": rows.letter,
        "ipo_price": rows.percent(100),
    },
    "J": lambda rows: {
        "stock": rows.stock,
        "auction_collar_reference_price": rows.percent(100),
        "upper_auction_collar_price": rows.percent(105 + 5 * rows.code.astype(np.int64)),
        "lower_auction_collar_price": rows.percent(95 - 5 * rows.code.astype(np.int64)),
        "auction_collar_extension": rows.code,
    },
    "h": lambda rows: {
        "stock": rows.stock,
        "market_code": b"X",
        "operational_halt_action": rows.letter,
    },
    "A": _order,
    "F": lambda rows: {**_order(rows), "attribution": _MPID[rows.random >> 40 & MAKERS - 1]},
    "E": _execution,
    "C": lambda rows: {
        **_execution(rows),
        "printable": np.where(rows.letter == b"N", b"N", b"Y"),
        "execution_price": rows.price,
    },
    "X": lambda rows: {
        "order_reference_number": rows.reference,
        "cancelled_shares": rows.shares,
    },
    "D": lambda rows: {"order_reference_number": rows.reference},
    "U": lambda rows: {
        "original_order_reference_number": rows.reference,
        "new_order_reference_number": rows.other,
        "shares": rows.shares,
        "price": rows.price,
    },
    "P": lambda rows: {
        **_order(rows),
        "order_reference_number": 0,
        "buy_sell_indicator": b"B",
        "match_number": rows.other,
    },
    "Q": lambda rows: {
        "shares": rows.shares,
        "stock": rows.stock,
        "cross_price": rows.price,
        "match_number": rows.other,
        "cross_type": rows.letter,
    },
    "B": lambda rows: {"match_number": rows.other},
    "I": _imbalance,
    "N": lambda rows: {
        "stock": rows.stock,
        "interest_flag": _one_of(b"BSAN", rows.random >> 40 & 3),
    },
    "O": lambda rows: {
        "stock": rows.stock,
        "open_eligibility_status": rows.letter,
        "minimum_allowable_price": rows.percent(80),
        "maximum_allowable_price": rows.percent(180),
        "near_execution_price": rows.percent(100),
        "near_execution_time": rows.time - SECOND,
        "lower_price_range_collar": rows.percent(90),
        "upper_price_range_collar": rows.percent(110),
    },
}
