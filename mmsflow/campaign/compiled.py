"""A template that is ready to be rendered: for one row, for many, or as a condition."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence

from jinja2 import Template, nodes

from mmsflow.campaign.bounded import MAX_CHARACTERS
from mmsflow.campaign.counting import size_of
from mmsflow.campaign.sandbox import MAX_STEPS, Sandbox
from mmsflow.campaign.template_names import TemplateNames
from mmsflow.campaign.template_problem import TemplateProblem, problem_of
from mmsflow.campaign.wording import choice_fix

_BATCH_ROWS = 500
_SCALARS = frozenset({str, int, float, bool})
_SCALARS_OR_NONE = _SCALARS | {type(None)}


class CompiledTemplate:
    """A template, ready for any number of rows.

    Attributes:
        variables: names that it takes from outside, those of the files it includes too.
        required: those of them that are not only used within ``default()`` or behind ``is defined``: every list must
            have such a column. Whether one row may leave it empty is seen by rendering that row.
        is_static: it uses no variable, so it is the same for everybody.
    """

    def __init__(self, sandbox: Sandbox, template: Template, names: TemplateNames, batch: RowsBatch | None) -> None:
        self._sandbox = sandbox
        self._template = template
        self._batch = batch
        self._static_text: str | None = None
        self.variables = names.variables
        self.required = names.required
        self.is_static = not names.variables

    def render(self, vars: Mapping[str, object]) -> str:  # noqa: A002 - the word that campaign files use
        """The text for one row.

        Args:
            vars: values by variable, scalars only; None counts as missing. Only those that the template uses are
                looked at.

        Raises:
            TemplateProblem: a variable has no value, or the template fails or grows without bounds.
        """
        if self._static_text is not None:
            return self._static_text
        sandbox, template = self._sandbox, self._template
        values = {name: value for name in self.variables if (value := vars.get(name)) is not None}
        _refuse_others_than_scalars(values)
        try:
            sandbox.begin()
            text = sandbox.concat(template.root_render_func(template.new_context(values)))
            text.encode()
        except Exception as error:
            raise problem_of(error, self.variables) from error
        if self.is_static:
            self._static_text = text
        return text

    def render_many(self, rows: Sequence[Mapping[str, object]]) -> list[str]:
        """The texts for many rows, in their order; the same as `render` for each, several times faster.

        Raises:
            TemplateProblem: as `render`, of the first row that fails; its ``row`` says which.
        """
        texts: list[str] = []
        size = self._batch.size if self._batch else _BATCH_ROWS
        for start in range(0, len(rows), size):
            some = rows[start : start + size]
            batch = self._batch.render(some) if self._batch else None
            texts.extend(self._one_by_one(some, start) if batch is None else batch)
        return texts

    def _one_by_one(self, rows: Sequence[Mapping[str, object]], start: int) -> Iterator[str]:
        for index, row in enumerate(rows, start):
            try:
                yield self.render(row)
            except TemplateProblem as problem:
                problem.row = index
                raise


class RowsBatch:
    """A template within a loop over rows, so that one rendering serves hundreds.

    Attributes:
        size: rows at a time; their steps fit in the budget of one, so no row can do here what it could not do alone.
    """

    def __init__(self, sandbox: Sandbox, syntax: nodes.Template, names: frozenset[str]) -> None:
        # Nobody who writes a list or a template can know it, so it cannot occur in a text.
        self._separator = f"\0{secrets.token_hex(16)}\0"
        self._names = tuple(sorted(names))
        self._missing = [sandbox.undefined(name=name) for name in self._names]
        self._sandbox = sandbox
        self._pieces, _ = size_of(syntax)
        self.size = max(1, min(_BATCH_ROWS, MAX_STEPS // (2 * self._pieces)))
        self._loop = sandbox.rows_loop(syntax, self._names, self._separator)

    def render(self, rows: Sequence[Mapping[str, object]]) -> list[str] | None:
        """The texts, or None where any row must be looked at alone."""
        try:
            self._sandbox.begin(len(rows))
            self._sandbox.spend(self._pieces * len(rows))
            context = self._loop.new_context({"rows": [self._cells(row) for row in rows]})
            text = "".join(self._loop.root_render_func(context))
            text.encode()
        except Exception:
            # Which row it was, and why, comes from rendering them one by one.
            return None
        texts = text.split(self._separator)[:-1]
        return texts if len(texts) == len(rows) and max(map(len, texts), default=0) <= MAX_CHARACTERS else None

    def _cells(self, row: Mapping[str, object]) -> list[object]:
        cells = [row.get(name) for name in self._names]
        kinds = set(map(type, cells))
        if not _SCALARS.issuperset(kinds):
            if not kinds <= _SCALARS_OR_NONE:
                _refuse_others_than_scalars(dict(zip(self._names, cells, strict=True)))
            cells = [self._missing[at] if cell is None else cell for at, cell in enumerate(cells)]
        return cells


class Expression:
    """A condition over a row, such as ``segment == "gold"``.

    Cells are texts, so they compare with texts; ``age | int > 18`` turns one into a number. The caller hands over every
    column of the row, empty cells too: a name that is no column is an error, not a no.

    Attributes:
        variables, required: as for `CompiledTemplate`.
    """

    def __init__(self, condition: CompiledTemplate) -> None:
        self._condition = condition
        self.variables = condition.variables
        self.required = condition.required

    def __call__(self, row: Mapping[str, object]) -> bool:
        """Whether the row meets the condition.

        Raises:
            TemplateProblem: a column is not there, or its value cannot be compared so.
        """
        if not self.required <= row.keys():
            raise self._no_column(row)
        return bool(self._condition.render(row))

    def of_many(self, rows: Sequence[Mapping[str, object]]) -> list[bool]:
        """The same for many rows, faster; the problem's ``row`` says which one failed."""
        for index, row in enumerate(rows):
            if not self.required <= row.keys():
                raise self._no_column(row, index)
        return [bool(text) for text in self._condition.render_many(rows)]

    def _no_column(self, row: Mapping[str, object], index: int | None = None) -> TemplateProblem:
        name = min(self.required - row.keys())
        advice = choice_fix(name, [str(column) for column in row])
        return TemplateProblem(f"there is no column `{name}`", 1, variable=name, advice=advice, row=index)


def _refuse_others_than_scalars(values: Mapping[str, object]) -> None:
    for name, value in values.items():
        if not isinstance(value, str | int | float | None):
            raise TemplateProblem(
                f"`{name}` is a {type(value).__name__}, templates take texts, numbers and switches only", variable=name
            )
