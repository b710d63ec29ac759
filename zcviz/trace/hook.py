"""Put functions that count in the place of the allocators, and the allocators back.

There is one hook for the process, and all open windows share it. It is made when the first window
opens, since it takes numba and a tenth of a second.
"""

from __future__ import annotations

import atexit
import ctypes
import mmap
import os
import sys
import sysconfig
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from .allocators import Allocator, NumpyPlace, keep_for_ever, places

__all__ = ["ACTIVE", "Hook", "aside", "hook", "pause", "rehearse"]

ACTIVE = 0  # the word that opens a window: counting.ACTIVE, without importing numba

_REMOVED = (
    "somebody put another allocator in the place of the one that counts, inside the block "
    "(stopping tracemalloc does that if it was started before the block)"
)


class Hook:
    """The memory that is counted in, and the windows that are open.

    Notes
    -----
    Memory: 144 MiB of address space. So much of it is used as the blocks fill that were held at
    once: about as much as small ones take themselves, and a page for each large one.
    """

    def __init__(self, counting: ModuleType) -> None:
        self.at = counting
        self.lock = threading.RLock()
        self.depth = 0
        self.torn: dict[int, str] = {}  # open windows, and what they missed
        self._thread = threading.local()
        self._memory = _private(8 * counting.WORDS)
        self.words = memoryview(self._memory).cast("q")
        self._functions = counting.functions()
        self._places = places()
        self._ours = self._divide(ctypes.addressof(ctypes.c_char.from_buffer(self._memory)))
        # Blocks outlive the last window, and whoever put an allocator on top of this one calls it
        # until the process ends, when Python has taken its modules apart.
        keep_for_ever(self)
        atexit.register(self._shut)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forked)

    def _divide(self, head: int) -> list[Allocator]:
        at, words = self.at, self.words
        ident = ctypes.pythonapi.PyThread_get_thread_ident
        words[at.IDENT] = ctypes.cast(ident, ctypes.c_void_p).value or 0
        words[at.IDENT_BITS] = -1 if ctypes.sizeof(ctypes.c_ulong) == 8 else 0xFFFFFFFF
        malloc, calloc, realloc, free, free_array = (each.address for each in self._functions)
        ours = []
        for domain, place in enumerate(self._places):
            word = at.DOMAIN + domain * at.DOMAIN_WORDS
            words[word + at.HEAD] = head
            words[word + at.COLUMN] = at.COUNTS + place.column * at.COLUMN_WORDS
            words[word + at.LOCKED] = place.locked
            table, buckets = at.RAW_TABLE, at.RAW_BUCKETS
            if place.locked:
                table, buckets = at.TABLE, at.TABLE_BUCKETS
            words[word + at.BUCKETS] = head + 8 * table
            words[word + at.MASK] = buckets - 1
            last = free_array if isinstance(place, NumpyPlace) else free
            ours.append(Allocator(head + 8 * word, malloc, calloc, realloc, last))
        return ours

    # --- our own work is not counted ------------------------------------------------------------

    def pause(self) -> None:
        """Count nothing of what this thread does, until `resume`."""
        self.lock.acquire()
        self.depth += 1
        # Asking anew would make an integer, which the windows outside this one would count.
        me = getattr(self._thread, "ident", 0)
        if not me:
            me = self._thread.ident = threading.get_ident()
        self.words[self.at.OURS] = me

    def resume(self) -> None:
        """Count again. Nothing in here allocates or frees."""
        self.depth -= 1
        if self.depth == 0:
            self.words[self.at.OURS] = 0
        self.lock.release()

    def rehearse(self) -> None:
        """Look up what `resume` will."""
        rehearse(self, "resume", "depth", "words", "at", "lock")
        rehearse(self.at, "OURS")
        rehearse(self.lock, "release")

    # --- windows --------------------------------------------------------------------------------

    def begin(self, thread: bool) -> memoryview | None:
        """Return the words of a new window, None if there are too many; in a pause."""
        at, words = self.at, self.words
        number = next((each for each in range(at.WINDOWS) if each not in self.torn), None)
        if number is None:
            return None
        self.torn[number] = ""  # first: garbage collection may close other windows at any time
        words[at.EPOCH] += 1
        if len(self.torn) == 1:
            words[at.BASE] = words[at.EPOCH]
        words[at.OPEN] = max(self.torn) + 1
        for domain in self._silent():
            self.install(domain)
            self.torn = dict.fromkeys(self.torn, _REMOVED)
        self.torn[number] = ""
        window = words[at.WINDOW + number * at.WINDOW_WORDS :][: at.WINDOW_WORDS]
        window[:] = memoryview(bytes(8 * at.WINDOW_WORDS)).cast("q")
        window[at.NUMBER], window[at.SINCE] = number, words[at.EPOCH]
        window[at.LOSSES] = words[at.LOST]
        window[at.THREAD] = self._thread.ident & words[at.IDENT_BITS] if thread else 0
        return window

    def end(self, window: memoryview) -> str:
        """Give a window back; return what it missed; in a pause."""
        missed = self.missed(window)
        del self.torn[window[self.at.NUMBER]]
        self.words[self.at.OPEN] = max(self.torn, default=-1) + 1
        if not self.torn:
            self.withdraw()
        return missed

    def missed(self, window: memoryview) -> str:
        """Return why the counts of an open window are not all that there was, "" if they are."""
        return _REMOVED if self._silent() else self.torn[window[self.at.NUMBER]]

    def read(self, window: memoryview) -> tuple[list[list[int]], int, int]:
        """Return the columns of a window, its peak, and how many blocks were lost."""
        at, words = self.at, window.tolist()
        starts = range(at.COUNTS, at.COUNTS + at.COLUMNS * at.COLUMN_WORDS, at.COLUMN_WORDS)
        columns = [words[start : start + at.MOVED + 1] for start in starts]
        return columns, words[at.PEAK], self.words[at.LOST] - words[at.LOSSES]

    def numpy(self) -> bool:
        """Whether numpy's data is counted, for arrays that this context makes."""
        last = self._places[-1]
        return isinstance(last, NumpyPlace) and last.serves()

    # --- the allocators -------------------------------------------------------------------------

    def _silent(self) -> list[int]:
        """Return the domains whose allocations do not come by; in a pause, with a window open."""
        silent = []
        for domain, place in enumerate(self._places):
            seen = self.at.DOMAIN + domain * self.at.DOMAIN_WORDS + self.at.SEEN
            self.words[seen] = 0
            place.touch()
            if not self.words[seen]:
                silent.append(domain)
        return silent

    def install(self, domain: int) -> None:
        """Put the functions that count on top of the allocator in use."""
        word = self.at.DOMAIN + domain * self.at.DOMAIN_WORDS + self.at.CONTEXT
        for number, address in enumerate(self._places[domain].read().words()):
            self.words[word + number] = address
        self._places[domain].write(self._ours[domain])

    def withdraw(self) -> list[int]:
        """Put back the allocators found; return the domains where that could be done."""
        word = self.at.DOMAIN + self.at.CONTEXT
        restored = []
        for domain, place in enumerate(self._places):
            # If somebody put theirs on top, it stays in their chain, and counts nothing.
            if place.read() == self._ours[domain]:
                found = word + domain * self.at.DOMAIN_WORDS
                place.write(Allocator(*self.words[found : found + 5]))
                restored.append(domain)
        return restored

    def _shut(self) -> None:
        self.words[self.at.OPEN] = 0
        self.withdraw()

    def _forked(self) -> None:
        # The lock, or a pause, may be that of a thread which this process does not have.
        self.lock = threading.RLock()
        self.depth = 0
        self.words[self.at.OURS] = 0


