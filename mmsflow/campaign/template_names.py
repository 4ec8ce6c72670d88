"""Which variables a template uses, and which of them it cannot do without: found in its syntax tree, nothing is run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from jinja2 import meta, nodes

Referring = nodes.Extends | nodes.FromImport | nodes.Import | nodes.Include
_BATCHABLE = (
    nodes.Output | nodes.TemplateData | nodes.Name | nodes.Const | nodes.If | nodes.CondExpr | nodes.Filter | nodes.Test
    | nodes.Compare | nodes.Operand | nodes.And | nodes.Or | nodes.Not | nodes.Concat | nodes.Keyword
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TemplateNames:
    """What is known about a template and the files it includes, without running it.

    Attributes:
        variables: names that must come from outside.
        required: those of them that it cannot do without.
        files: how many files one rendering reads, itself included.
    """

    variables: frozenset[str]
    required: frozenset[str]
    files: int


def undeclared(template: nodes.Template, global_names: frozenset[str]) -> frozenset[str]:
    """Variables that must come from outside; of included files see `references`.

    Raises:
        jinja2.TemplateAssertionError: an unknown filter or test.
    """
    return frozenset(meta.find_undeclared_variables(template)) - global_names


def assigned(template: nodes.Template) -> frozenset[str]:
    """Names that the template itself gives a value somewhere."""
    return frozenset(name.name for name in template.find_all(nodes.Name) if name.ctx != "load")


def references(template: nodes.Template) -> Iterator[tuple[Referring, list[str] | None]]:
    """Each include, import and extends with the names it gives, None where they are not written out."""
    kinds = (nodes.Extends, nodes.FromImport, nodes.Import, nodes.Include)
    for node in cast(Iterator[Referring], template.find_all(kinds)):
        yield node, _written_names(node.template)


def _written_names(expression: nodes.Expr) -> list[str] | None:
    if isinstance(expression, nodes.Const):
        return [expression.value] if isinstance(expression.value, str) else None
    if isinstance(expression, nodes.List | nodes.Tuple):
        values = [item.value if isinstance(item, nodes.Const) else None for item in expression.items]
        return [value for value in values if isinstance(value, str)] if all(map(_is_text, values)) else None
    return None


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def sees_context(node: Referring) -> bool:
    """Whether the file it refers to sees the variables of the one that refers."""
    return isinstance(node, nodes.Extends) or node.with_context


def can_run_in_batches(template: nodes.Template) -> bool:
    """Whether the template is a straight line of texts, variables, filters and conditions."""
    body = template.iter_child_nodes()
    return all(isinstance(node, _BATCHABLE) for child in body for node in (child, *child.find_all(nodes.Node)))


def needed(template: nodes.Template, names: frozenset[str]) -> frozenset[str]:
    """Those of ``names`` that are used somewhere outside ``default()`` and not behind an ``is defined``."""
    found: set[str] = set()
    for child in template.iter_child_nodes():
        _collect(child, frozenset(), found)
    return names & found


def _collect(node: nodes.Node, tested: frozenset[str], found: set[str]) -> None:
    if isinstance(node, nodes.Name):
        if node.ctx == "load" and node.name not in tested:
            found.add(node.name)
        return
    if isinstance(node, nodes.If):
        _collect_if(node, tested, found)
        return
    for part, known in _parts(node, tested):
        _collect(part, known, found)


def _parts(node: nodes.Node, tested: frozenset[str]) -> Iterator[tuple[nodes.Node, frozenset[str]]]:
    """The children of a node, each with the names that are known to have a value there."""
    if isinstance(node, nodes.And | nodes.Or):
        settled = _when(node.left, isinstance(node, nodes.And))
        yield node.left, tested
        yield node.right, tested | settled
    elif isinstance(node, nodes.CondExpr):
        yield node.test, tested
        yield node.expr1, tested | _when(node.test, True)
        if node.expr2 is not None:
            yield node.expr2, tested | _when(node.test, False)
    else:
        asked = _asked_name(node)
        yield from ((child, tested) for child in node.iter_child_nodes() if child is not asked)


def _collect_if(node: nodes.If, tested: frozenset[str], found: set[str]) -> None:
    for branch in (node, *node.elif_):
        _collect(branch.test, tested, found)
        for child in branch.body:
            _collect(child, tested | _when(branch.test, True), found)
        tested |= _when(branch.test, False)
    for child in node.else_:
        _collect(child, tested, found)


def _asked_name(node: nodes.Node) -> nodes.Name | None:
    """The variable that a ``default()`` or ``is defined`` asks for without needing it."""
    asks = (isinstance(node, nodes.Filter) and node.name in ("default", "d")) or (
        isinstance(node, nodes.Test) and node.name in ("defined", "undefined")
    )
    asked = node.node if asks and isinstance(node, nodes.Filter | nodes.Test) else None
    return asked if isinstance(asked, nodes.Name) else None


def _when(test: nodes.Node, outcome: bool) -> frozenset[str]:
    """Names that certainly have a value when ``test`` comes out as ``outcome``."""
    if isinstance(test, nodes.Not):
        return _when(test.node, not outcome)
    if isinstance(test, nodes.Test):
        asked = _asked_name(test)
        return frozenset([asked.name]) if asked and (test.name == "defined") is outcome else frozenset()
    if isinstance(test, nodes.And | nodes.Or):
        left, right = _when(test.left, outcome), _when(test.right, outcome)
        return left | right if isinstance(test, nodes.And) is outcome else left & right
    return frozenset()
