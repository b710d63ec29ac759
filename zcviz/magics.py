"""Magics for IPython and Jupyter, after ``%load_ext zcviz``.

============= ==================================================================================
magic         says
============= ==================================================================================
%%zcmem       what a cell allocates, and what of it stays
%%zccompare   what several ways to do the same cost, in time and memory, side by side
%zccopy       which part of an expression's value is a view of which name, and what was copied
============= ==================================================================================

A cell that awaits something has to run in the loop that is running already, and a magic is an
ordinary function. So such a cell is rewritten, before IPython looks at it, into one that awaits.
"""

from __future__ import annotations

import ast
import inspect
import re
import tokenize
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from io import StringIO
from keyword import iskeyword
from types import CodeType
from typing import Any

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring
from IPython.display import display

from .bench.variants import compare_variants
from .trace import allocations
from .trace.copies import Copies, copies_of

__all__ = ["ZcvizMagics", "load", "unload"]

_ASYNC = re.compile(r"%%(zcmem|zccompare)\b(.*)")
_MARK = re.compile(r"#\s*-{3,}\s*(.*?)[\s-]*")
_UNSAID = (
    tokenize.ENDMARKER, tokenize.NEWLINE, tokenize.NL, tokenize.COMMENT, tokenize.DEDENT
)  # fmt: skip


@magics_class
class ZcvizMagics(Magics):
    """See the module."""

    shell: Any

    @magic_arguments()
    @argument("-o", "--out", metavar="VAR", help="keep the figures in this variable")
    @argument("-q", "--quiet", action="store_true", help="show no figures")
    @argument("--top", type=int, default=10, metavar="N", help="show N lines of code (10)")
    @cell_magic
    def zcmem(self, line: str, cell: str) -> Any:
        """Say what the cell allocates, what of it stays, and which lines hold it.

        The cell runs as it would without this, but slower: read no time off it. Its last value is
        its value; a ``;`` behind it keeps that from being shown.
        """
        return _at_once(self.run_zcmem(line, cell))

    async def run_zcmem(self, line: str, cell: str) -> Any:
        """Do what `zcmem` does, in a loop that is running."""
        options = _options(self.zcmem, line)
        code = _Code.of(self.shell, cell)
        with allocations(exact=True) as seen:
            value = await code.run(self.shell.user_ns)
        shown = replace(seen.result, shown=max(0, options.top))
        self._hand_out(options, seen.result, shown)
        return None if code.quiet else value

    @magic_arguments()
    @argument("-o", "--out", metavar="VAR", help="keep the figures in this variable")
    @argument("-q", "--quiet", action="store_true", help="show no figures")
    @argument("-r", "--rounds", type=int, default=7, metavar="N", help="time each N times (7)")
    @cell_magic
    def zccompare(self, line: str, cell: str) -> Any:
        """Say what each of several ways to do the same costs.

        A comment ``# ---``, on a line of its own and not indented, with a name behind it if you
        like, begins each variant::

            %%zccompare
            # --- copying
            sum(data[i] for i in bytes(data))
            # --- zero-copy
            sum(data)

        Each variant ends with an expression, and the values of these must agree, or nothing is
        timed. Each has names of its own, copied from yours: what it assigns stays with it. They
        are timed in turns.
        """
        return _at_once(self.run_zccompare(line, cell))

    async def run_zccompare(self, line: str, cell: str) -> None:
        """Do what `zccompare` does, in a loop that is running."""
        options = _options(self.zccompare, line)
        if options.rounds < 1:
            raise UsageError("--rounds has to be 1 at least")
        variants = {
            name: partial(code.run, dict(self.shell.user_ns))
            for name, code in _variants(self.shell, cell).items()
        }
        found = await compare_variants(variants, options.rounds)
        self._hand_out(options, found, found)

    @no_var_expand
    @line_magic
    def zccopy(self, line: str) -> Copies | None:
        """Evaluate an expression and say which part of its value is a view, and of which name.

        What is no view is fresh memory. Each step of the expression is looked at by itself, so the
        reason is that of the first one that made fresh memory::

            %zccopy prices[::2].astype("f8")

        A ``;`` behind it evaluates and shows nothing.
        """
        at = _semicolon(line)
        expression = line if at < 0 else line[:at]
        if not expression.strip():
            raise UsageError("%zccopy takes an expression: %zccopy prices[::2]")
        try:
            found = copies_of(expression, self.shell.user_ns)
        except SyntaxError as error:
            raise UsageError(f"%zccopy takes one expression: {error.msg}") from None
        return found if at < 0 else None

    def _hand_out(self, options: Any, result: object, shown: object) -> None:
        if options.out:
            self.shell.user_ns[options.out] = result
        if not options.quiet:
            display(shown)


