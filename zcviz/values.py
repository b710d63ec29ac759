"""What gathered values say beside their bits: which of them mean "none", and what text reads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .spec import Field

__all__ = ["cells", "decoded", "distinct", "nulls"]


def nulls(column: NDArray[Any], field: Field) -> NDArray[np.bool_] | None:
    """Return which values mean "none": (n,) bool, or None where not one of them does.

    NaN is none of them: it says so itself.

    Notes
    -----
    Memory: allocates n bytes, where the field has a null.
    """
    if field.null is None or not field.type.is_number:
        return None
    missing: NDArray[np.bool_] = column == field.null
    return missing if missing.any() else None


def distinct(column: NDArray[np.bytes_]) -> tuple[NDArray[np.intp], list[str]]:
    """Return a number for each row, and the texts that the numbers stand for.

    A feed repeats few texts, so each is decoded once. Latin-1 takes every byte; the spaces and
    NULs at the end are padding.

    Notes
    -----
    Memory: allocates the numbers, 8·n bytes.
    """
    import pandas as pd

    size = column.dtype.itemsize
    if size in (1, 2, 4, 8):  # hashing integers is faster by far than sorting bytes
        codes, keys = pd.factorize(np.ascontiguousarray(column).view(f"u{size}"))
        values = np.asarray(keys).view(column.dtype)
    else:
        values, codes = np.unique(column, return_inverse=True)
    texts = [each.decode("latin-1").rstrip(" \0") for each in values.tolist()]
    known = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    if len(known) < len(texts):  # padded in two ways
        codes = np.array([known[text] for text in texts])[codes]
    return codes, list(known)


def decoded(values: Iterable[bytes]) -> list[str]:
    r"""Return text of variable length, which is UTF-8; bytes that are not read ``\xff``."""
    return [each.decode("utf-8", "backslashreplace") for each in values]


def cells(column: NDArray[Any], field: Field) -> list[str]:
    """Return values as one reads them in a table: text in ASCII, nothing where there is none."""
    if column.dtype.kind == "O":
        return [ascii(text)[1:-1] for text in decoded(column.tolist())]
    if column.dtype.kind == "S":
        codes, texts = distinct(column)
        return [ascii(texts[code])[1:-1] for code in codes.tolist()]
    missing = nulls(column, field)
    none = np.zeros(len(column), np.bool_) if missing is None else missing
    return ["" if no else str(value) for no, value in zip(none, column.tolist(), strict=True)]
