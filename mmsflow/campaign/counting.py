"""Rewrites users' templates so that what they do is counted and measured while they run; see `sandbox`."""

from __future__ import annotations

from typing import TypeVar, cast

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

# Filters that the rewriting puts in; the space keeps them out of reach of users' templates.
COUNTED = "counted loop"  # (items, steps): spends the steps for each item
SPENT = "steps spent"  # (steps): spends them
SEEN = "text seen"  # (value): spends what looking at it takes
JOINED = "joined texts"
PLAIN = "plain items"

_Body = TypeVar("_Body", nodes.Template, nodes.Block, nodes.Macro, nodes.CallBlock)


def size_of(syntax: nodes.Node) -> tuple[int, int]:
    """Pieces of syntax in it, which are the steps of running it once, and how deep they are nested."""
    pieces = depth = 0
    level = [syntax]
    while level := [child for node in level for child in node.iter_child_nodes()]:
        pieces += len(level)
        depth += 1
    return pieces, depth


class Counting(NodeTransformer):
    """Rewrites a template so that what is run is counted, and texts and lists are measured."""

    def visit_Template(self, node: nodes.Template) -> nodes.Template:  # noqa: N802
        return self._charged(node)

    def visit_Block(self, node: nodes.Block) -> nodes.Block:  # noqa: N802
        return self._charged(node)

    def visit_Macro(self, node: nodes.Macro) -> nodes.Macro:  # noqa: N802
        return self._charged(node)

    def visit_CallBlock(self, node: nodes.CallBlock) -> nodes.CallBlock:  # noqa: N802
        return self._charged(node)

    def visit_For(self, node: nodes.For) -> nodes.For:  # noqa: N802
        pieces = size_of(node)[0]
        self.generic_visit(node)
        node.iter = _through(COUNTED, cast(nodes.Expr, node.iter), nodes.Const(pieces))
        return node

    def visit_Compare(self, node: nodes.Compare) -> nodes.Compare:  # noqa: N802
        self.generic_visit(node)
        node.expr = _through(SEEN, node.expr)
        for operand in node.ops:
            operand.expr = _through(SEEN, operand.expr)
        return node

    def visit_Test(self, node: nodes.Test) -> nodes.Test:  # noqa: N802
        self.generic_visit(node)
        node.args = [_through(SEEN, argument) for argument in node.args]
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Expr:  # noqa: N802
        self.generic_visit(node)
        return _through(SEEN, node) if isinstance(node.arg, nodes.Slice) else node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Filter:  # noqa: N802
        self.generic_visit(node)
        return _through(JOINED, nodes.List(node.nodes, lineno=node.lineno))

    def visit_List(self, node: nodes.List) -> nodes.Filter:  # noqa: N802
        self.generic_visit(node)
        return _through(PLAIN, node)

    def visit_Dict(self, node: nodes.Dict) -> nodes.Filter:  # noqa: N802
        self.generic_visit(node)
        return _through(PLAIN, node)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Expr:  # noqa: N802
        self.generic_visit(node)
        return _through(PLAIN, node) if node.ctx == "load" else node

    def _charged(self, node: _Body) -> _Body:
        pieces = size_of(node)[0]
        self.generic_visit(node)
        steps = nodes.Const(pieces, lineno=node.lineno)
        node.body.insert(0, nodes.ExprStmt(_through(SPENT, steps), lineno=node.lineno))
        return node


def _through(name: str, node: nodes.Expr, *arguments: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(node, name, list(arguments), [], None, None, lineno=node.lineno)
