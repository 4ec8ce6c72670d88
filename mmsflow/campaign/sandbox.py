"""The sandbox that users' templates run in: what they may call, and how much they may make.

jinja2's own sandbox keeps templates away from Python's insides but renders a text of any size for any time. Here every
operation that can grow a text is measured before it is done, and only filters and text methods that cannot blow up are
known at all. Time is capped by counting work instead of looking at a clock, so that a template is refused on every
machine or on none: a rendering has so many steps, and all renderings of a campaign together have an allowance.

A step is one piece of the template's syntax that is run, or 100 characters that a filter, call or operator handles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import deepcopy
from functools import wraps
from typing import Any, cast

from jinja2 import Template, Undefined, nodes
from jinja2.exceptions import SecurityError, TemplateAssertionError
from jinja2.loaders import BaseLoader
from jinja2.runtime import Context, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing, pass_context

from mmsflow.campaign import polish
from mmsflow.campaign.bounded import (
    OPERATOR_BOUNDS,
    OutOfBounds,
    concat,
    format_values,
    join_values,
    joined,
    plain_items,
    printable,
    replace_text,
    round_number,
    short_range,
    weight,
)
from mmsflow.campaign.counting import COUNTED, JOINED, PLAIN, SEEN, SPENT, Counting

MAX_STEPS = 100_000
# Above what any message needs on average; the reserve lets a short list with demanding templates through.
CAMPAIGN_RESERVE = 20 * MAX_STEPS
ALLOWANCE = 5_000
_CHARACTERS_A_STEP = 100

# Only what gives at most about as much as it takes; those that can give more are wrapped below.
_FILTERS = (
    "abs", "capitalize", "count", "d", "default", "first", "float", "int", "last", "length", "list", "lower", "max",
    "min", "reverse", "sort", "string", "title", "trim", "truncate", "unique", "upper", "urlencode", "wordcount",
)  # fmt: skip
_TEXT_METHODS = frozenset({
    "capitalize", "casefold", "count", "endswith", "find", "isalpha", "isdigit", "islower", "isupper", "lower",
    "lstrip", "removeprefix", "removesuffix", "rstrip", "split", "startswith", "strip", "swapcase", "title", "upper",
})  # fmt: skip
_DICT_METHODS = frozenset({"get", "items", "keys", "values"})

# They take a text character by character, as Python objects: ten times the time of others.
_BY_ITEM = frozenset({"max", "min", "sort", "unique"})


class NoValue(Undefined):
    """A variable without a value: an empty cell, or no such column.

    Testing it is allowed (it is false, and equal to an empty text), since that is how people ask for an empty cell.
    Everything else that would use it fails.
    """

    __slots__ = ()

    def __bool__(self) -> bool:
        if self._undefined_exception is SecurityError:
            self._fail_with_undefined_error()
        return False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Undefined) or (isinstance(other, str) and not other)

    def __hash__(self) -> int:
        self._fail_with_undefined_error()

    def __str__(self) -> str:
        self._fail_with_undefined_error()

    def __len__(self) -> int:
        self._fail_with_undefined_error()

    def __iter__(self) -> Iterator[Any]:
        self._fail_with_undefined_error()

    def __contains__(self, item: object) -> bool:
        self._fail_with_undefined_error()

    @property
    def _undefined_message(self) -> str:
        if self._undefined_exception is SecurityError:
            return f"`{self._undefined_name}` cannot be used in a template"
        if self._undefined_hint:
            return self._undefined_hint
        if self._undefined_obj is missing:
            return f"`{self._undefined_name}` has no value"
        return f"there is no `{self._undefined_name}` in it"


class Sandbox(ImmutableSandboxedEnvironment):
    """A jinja2 environment for texts, without autoescape.

    Not for several threads at a time: they would share a budget.
    """

    intercepted_binops = frozenset({"+", "*", "**", "%"})
    concat = staticmethod(concat)

    def __init__(self, loader: BaseLoader) -> None:
        # Not optimized: jinja2's optimizer takes cubic time for nested expressions (6 s for 150 filters in a row).
        super().__init__(
            loader=loader, undefined=NoValue, finalize=printable, auto_reload=False, cache_size=1000, optimized=False
        )
        self.steps_left = MAX_STEPS
        self._reserve = CAMPAIGN_RESERVE
        measured: dict[str, Callable[..., Any]] = {
            **{name: self.filters[name] for name in _FILTERS},
            "format": format_values,
            "join": join_values,
            "replace": replace_text,
            "round": round_number,
            JOINED: joined,
            PLAIN: plain_items,
        }
        self.filters = {
            name: self._measured(function, 10 if name in _BY_ITEM else 1) for name, function in measured.items()
        }
        for name, function in polish.FILTERS.items():
            self.filters[name] = self._measured(function, 1, polish.PRICE)
        self.filters |= {COUNTED: self._counted, SPENT: self._spent, SEEN: self._seen}
        self.globals = {"range": short_range}

    @property
    def filter_names(self) -> list[str]:
        """The filters that a template may use."""
        return sorted(name for name in self.filters if " " not in name)

    def begin(self, renderings: int = 1) -> None:
        """Open the budget of the next rendering, or of a few that share one.

        Raises:
            OutOfBounds: the renderings so far have taken more than their allowance and the campaign's reserve.
        """
        spent = MAX_STEPS - self.steps_left
        self._reserve = min(CAMPAIGN_RESERVE, self._reserve + ALLOWANCE * renderings - spent)
        self.steps_left = MAX_STEPS
        if self._reserve < 0:
            raise OutOfBounds(f"the campaign's templates take more than {ALLOWANCE} steps a message on average")

    def spend(self, steps: int = 1) -> None:
        """Take from the budget of the current rendering.

        Raises:
            OutOfBounds: it is used up.
        """
        self.steps_left -= steps
        if self.steps_left < 0:
            raise OutOfBounds(f"the template takes more than {MAX_STEPS} steps of work for one message")

    def refuse(self, syntax: nodes.Template, name: str | None = None) -> None:
        """Refuse what no budget can hold, and filters and tests that do not exist.

        jinja2 itself finds an unknown filter within a condition only when it comes to it.

        Raises:
            TemplateAssertionError: with the line.
        """
        for node in syntax.find_all((nodes.Filter, nodes.Test, nodes.For, nodes.Call, nodes.Name)):
            if fault := self._fault(node):
                raise TemplateAssertionError(fault, node.lineno, name)
        modules = {node.target for node in syntax.find_all(nodes.Import)}
        used_well = {id(node.node) for node in syntax.find_all(nodes.Getattr)}
        for used in syntax.find_all(nodes.Name):
            if used.name in modules and id(used) not in used_well:
                raise TemplateAssertionError(f"`{used.name}` is a file of macros, use one of them", used.lineno, name)

    def _fault(self, node: nodes.Node) -> str:
        if isinstance(node, nodes.Filter) and node.name not in self.filters:
            return f"No filter named {node.name!r}."
        if isinstance(node, nodes.Test) and node.name not in self.tests:
            return f"there is no test `{node.name}`"
        if isinstance(node, nodes.For) and node.recursive:
            return "a recursive loop is not supported"
        if isinstance(node, nodes.Call) and (node.dyn_args or node.dyn_kwargs):
            return "* and ** in a call are not supported"
        if isinstance(node, nodes.Name) and node.name in ("self", "varargs", "kwargs"):
            return f"`{node.name}` is not supported"
        return ""

    def is_safe_attribute(self, obj: object, attr: str, value: object) -> bool:
        if isinstance(obj, str):
            return attr in _TEXT_METHODS
        if isinstance(obj, dict):
            return attr in _DICT_METHODS
        if obj is None or isinstance(obj, bool | int | float | list | tuple | range | Macro):
            return False
        return super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: object) -> None:  # noqa: ARG002 - as jinja2 has it
        # Falls through to is_safe_attribute, which does not know str.format: its widths have no bound.
        return None

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805 - as jinja2 has it
        __self.spend(1 + _steps_for(getattr(__obj, "__self__", None), *args, *kwargs.values()))
        result = super().call(__context, __obj, *args, **kwargs)
        __self.spend(_steps_for(result))
        return result

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        OPERATOR_BOUNDS[operator](left, right)
        if operator == "%" and isinstance(left, str):
            raise SecurityError("texts are not put together with %, use the `format` filter")
        result = super().call_binop(context, operator, left, right)
        self.spend(1 + _steps_for(left, result))
        return result

    def join_path(self, template: str, parent: str) -> str:  # noqa: ARG002 - as jinja2 has it
        """Includes name files of the folder ``templates/``, whatever file they stand in."""
        return template if template.startswith("templates/") else f"templates/{template}"

    def rows_loop(self, syntax: nodes.Template, names: Sequence[str], separator: str) -> Template:
        """A template over ``rows``, tuples of the values of ``names``, with a separator after each row's text.

        Its loop is not counted, the caller spends the pieces of a row instead; ``syntax`` must be free of loops and
        calls, and is left as it is.
        """
        body = [cast(nodes.Node, Counting().visit(child)) for child in deepcopy(syntax.body)]
        row = nodes.Tuple([nodes.Name(name, "store") for name in names], "store")
        body.append(nodes.Output([nodes.TemplateData(separator)]))
        loop = nodes.For(row, nodes.Name("rows", "load"), body, [], None, False)
        whole = nodes.Template([loop])
        whole.set_lineno(1).set_environment(self)
        code = compile(super()._generate(whole, "<rows>", "<rows>"), "<rows>", "exec")
        return Template.from_code(self, code, {})

    def _generate(self, source: nodes.Template, *args: Any, **kwargs: Any) -> str:
        self.refuse(source)
        return super()._generate(cast(nodes.Template, Counting().visit(source)), *args, **kwargs)

    def _counted(self, items: Iterable[object], steps: int) -> Iterator[object]:
        for item in items:
            self.spend(steps)
            yield item

    @pass_context  # or jinja2 would work it out once, when it compiles
    def _spent(self, _context: Context, steps: int) -> None:
        self.spend(steps)

    def _seen(self, value: object) -> object:
        self.spend(_steps_for(value))
        return value

    def _measured(self, function: Callable[..., Any], price: int, start: int = 1) -> Callable[..., Any]:
        """The filter, paid for: ``start`` steps, and ``price`` for each 100 characters that it is given."""

        @wraps(function)  # with the marks that tell jinja2 what else to hand over
        def measured(*args: Any, **kwargs: Any) -> Any:
            self.spend(start + price * _steps_for(*args))
            result = function(*args, **kwargs)
            self.spend(_steps_for(result))
            return result

        return measured


def _steps_for(*values: object) -> int:
    characters = 0
    for value in values:
        if type(value) is str:
            characters += len(value)
        elif isinstance(value, str | list | tuple | dict):
            characters += weight(value)
    return characters // _CHARACTERS_A_STEP