def _private(size: int) -> mmap.mmap:
    """Map memory that a child process gets a copy of."""
    if hasattr(mmap, "MAP_PRIVATE"):
        return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return mmap.mmap(-1, size)


_making = threading.RLock()
_made: Hook | str | None = None


def hook() -> Hook | str:
    """Return the hook of this process, or the sentence that says why there is none."""
    global _made
    with _making:
        if _made is None:
            _made = _make()
        return _made


def _make() -> Hook | str:
    if sys.implementation.name != "cpython":
        return f"allocations are counted in CPython only, and this is {sys.implementation.name}"
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return "allocations cannot be counted in a free-threaded Python yet"
    if os.environ.get("ZCVIZ_NO_NUMBA") == "1":
        return "counting allocations needs numba, which ZCVIZ_NO_NUMBA=1 turns off"
    try:
        from . import counting
    except ImportError:
        return "counting allocations needs numba"
    try:
        return Hook(counting)
    except Exception as error:  # whatever a version of Python or numba says that we do not know
        return f"allocations cannot be counted here: {type(error).__name__}: {error}"


def pause() -> Hook | None:
    """Count nothing of what this thread does; return what to resume, if anything counts."""
    if not isinstance(_made, Hook):
        return None
    _made.pause()
    return _made


def rehearse(thing: object, *names: str) -> None:
    """Look up attributes: the first time that this is done, Python may free a name it kept."""
    for name in names:
        getattr(thing, name)


@contextmanager
def aside() -> Iterator[None]:
    """Step aside while tracemalloc is started or stopped: that would bury or remove the hook."""
    paused = pause()
    if paused is None:
        yield
        return
    try:
        domains = paused.withdraw() if paused.torn else []
        yield
        for domain in domains:
            paused.install(domain)
    finally:
        paused.resume()
