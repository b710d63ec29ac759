"""Kernels as they are in this process, and the plain Python that they are made of."""

from __future__ import annotations

import importlib
import sys

import pytest

import zcviz.kernels
from zcviz.kernels import COMPILED

TWINS = [
    pytest.param(
        "compiled",
        marks=pytest.mark.skipif(not COMPILED, reason="numba is not at work in this process"),
    ),
    "plain",
]


def kernels_of(twin: str, monkeypatch) -> object:
    """The package ``zcviz.kernels``, or a second copy of it that numba has not seen."""
    if twin == "compiled":
        return zcviz.kernels
    with monkeypatch.context() as patch:
        patch.setenv("ZCVIZ_NO_NUMBA", "1")
        patch.setattr("zcviz.kernels", zcviz.kernels)  # an import binds the name anew
        for name in [name for name in sys.modules if name.startswith("zcviz.kernels")]:
            patch.delitem(sys.modules, name)
        copy = importlib.import_module("zcviz.kernels")
        for name in [name for name in sys.modules if name.startswith("zcviz.kernels")]:
            del sys.modules[name]
    assert not copy.COMPILED
    return copy
