"""What all tests share: kinds of buffers, files to read, real captures where there are any."""

from __future__ import annotations

import gc
import mmap
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from tests import helpers
from tests.receive.namespaces import own_network

ROOT = Path(__file__).resolve().parents[1]

# Machines are slow at odd times; what a test may take is bounded by its number of examples.
settings.register_profile(
    "zcviz",
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("zcviz")


def _mapped(data: bytes) -> mmap.mmap:
    whole = mmap.mmap(-1, max(1, len(data)))
    whole[: len(data)] = data
    return whole


BUFFERS = {
    "bytes": bytes,
    "bytearray": bytearray,
    "mmap": _mapped,
    "ndarray": lambda data: np.frombuffer(bytearray(data), np.uint8),
    "read-only ndarray": lambda data: np.frombuffer(data, np.uint8),
    "memoryview": memoryview,
    "writable memoryview": lambda data: memoryview(bytearray(data)),
}


@pytest.fixture(params=BUFFERS)
def as_buffer(request):
    """A function that puts bytes into one kind of buffer; every test that asks runs for each."""
    return BUFFERS[request.param]


@pytest.fixture(autouse=True)
def _only_what_the_test_makes_is_looked_through():
    # Who holds memory is found among all objects there are; of pytest's own there are a million.
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="module")
def own_loopback():
    """A network with nothing but a loopback of its own, where that is permitted."""
    with own_network():
        yield


@pytest.fixture
def itch_file(tmp_path):
    """A small, undamaged BinaryFILE."""
    path = tmp_path / "day.itch"
    path.write_bytes(helpers.frames(*helpers.day()))
    return path


@pytest.fixture
def pcap_file(tmp_path):
    """A small capture with something wrong or unusual in nearly every packet."""
    path = tmp_path / "odd.pcap"
    path.write_bytes(helpers.small_pcap())
    return path


@pytest.fixture(scope="session")
def captures() -> Path:
    """The folder of real captures."""
    folder = Path(os.environ.get("ZCVIZ_CAPTURES") or ROOT.parent / "shared" / "captures")
    if not folder.is_dir():
        pytest.skip(f"no real captures: neither ZCVIZ_CAPTURES nor {folder} is a folder")
    return folder


@pytest.fixture
def zcviz_run():
    """Run the command line in a process of its own, and return how that ended."""

    def run(*words, **options) -> subprocess.CompletedProcess[bytes]:
        env = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})}
        command = [sys.executable, "-m", "zcviz", *map(os.fspath, words)]
        options = {"stdin": subprocess.DEVNULL, "timeout": 60, **options}
        return subprocess.run(command, capture_output=True, check=False, env=env, **options)

    return run
