"""Words that the kernel of the system writes while we read them, and the other way round.

A ring hands memory over by a status word: who has seen the word must also see what was written
before it. Processors such as ARM's reorder that unless told, and a compiler reads a word that a
loop only looks at once for all. An *acquire* load and a *release* store forbid both.
"""

from __future__ import annotations

import platform
from ctypes import c_uint32
from typing import Any

from ._jit import COMPILED, jit

__all__ = ["ORDERED", "acquire", "load_acquire", "release", "store_release"]

ORDERED: bool = COMPILED or platform.machine().lower() in ("x86_64", "amd64", "i686")
"""Whether both are what they say here. Without numba they are plain reads and writes of an aligned
word: on x86 such a load is not overtaken by later ones, nor such a store by earlier ones (Intel 64
manual, volume 3, 'Memory ordering'), and the interpreter calls C for each, one after another.
"""


def _plain_load(address: int) -> int:
    return c_uint32.from_address(address).value


def _plain_store(address: int, value: int) -> None:
    c_uint32.from_address(address).value = value


def _compiled() -> tuple[Any, Any]:
    from llvmlite import ir
    from numba import types
    from numba.extending import intrinsic

    word, wide = ir.IntType(32), ir.IntType(64)

    def load(typing: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            place = builder.inttoptr(given[0], word.as_pointer())
            return builder.zext(builder.load_atomic(place, "acquire", 4), wide)

        return types.int64(types.int64), generate

    def store(typing: Any, address: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            place = builder.inttoptr(given[0], word.as_pointer())
            builder.store_atomic(builder.trunc(given[1], word), place, "release", 4)
            return context.get_dummy_value()

        return types.void(types.int64, types.int64), generate

    return intrinsic(load), intrinsic(store)


acquire, release = _compiled() if COMPILED else (_plain_load, _plain_store)
"""Load a word from an address, store one there: for kernels. Addresses are not checked."""


@jit
def load_acquire(address: int) -> int:
    """Return the 32-bit word at an aligned address: what was written before it is seen as well."""
    return acquire(address)


@jit
def store_release(address: int, value: int) -> None:
    """Store a 32-bit word at an aligned address: whoever sees it sees what was written before."""
    release(address, value)
