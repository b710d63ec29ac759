"""The exercises of ``01_two_pipelines``."""

from __future__ import annotations

from .exercise import Task

__all__ = ["TASKS"]

TASKS: tuple[Task, ...] = ()
