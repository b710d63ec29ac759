"""One way out: a destination, what is sent there, and how far it is."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..protocols.moldudp64 import HEADER
from .address import Target
from .cargo import Cargo
from .faults import Counts, Plan
from .outlet import SLOTS, outlet_for

__all__ = ["Announce", "Lane"]

Announce = Callable[[int, NDArray[np.uint64]], None]

_FULL = (errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS, errno.ENOMEM)
# Somebody's answer to a datagram before, told at the next call, which sends nothing.
_REFUSED = (errno.ECONNREFUSED, errno.ECONNRESET)
_SEQUENCE = HEADER["sequence"]


class Lane:
    """Datagrams on their way to one destination.

    Parameters
    ----------
    cargo : Cargo
    plan : Plan
    target : Target
    socket : socket
        Connected to it; closed with the lane.
    rounds : int
        How many times all of it goes out; 0: without end.
    renumber : bool
        Count sequence numbers on from round to round; takes a cargo with headers.

    Attributes
    ----------
    round, entry : int
        The entry of the plan that goes out next.
    datagrams, bytes : int
        Handed to the system.
    calls : int
        Of the system, those that failed included.
    full : int
        Calls that found no room in the system's buffer; the datagrams went out later.
    oversized : int
        Datagrams too long for the way; they were left out.
    late : int
        Batches that went out more than a millisecond after the first of them was due. Whoever
        counts them is the sender, who has the clock.
    """

    def __init__(
        self, cargo: Cargo, plan: Plan, target: Target, socket: socket.socket, rounds: int = 1,
        renumber: bool = False,
    ) -> None:  # fmt: skip
        self.cargo, self.plan, self.target, self.rounds = cargo, plan, target, rounds
        self.round = self.entry = 0
        self.datagrams = self.bytes = self.calls = 0
        self._refused = self.full = self.oversized = self.late = 0
        self._outlet = outlet_for(cargo, socket)
        self._renumber = renumber
        self._span = _span_of(cargo)

    @property
    def finished(self) -> bool:
        """Whether everything went out."""
        return bool(self.rounds) and self.round == self.rounds

    @property
    def refused(self) -> int:
        """Answers that nobody listens there."""
        return self._refused + self._outlet.untold

    @property
    def slot(self) -> int:
        """The slot at whose time the next entry goes out; see `schedule`."""
        return self.round * len(self.cargo) + int(self.plan.slots[self.entry])

    def send(self, ready: int, announce: Callable[[NDArray[np.uint64]], None] | None) -> int:
        """Send what is due, as far as it can be made ready at once.

        Parameters
        ----------
        ready : int
            The first slot that is not yet due.
        announce : callable (sequence numbers), optional
            Called before they go out.

        Returns
        -------
        int
            How many entries of the plan were dealt with; 0: nothing is due, or there is no room.

        Raises
        ------
        OSError
            The system refuses to send there at all.
        """
        if self.finished:
            return 0
        slots = self.plan.slots[self.entry : self.entry + SLOTS]
        due = int(np.searchsorted(slots, ready - self.round * len(self.cargo), "left"))
        if not due:
            return 0
        some = slice(self.entry, self.entry + due)
        which = self.plan.which[some]
        self._outlet.aim(which, self.plan.flips[some])
        sequences = self._numbered(which)
        if announce is not None:
            announce(sequences)
        return self._push(due)

    def _numbered(self, which: NDArray[np.int64]) -> NDArray[np.uint64]:
        sequences = self.cargo.sequences[which]
        if self._renumber and self.round:
            beyond = np.uint64(self.round * self._span % 2**64)
            sequences += np.where(sequences == 0, np.uint64(0), beyond)
            rows = np.ascontiguousarray(sequences, ">u8").view(np.uint8).reshape(-1, 8)
            self._outlet.headers[: len(which), _SEQUENCE.offset : _SEQUENCE.end] = rows
        return sequences

    def _push(self, due: int) -> int:
        done, sizes = 0, self._outlet.sizes
        while done < due:
            self.calls += 1
            try:
                taken = self._outlet.push(done, due)
            except OSError as error:
                if error.errno in _FULL:
                    self.full += 1
                    return done
                if error.errno in _REFUSED:
                    self._refused += 1
                elif error.errno == errno.EMSGSIZE:
                    self.oversized += 1
                    done += self._advance(1)
                elif error.errno != errno.EINTR:
                    error.filename = str(self.target)
                    raise
                continue
            self.datagrams += taken
            self.bytes += int(sizes[done : done + taken].sum())
            done += self._advance(taken)
        return done

    def _advance(self, done: int) -> int:
        self.entry += done
        if self.entry == len(self.plan):
            self.round, self.entry = self.round + 1, 0
        return done

    def counts(self) -> Counts:
        """Return which faults went out so far, over all rounds.

        `missing` and `gaps` are what a receiver finds: lost in every round, numbers that are not
        counted on are missing once.
        """
        whole = np.array(self.plan.counts(self.cargo))
        part = np.array(self.plan.counts(self.cargo, self.entry) if self.entry else Counts())
        total = whole * self.round + part
        if not self._renumber and self.round:
            total[-2:] = whole[-2:]
        return Counts(*total.tolist())

    def close(self) -> None:
        """Close the socket, and look into the feed's memory no more."""
        self._outlet.close()
        del self.cargo


def _span_of(cargo: Cargo) -> int:
    # How many numbers a round uses up.
    carrying = np.flatnonzero(cargo.numbers)
    if not len(carrying):
        return 0
    first = cargo.sequences[carrying]
    last = int(np.argmax(first))
    return int(first[last]) + int(cargo.numbers[carrying[last]]) - int(first.min())
