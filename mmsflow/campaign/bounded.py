"""Operations on texts, lists and numbers that are measured before they are done, for users' templates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from jinja2 import Undefined
from jinja2.exceptions import SecurityError

MAX_CHARACTERS = 100_000
MAX_RANGE = 1_000
_MAX_NUMBER_BITS = 1_024
_MAX_DECIMALS = 15

Items = list[object] | tuple[object, ...] | dict[object, object]


class OutOfBounds(SecurityError):
    """A text, list or number would become too large, or there are too many steps."""


def printable(value: object) -> object:
    """What may be put into a text; a list, a method or nothing at all would print as Python's view of it."""
    if isinstance(value, str | int | float | Undefined):
        return value
    if value is None:
        raise SecurityError("there is nothing to write here")
    raise SecurityError(f"a {type(value).__name__} is not a text")


def weight(value: object) -> int:
    """About how many characters a value makes when it is printed."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, int):
        return value.bit_length() // 3 + 1
    if isinstance(value, Mapping):
        return sum(weight(key) + weight(item) for key, item in value.items()) + 2
    if isinstance(value, list | tuple):
        return sum(map(weight, value)) + 2 * len(value)
    return 1


def check_size(characters: int) -> None:
    if characters > MAX_CHARACTERS:
        raise OutOfBounds(f"the text would have more than {MAX_CHARACTERS} characters")


def _bound_sum(left: object, right: object) -> None:
    if isinstance(left, str | list | tuple) and isinstance(right, str | list | tuple):
        check_size(weight(left) + weight(right))


def _bound_product(left: object, right: object) -> None:
    if isinstance(left, int) and isinstance(right, int):
        if left.bit_length() + right.bit_length() > _MAX_NUMBER_BITS:
            raise OutOfBounds("the number would be too large")
    elif isinstance(left, str | list | tuple) and isinstance(right, int):
        check_size(weight(left) * right)
    elif isinstance(right, str | list | tuple) and isinstance(left, int):
        check_size(weight(right) * left)


def _bound_power(left: object, right: object) -> None:
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() * abs(right) > _MAX_NUMBER_BITS:
        raise OutOfBounds("the number would be too large")


def _unbounded(left: object, right: object) -> None:
    """Nothing to check: a remainder is never larger than its divisor."""


OPERATOR_BOUNDS = {"+": _bound_sum, "*": _bound_product, "**": _bound_power, "%": _unbounded}


def concat(chunks: Iterable[str]) -> str:
    # Chunks are counted before they are joined: many may be references to one large text.
    parts = chunks if isinstance(chunks, list) else list(chunks)
    check_size(sum(map(len, parts)))
    return "".join(parts)


def short_range(*bounds: int) -> range:
    numbers = range(*bounds)
    if len(numbers) > MAX_RANGE:
        raise OutOfBounds(f"a range has at most {MAX_RANGE} numbers")
    return numbers


def joined(values: list[object]) -> str:
    return concat([str(printable(value)) for value in values])


def plain_items(items: Items) -> Items:
    # Lists in lists can double at each step while staying small, until somebody prints them.
    for item in items.values() if isinstance(items, dict) else items:
        if not isinstance(item, str | int | float | Undefined | None):
            raise SecurityError("a list can hold texts and numbers only")
    check_size(weight(items))
    return items


def format_values(pattern: str, *values: object, **named: object) -> str:
    text = str(pattern)
    if re.search(r"%[^a-zA-Z%]*(?:\*|\d{4})", text):
        raise OutOfBounds("a width in `format` has at most three digits")
    check_size(weight(text) + weight(values) + weight(named) + 1000 * text.count("%"))
    return text % (named or values)


def join_values(values: Iterable[object], separator: str = "") -> str:
    parts = [str(printable(value)) for value in values]
    check_size(weight(parts) + len(parts) * len(separator))
    return separator.join(parts)


def replace_text(text: object, old: str, new: str, count: int | None = None) -> str:
    whole = str(text)
    found = len(whole) + 1 if not old else whole.count(old)
    check_size(len(whole) + found * len(new))
    return whole.replace(old, new, -1 if count is None else count)


def round_number(value: float, precision: int = 0) -> float:
    if abs(precision) > _MAX_DECIMALS:
        raise OutOfBounds(f"`round` takes up to {_MAX_DECIMALS} decimals")
    return round(float(value), precision)
