"""Full decoding: every field of every message, in native form.

Of a BinaryFILE, in one pass: a message's row is made as its length and tag are read, and anything
unusual is left to the kernel that makes the index. Of everything else, from the index.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .capture import Capture
from .codec.columns import gather_columns
from .errors import TruncatedError
from .forms import choose_form, forms, native_dtype_of, tables_of
from .framing import expected_sizes
from .index import MessageIndex, build_index
from .kernels.frames import LENGTH_SIZE
from .kernels.rows import LONGEST, columns_of_rows, rows_of_frames, rows_of_messages
from .kernels.simd import REACH
from .report import Report
from .scanner import Scanner
from .spec import Message, Protocol

__all__ = ["Decoded", "Rows", "decode", "forms", "native_dtype_of"]
