"""Pipelines run live, each in a process of its own, and what they do told 20 times a second."""

from .audience import Audience
from .publisher import Publisher
from .sample import Reading, Sample
from .state import LiveRun

__all__ = ["Audience", "LiveRun", "Publisher", "Reading", "Sample"]
