"""Measurements: an equality gate first, then raw samples, then an immutable result."""

from .comparison import compare
from .result import Comparison

__all__ = ["Comparison", "compare"]
