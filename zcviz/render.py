"""How results find their pictures, and how text from outside is made safe to show.

A result such as `Comparison` names the kind of picture it wants; `zcviz.viz` says here who draws
it. So no module below `viz` imports it, and matplotlib is loaded when a figure is asked for.
"""

from __future__ import annotations

import html
import importlib
import unicodedata
from collections.abc import Callable
from functools import singledispatch
from typing import Any

from .errors import MissingExtraError

__all__ = ["escape", "picture", "printable", "register", "renderer", "size_text"]

Renderer = Callable[..., Any]

_renderers: dict[str, Renderer | str] = {}


def register(kind: str, function: Renderer | str) -> None:
    """Say who draws results of one kind.

    Parameters
    ----------
    kind : str
        Such as ``"comparison"``.
    function : callable or str
        The function, or ``"package.module:function"`` to be imported when it is first needed.
    """
    _renderers[kind] = function


def renderer(kind: str) -> Renderer:
    """Return the function that draws results of one kind.

    Raises
    ------
    MissingExtraError
        It needs a library that is not installed.
    KeyError
        Nobody draws this kind.
    """
    try:
        if kind not in _renderers:
            importlib.import_module("zcviz.viz")
        found = _renderers[kind]
        if isinstance(found, str):
            module, _, name = found.partition(":")
            found = getattr(importlib.import_module(module), name)
            _renderers[kind] = found
    except ModuleNotFoundError as error:
        if (error.name or "zcviz").startswith("zcviz"):
            raise  # a slip of ours, and no library will mend it
        raise MissingExtraError(
            f'this picture needs {error.name}: pip install "zcviz[notebooks]"', name=error.name
        ) from error
    return found


@singledispatch
def picture(obj: object) -> str | None:
    """Return a picture of `obj` as HTML; None if nobody draws such objects.

    `zcviz.viz` registers here, by class: what lies below it asks, and never imports it.
    """
    importlib.import_module("zcviz.viz")
    found = picture.dispatch(type(obj))
    return None if found is _nobody else found(obj)


_nobody = picture.dispatch(object)


def printable(text: str) -> str:
    r"""Return `text` with every character made visible that would act instead of being read.

    Control characters, marks that turn the direction of writing, line separators and lone
    surrogates become escapes as Python writes them: ``\x1b``, ``\u202e``.
    """
    return text if text.isascii() and text.isprintable() else "".join(map(_visible, text))


def _visible(char: str) -> str:
    if unicodedata.category(char) in _INVISIBLE:
        return char.encode("unicode_escape").decode("ascii")
    return char


_INVISIBLE = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}


def escape(text: object) -> str:
    """Return `text` safe inside an element or a quoted attribute of HTML, SVG and XML."""
    return html.escape(printable(str(text)))


def size_text(nbytes: int) -> str:
    """Return a number of bytes, exactly: ``2,048,112 B``."""
    return f"{nbytes:,} B"
