"""What numpy makes, and what it shares with the libraries on top of it."""

from __future__ import annotations

from .facts import Rule

__all__ = ["FRESH", "VIEWS"]

_WALKS = (
    "T", "transpose", "swapaxes", "moveaxis", "broadcast_to", "squeeze", "expand_dims", "flip",
    "sliding_window_view", "as_strided",
)  # fmt: skip
_BORROWERS = (
    "frombuffer", "memoryview", "asarray", "py_buffer", "from_buffer", "from_dlpack",
    "foreign_buffer",
)  # fmt: skip
_JOINS = (
    "concatenate", "concat", "stack", "vstack", "hstack", "column_stack", "join", "combine_chunks",
    "append", "concat_tables", "concat_arrays", "rechunk", "unify_dictionaries",
)  # fmt: skip

VIEWS: tuple[Rule, ...] = (
    (
        lambda f: f.named("cast") or (f.named("view") and f.takes("numpy.ndarray")),
        "The same bytes, read as another type.",
    ),
    (
        lambda f: f.takes("numpy.ndarray") and f.names_fields,
        "Fields of a structured array are a view whose stride is the size of a whole record.",
    ),
    (
        lambda f: f.takes("numpy.ndarray") and f.step.kind == "index",
        "Basic indexing changes where the view starts, its shape and its strides; no byte moves.",
    ),
    (
        lambda f: f.named(*_WALKS),
        "Only shape and strides change: the same bytes, walked through in another order.",
    ),
    (
        lambda f: f.named("reshape") and f.scattered,
        "The new shape, too, can be described by strides: the same bytes, and no new memory.",
    ),
    (
        lambda f: f.named("reshape", "ravel"),
        "The items lie one after another already, so a new shape needs no new memory.",
    ),
    (
        lambda f: f.named(*_BORROWERS),
        "It borrows the buffer of {operand} and keeps it alive.",
    ),
    (
        lambda f: (
            f.gives("numpy.ndarray")
            and f.named("astype", "ascontiguousarray", "require", "array", "asanyarray")
        ),
        "Type and order are what was asked for already, so the same memory is handed on.",
    ),
)

FRESH: tuple[Rule, ...] = (
    (
        lambda f: f.step.kind == "operator",
        "An operator computes new values and writes them to memory of its own.",
    ),
    (
        lambda f: f.masks,
        "A boolean mask takes items that need not lie at equal steps: they are gathered.",
    ),
    (
        lambda f: f.fancy,
        "Fancy indexing takes any items in any order, which no stride can describe: "
        "they are gathered.",
    ),
    (
        lambda f: f.takes("numpy.ndarray") and f.step.kind == "index",
        "One item is read out: it becomes a scalar of its own.",
    ),
    (
        lambda f: f.named("copy", "deepcopy", "flatten", "__copy__", "__deepcopy__"),
        "That is what {name}() is for: it always copies.",
    ),
    (
        lambda f: f.named(*_JOINS),
        "Pieces that lie in different places have to be brought into one.",
    ),
    (
        lambda f: f.named("take", "compress", "choose", "repeat", "tile", "roll", "sort"),
        "It takes items in another order or number, which no stride can describe.",
    ),
    (
        lambda f: f.named("byteswap"),
        "Every value is rewritten with its bytes turned round; "
        "view() with the other byte order would only read them so.",
    ),
    (
        lambda f: f.takes("numpy.ndarray") and f.only_order,
        "The byte order changes from {from} to {to}: every value is rewritten.",
    ),
    (
        lambda f: f.takes("numpy.ndarray") and f.objects,
        "An array of Python objects holds pointers: every value becomes an object first.",
    ),
    (
        lambda f: f.takes("numpy.ndarray") and f.gives("pyarrow.") and f.scattered,
        "Arrow's buffers know no strides: the items are brought together.",
    ),
    (
        lambda f: (
            f.takes("numpy.ndarray") and f.named("astype", "asarray", "array") and f.other_type
        ),
        "The type changes from {from} to {to}: every value is rewritten.",
    ),
    (
        lambda f: f.named("astype") and f.takes("numpy.ndarray"),
        "astype() copies even if the type stays the same, unless it is told copy=False.",
    ),
    (
        lambda f: f.named("ravel", "reshape", "ascontiguousarray", "tobytes") and f.scattered,
        "The items of {operand} do not lie one after another in that order: they are brought "
        "together.",
    ),
    (
        lambda f: f.named("require") and f.given is not None and not f.given.flags.writeable,
        "{operand} is read-only, and something writable was asked for.",
    ),
    (
        lambda f: f.named("array") and f.gives("numpy.ndarray") and f.given is not None,
        "np.array() copies unless it is told not to; np.asarray() borrows where it can.",
    ),
    (
        lambda f: f.gives("numpy.ndarray") and f.takes("builtins.list", "builtins.tuple"),
        "The values are Python objects all over memory: they are read one by one.",
    ),
)
