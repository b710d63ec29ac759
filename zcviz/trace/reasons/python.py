"""What Python itself makes: bytes, text, numbers, windows on buffers."""

from __future__ import annotations

from .facts import Rule

__all__ = ["FRESH", "VIEWS"]

_OWNERS = ("builtins.bytes", "builtins.bytearray", "array.array")

VIEWS: tuple[Rule, ...] = (
    (
        lambda f: f.takes("builtins.memoryview") and (f.sliced or f.named("toreadonly")),
        "A slice of a memoryview is another window on the same bytes.",
    ),
)

FRESH: tuple[Rule, ...] = (
    (
        lambda f: f.takes(*_OWNERS) and f.sliced,
        "A slice of {type} is a new {type}, filled with a copy; "
        "a slice of a memoryview would be a view.",
    ),
    (
        lambda f: f.takes(*_OWNERS, "builtins.memoryview") and f.step.kind == "index",
        "One item is read out: it becomes a Python object of its own.",
    ),
    (
        lambda f: f.named("unpack", "unpack_from", "iter_unpack"),
        "Unpacking makes a Python object of every field.",
    ),
    (
        lambda f: f.named("tolist", "list", "to_pylist", "tuple", "ListComp", "GeneratorExp"),
        "Every value becomes a Python object of its own.",
    ),
    (
        lambda f: f.gives("builtins.bytes") and f.named("join"),
        "Pieces that lie in different places have to be brought into one.",
    ),
    (
        lambda f: f.gives("builtins.bytes", "builtins.bytearray") and f.step.kind == "operator",
        "The result owns its bytes: both operands are copied into it.",
    ),
    (
        lambda f: f.gives("builtins.bytes") and f.step.kind != "operator",
        "bytes own what they hold, so they are filled with a copy.",
    ),
    (
        lambda f: f.gives("builtins.bytearray", "array.array"),
        "It can grow, so it owns its memory and is filled with a copy.",
    ),
    (
        lambda f: f.gives("builtins.str") and f.takes(*_OWNERS, "builtins.memoryview"),
        "Text is made of bytes by decoding them into memory of its own.",
    ),
    (
        lambda f: f.gives("builtins.str"),
        "Text owns its memory, and is written there.",
    ),
)
