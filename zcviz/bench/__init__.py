"""Measurements: an equality gate first, then raw samples, then an immutable result."""

from .comparison import Comparison, compare

__all__ = ["Comparison", "compare"]
