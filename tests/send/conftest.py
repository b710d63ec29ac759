from __future__ import annotations

import pytest

from tests.send.listening import Listener


@pytest.fixture
def listener():
    made = Listener()
    yield made
    made.close()


@pytest.fixture
def other():
    made = Listener()
    yield made
    made.close()


@pytest.fixture(scope="module", autouse=True)
def _beside_nobody(own_loopback):
    """Each module has a loopback of its own."""
