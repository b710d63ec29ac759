"""What pandas, Arrow and polars make."""

from __future__ import annotations

from .facts import Rule

__all__ = ["FRESH", "VIEWS"]

VIEWS: tuple[Rule, ...] = (
    (
        lambda f: f.takes("pandas.") and f.gives("pandas."),
        "pandas shares the memory until one of the two is written to (copy-on-write).",
    ),
    (
        lambda f: f.takes("pandas.") and f.gives("numpy."),
        "The values lie in one ndarray, and pandas gives it out, read-only.",
    ),
    (
        lambda f: f.gives("pandas.") and f.takes("numpy.", "pyarrow."),
        "pandas takes the memory as it is: one column, one type, no missing values to mark.",
    ),
    (
        lambda f: f.takes("builtins.dict") and f.step.keywords.get("copy") is False,
        "It was told copy=False, so it takes each array as it is.",
    ),
    (
        lambda f: f.takes("pyarrow.", "polars.") or f.gives("pyarrow.", "polars."),
        "Arrow's buffers are handed on by reference; offset and length say which part is meant.",
    ),
)

FRESH: tuple[Rule, ...] = (
    (
        lambda f: f.takes("pandas.DataFrame") and f.gives("numpy.ndarray"),
        "The columns lie in several blocks, or have several types: "
        "a two-dimensional array is made of them.",
    ),
    (
        lambda f: (
            f.takes("pyarrow.ChunkedArray")
            and getattr(f.step.operand, "num_chunks", 2) > 1
            and f.gives("numpy.", "pandas.")
        ),
        "The chunks lie in different places: they are brought into one.",
    ),
    (
        lambda f: f.takes("pyarrow.Table") and f.gives("pandas."),
        "Columns of one type are brought together into one block of pandas; "
        "split_blocks=True would leave each where it is.",
    ),
    (
        lambda f: f.takes("pyarrow.") and getattr(f.step.operand, "null_count", 0) > 0,
        "numpy has no place for missing values: they are marked in the values themselves.",
    ),
    (
        lambda f: f.takes("pyarrow.") and str(getattr(f.step.operand, "type", "")) == "bool",
        "Arrow keeps eight truth values in a byte, numpy one.",
    ),
    (
        lambda f: f.takes("pandas.", "pyarrow.", "polars.") and f.objects,
        "Every value becomes a Python object.",
    ),
    (
        lambda f: f.gives("pandas.") and f.takes("numpy."),
        "pandas copies an ndarray that others can write to, so that copy-on-write holds.",
    ),
    (
        lambda f: f.gives("pandas.") and f.takes("builtins.dict"),
        "pandas copies the arrays that it finds in a dict, unless it is told copy=False.",
    ),
    (
        lambda f: f.gives("polars.") and f.takes("numpy.", "builtins."),
        "polars fills a buffer of its own.",
    ),
    (
        lambda f: f.takes("pandas.") and f.named("astype"),
        "The type changes: every value is rewritten.",
    ),
    (
        lambda f: (
            f.takes("pandas.")
            and f.named("take", "sort_values", "sort_index", "drop", "query", "dropna", "reindex")
        ),
        "It takes rows in another order or number: they are gathered.",
    ),
)
