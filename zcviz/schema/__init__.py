"""SBE message schemas: from an exchange's XML to a `Protocol`."""

from .messages import read_schema

__all__ = ["read_schema"]
