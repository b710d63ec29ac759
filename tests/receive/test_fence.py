"""Words shared with others: read and written in order, and not once for all."""

from __future__ import annotations

import errno
import threading
import time

import numpy as np
import pytest

from zcviz import receive
from zcviz.kernels import COMPILED
from zcviz.kernels.fence import ORDERED, acquire, load_acquire, release, store_release

pytestmark = pytest.mark.skipif(not ORDERED, reason="no order without numba on this processor")


def test_words_of_32_bits():
    words = np.array([7, 0, 0xFFFFFFFF], np.uint32)
    at = words.ctypes.data
    assert load_acquire(at) == 7
    assert load_acquire(at + 8) == 0xFFFFFFFF
    store_release(at + 4, 0x1_8000_0001)
    assert words.tolist() == [7, 0x80000001, 0xFFFFFFFF]


def test_a_loop_sees_what_another_thread_stores():
    words = np.zeros(1, np.uint32)
    waits = wait
    if COMPILED:
        import numba

        waits = numba.njit(nogil=True)(wait)
        waits(words.ctypes.data, 1)
    other = threading.Timer(0.05, store_release, (words.ctypes.data, 1))
    other.start()
    began = time.monotonic()
    while not waits(words.ctypes.data, 100_000):
        assert time.monotonic() - began < 20
    other.join()


def wait(address, most):
    left = most
    while left and not acquire(address):
        left -= 1
    return left > 0


@pytest.mark.skipif(not COMPILED, reason="numba is not at work in this process")
def test_the_compiler_is_told():
    import numba

    def both(address):
        release(address, acquire(address))

    made = numba.njit(both)
    made(np.zeros(1, np.uint32).ctypes.data)
    code = next(iter(made.inspect_llvm().values()))
    assert "load atomic i32" in code
    assert " acquire" in code
    assert "store atomic i32" in code
    assert " release" in code


@pytest.mark.parametrize("path", ["packet.ring_v2", "packet.ring_v3", "xdp.copy"])
def test_without_order_no_ring_is_opened(path, monkeypatch):
    monkeypatch.setattr("zcviz.receive.ring.ORDERED", False)
    with pytest.raises(OSError, match="takes numba") as refused:
        receive.open(path)
    assert refused.value.errno == errno.ENOSYS


@pytest.mark.parametrize("path", ["packet.ring_v2", "packet.ring_v3", "xdp.copy"])
def test_elsewhere_the_refusal_is_a_sentence(path, monkeypatch):
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(OSError, match="Linux") as refused:
        receive.open(path)
    assert refused.value.errno == errno.EOPNOTSUPP