@dataclass(frozen=True)
class _Code:
    """A cell, or part of one: its statements, and its last expression by itself.

    `quiet` is whether a semicolon stands behind that.
    """

    statements: CodeType
    last: CodeType | None
    quiet: bool

    @classmethod
    def of(cls, shell: InteractiveShell, cell: str, before: int = 1) -> _Code:
        """Compile; `before` lines stand above, so that errors name the lines a reader counts."""
        source = "\n" * before + shell.transform_cell(cell)
        file = shell.compile.cache(source, shell.execution_count, raw_code="\n" * before + cell)
        tree = shell.transform_ast(shell.compile.ast_parse(source, filename=file))
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        how = file, shell.compile.flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        value = None
        if last is not None:
            value = compile(ast.Expression(last.value), how[0], "eval", how[1], True)
        return cls(compile(tree, how[0], "exec", how[1], True), value, _semicolon(source) >= 0)

    async def run(self, names: dict[str, Any]) -> Any:
        """Run it, and return the value of the last expression."""
        value = None
        for code in filter(None, (self.statements, self.last)):
            value = eval(code, names)
            if code.co_flags & inspect.CO_COROUTINE:
                value = await value
        return value if self.last else None


def _options(magic: Any, line: str) -> Any:
    try:
        options = parse_argstring(magic, line)
    except ValueError as error:  # a quotation mark without its other half
        raise UsageError(f"{line}: {error}") from None
    if options.out and (not options.out.isidentifier() or iskeyword(options.out)):
        raise UsageError(f"{options.out!r} is no name of a variable")
    return options


def _at_once(running: Coroutine[Any, Any, Any]) -> Any:
    try:
        running.send(None)
    except StopIteration as stop:
        return stop.value
    running.close()
    raise UsageError("here nothing can be awaited: let the magic be the first line of its cell")


def _tokens(source: str) -> Iterator[tokenize.TokenInfo]:
    with suppress(tokenize.TokenError, SyntaxError):  # a line that only IPython understands
        yield from tokenize.generate_tokens(StringIO(source).readline)


def _semicolon(source: str) -> int:
    """Return in which column of its line the semicolon stands that ends some code; -1: none."""
    said = [token for token in _tokens(source) if token.type not in _UNSAID]
    return said[-1].start[1] if said and said[-1].string == ";" else -1


def _variants(shell: InteractiveShell, cell: str) -> dict[str, _Code]:
    # The one token that goes on to another line is text.
    text = {row for each in _tokens(cell) for row in range(each.start[0] + 1, each.end[0] + 1)}
    parts: list[tuple[str, int, list[str]]] = [("", 1, [])]
    for number, line in enumerate(StringIO(cell), 2):
        mark = _MARK.fullmatch(line.rstrip())
        if mark and number - 1 not in text:
            parts.append((mark[1], number, []))
        else:
            parts[-1][2].append(line)
    found: dict[str, _Code] = {}
    for said, before, lines in parts:
        if any(line.strip() and not line.lstrip().startswith("#") for line in lines):
            name = said or f"variant {len(found) + 1}"
            if name in found:
                raise UsageError(f"there are two variants {name!r}")
            found[name] = _Code.of(shell, "".join(lines), before)
            if found[name].last is None:
                raise UsageError(f"{name} ends with no expression: there is no value to compare")
    if len(found) < 2:
        raise UsageError("%%zccompare takes two variants or more: a line “# --- name” begins each")
    return found


def _awaiting(lines: list[str]) -> list[str]:
    # For IPython's list of transformers: the cell as it is, or rewritten if it has to be.
    shell, asked = InteractiveShell.instance(), _ASYNC.match(lines[0]) if lines else None
    if asked is None:
        return lines
    cell = "".join(lines[1:])
    try:
        code = compile(shell.transform_cell(cell), "", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except SyntaxError:
        return lines
    if not code.co_flags & inspect.CO_COROUTINE:
        return lines
    magics = f"get_ipython().find_cell_magic({asked[1]!r}).__self__"
    return [f"await {magics}.run_{asked[1]}({asked[2].strip()!r}, {cell!r})\n"]


def load(shell: InteractiveShell) -> None:
    """Register the magics with a shell."""
    shell.register_magics(ZcvizMagics)
    if _awaiting not in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.append(_awaiting)


def unload(shell: InteractiveShell) -> None:
    """Take them out of it again."""
    for kind, names in ("cell", ("zcmem", "zccompare")), ("line", ("zccopy",)):
        for name in names:
            shell.magics_manager.magics[kind].pop(name, None)
    if _awaiting in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.remove(_awaiting)
