from __future__ import annotations

import pytest


@pytest.fixture(scope="module", autouse=True)
def _beside_nobody(own_loopback):
    """Each module has a loopback of its own."""
