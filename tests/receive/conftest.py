"""What tests of receiving share. Nothing here needs a privilege until a test asks for it."""

from __future__ import annotations

import pytest

from tests.receive.namespaces import veth

__all__ = ["veth"]


@pytest.fixture(scope="module", autouse=True)
def _beside_nobody(own_loopback):
    """Each module has a loopback of its own."""
