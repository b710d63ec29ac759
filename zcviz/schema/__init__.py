"""SBE message schemas: from an exchange's XML to a `Protocol`."""

from .messages import clocked, read_schema

__all__ = ["clocked", "read_schema"]
