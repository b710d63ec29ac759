"""An expression, evaluated one step after another, so that each can be looked at.

A step is what Python would do between two intermediate values: an index, a call, an attribute, an
operator. What can't be taken apart without changing what it does (comprehensions, lambdas,
conditions) is one step.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import ModuleType
from typing import Any, Literal

from .reach import behind_of, mentioned
from .watch import Seen

__all__ = ["Kind", "Step", "Watch", "run_steps", "step_of_call"]

_INDEXERS = ("iloc", "loc", "iat", "at")  # of pandas: brackets with a word before them

Kind = Literal["index", "method", "call", "attribute", "operator", "other"]
Watch = Callable[[Callable[[], Any]], tuple[Any, Seen | None]]
"""Runs what it is given; returns the result and what was seen of the allocations, or None."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes
    ----------
    source : str
        Its text.
    kind : {"index", "method", "call", "attribute", "operator", "other"}
    name : str
        Of the method, function or attribute, without its module; the operator's class in `ast`.
    operands : tuple of (str, object)
        Text and value of what it was given, the object of a method or an index first.
    keywords : dict of str to object
    result : object
    seen : Seen or None
        What was allocated during the step; None: not measured.
    behind : tuple of (str, object)
        What it could reach through these without being given it: attributes of an object, the
        variables that a function uses. As it was before the step.
    """

    source: str
    kind: Kind
    name: str
    operands: tuple[tuple[str, Any], ...]
    result: Any
    keywords: Mapping[str, Any] = field(default_factory=dict)
    seen: Seen | None = None
    behind: tuple[tuple[str, Any], ...] = ()

    @property
    def operand(self) -> Any:
        """The first operand; None if there is none."""
        return self.operands[0][1] if self.operands else None


def run_steps(
    expression: str, namespace: Mapping[str, Any], watch: Watch
) -> tuple[Any, list[Step]]:
    """Evaluate an expression once; return its value and its steps in the order they were taken.

    Parameters
    ----------
    expression : str
        One Python expression.
    namespace : mapping of str to object
        What its names mean.
    watch : callable
        Called with each step to run it.

    Raises
    ------
    SyntaxError
        It is none.

    Notes
    -----
    Memory: the steps hold all intermediate values, so that no address is used twice. An operator
    that would have reused the memory of a value nobody else holds therefore does not.
    """
    source = expression.strip()
    tree = ast.parse(source, mode="eval")
    evaluator = _Evaluator(source, dict(namespace), watch)
    return evaluator.value(tree.body), evaluator.steps


def step_of_call(
    function: Callable[..., Any], given: tuple[Any, ...], keywords: Mapping[str, Any], watch: Watch
) -> Step:
    """Call a function and return that as a step."""
    name = getattr(function, "__name__", type(function).__name__)
    owner = getattr(function, "__self__", None)
    bound = owner is not None and not isinstance(owner, ModuleType | type)
    labels = [f"argument {i + 1}" for i in range(len(given))]
    operands = list(zip(labels, given, strict=True))
    operands += [(key, value) for key, value in keywords.items()]
    if bound:
        operands.insert(0, (f"the {type(owner).__name__}", owner))
    behind = behind_of([*operands, (name, function)])
    result, seen = watch(partial(function, *given, **keywords))
    kind: Kind = "method" if bound else "call"
    return Step(f"{name}(…)", kind, name, tuple(operands), result, keywords, seen, behind)


class _Evaluator:
    def __init__(self, source: str, namespace: dict[str, Any], watch: Watch) -> None:
        self._source = source
        self._names = namespace
        self._watch = watch
        self.steps: list[Step] = []

    def value(self, node: ast.expr) -> Any:
        match node:
            case ast.Attribute():
                return self._attribute(node)
            case ast.Subscript():
                return self._index(node)
            case ast.Call():
                return self._call(node)
            case ast.BinOp(left, op, right):
                return self._operator(node, op, left, right)
            case ast.UnaryOp(op, operand):
                return self._operator(node, op, operand)
            case ast.Compare(left, [op], [right]):
                return self._operator(node, op, left, right)
            case ast.Name() | ast.Constant():
                return self._eval(node, self._names)
            case ast.List(elts) | ast.Tuple(elts):
                values = [value for _, value in self._arguments(elts)]
                return values if isinstance(node, ast.List) else tuple(values)
        also, kind = mentioned(node, self._names), type(node).__name__
        return self._take(node, "other", kind, (), lambda: self._eval(node, self._names), also=also)

    def _take(
        self,
        node: ast.expr,
        kind: Kind,
        name: str,
        operands: tuple[tuple[str, Any], ...],
        run: Callable[[], Any],
        keywords: Mapping[str, Any] | None = None,
        also: tuple[tuple[str, Any], ...] = (),
    ) -> Any:
        behind = also + behind_of((*operands, *also))
        result, seen = self._watch(run)
        self.steps.append(
            Step(self._text(node), kind, name, operands, result, keywords or {}, seen, behind)
        )
        return result

    def _text(self, node: ast.AST) -> str:
        return ast.get_source_segment(self._source, node) or ast.unparse(node)

    def _attribute(self, node: ast.Attribute) -> Any:
        owner = self.value(node.value)
        if isinstance(owner, ModuleType):
            return getattr(owner, node.attr)
        given = ((self._text(node.value), owner),)
        return self._take(node, "attribute", node.attr, given, lambda: getattr(owner, node.attr))

    def _index(self, node: ast.Subscript) -> Any:
        held, name = node.value, ""
        if isinstance(node.value, ast.Attribute) and node.value.attr in _INDEXERS:
            held, name = node.value.value, node.value.attr
        owner, index = self.value(held), self._index_of(node.slice)
        given = (self._text(held), owner), (self._text(node.slice), index)
        indexer = getattr(owner, name) if name else owner
        return self._take(node, "index", name, given, lambda: indexer[index])

    def _index_of(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Slice):
            return slice(
                *(part and self.value(part) for part in (node.lower, node.upper, node.step))
            )
        if isinstance(node, ast.Tuple):
            return tuple(self._index_of(each) for each in node.elts)
        return self.value(node)

    def _call(self, node: ast.Call) -> Any:
        kind: Kind = "call"
        operands: list[tuple[str, Any]] = []
        if isinstance(node.func, ast.Attribute):
            owner = self.value(node.func.value)
            function, name = getattr(owner, node.func.attr), node.func.attr
            if not isinstance(owner, ModuleType | type):
                kind = "method"
                operands.append((self._text(node.func.value), owner))
        else:
            function = self.value(node.func)
            name = getattr(function, "__name__", type(function).__name__)
        given = list(self._arguments(node.args))
        keywords = dict(self._keywords(node.keywords))
        operands += [*given, *((f"{key}=", value) for key, value in keywords.items())]
        values = [value for _, value in given]
        run = partial(function, *values, **keywords)  # what a call itself takes is taken before
        called = ((self._text(node.func), function),)
        return self._take(node, kind, name, tuple(operands), run, keywords, called)

    def _arguments(self, nodes: list[ast.expr]) -> Iterator[tuple[str, Any]]:
        for node in nodes:
            if isinstance(node, ast.Starred):
                for at, value in enumerate(self.value(node.value)):
                    yield f"{self._text(node.value)}[{at}]", value
            else:
                yield self._text(node), self.value(node)

    def _keywords(self, nodes: list[ast.keyword]) -> Iterator[tuple[str, Any]]:
        for node in nodes:
            value = self.value(node.value)
            if node.arg is None:
                yield from value.items()
            else:
                yield node.arg, value

    def _operator(
        self, node: ast.expr, op: ast.operator | ast.unaryop | ast.cmpop, *parts: ast.expr
    ) -> Any:
        operands = tuple((self._text(part), self.value(part)) for part in parts)
        names = [ast.Name(f"_{i}", ast.Load()) for i in range(len(operands))]
        applied: ast.expr
        match op:
            case ast.operator():
                applied = ast.BinOp(names[0], op, names[1])
            case ast.unaryop():
                applied = ast.UnaryOp(op, names[0])
            case _:
                applied = ast.Compare(names[0], [op], [names[1]])
        values = {name.id: value for name, (_, value) in zip(names, operands, strict=True)}
        run = self._compiled(applied)
        return self._take(node, "operator", type(op).__name__, operands, lambda: eval(run, values))

    def _eval(self, node: ast.expr, names: dict[str, Any]) -> Any:
        return eval(self._compiled(node), names)

    @staticmethod
    def _compiled(node: ast.expr) -> Any:
        return compile(ast.fix_missing_locations(ast.Expression(node)), "<zccopy>", "eval")
