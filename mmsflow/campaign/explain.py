"""From what pydantic found to findings for people: a place, a sentence, a way out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from mmsflow.campaign.model import ATTACHMENT_TAGS, Campaign
from mmsflow.campaign.schedule import WINDOW_TAGS
from mmsflow.campaign.sources import SOURCE_TAGS
from mmsflow.campaign.wording import choice_fix, nearest, quoted
from mmsflow.campaign.yaml_tree import Fault, Path, Place, Tree

_TAGS = {**SOURCE_TAGS, **ATTACHMENT_TAGS}
_TAG_NAMES = frozenset(_TAGS.values()) | WINDOW_TAGS


class Positions:
    """Where each key and value of a file stands.

    A path is the way down from the top: keys and 0-based list indexes, such as ``("message", "attachments", 0)``.
    """

    def __init__(self, keys: Mapping[Path, Place], values: Mapping[Path, Place]) -> None:
        self._keys = keys
        self._values = values

    def of(self, path: Sequence[str | int]) -> tuple[int, int]:
        """1-based line and column of a value; of what encloses it where it is not in the file."""
        return self._nearest(tuple(path), self._values)

    def key(self, path: Sequence[str | int]) -> tuple[int, int]:
        """1-based line and column of a key; of what encloses it where it is not in the file."""
        return self._nearest(tuple(path), self._keys)

    def _nearest(self, path: Path, first: Mapping[Path, Place]) -> tuple[int, int]:
        place = first.get(path)
        while place is None and path:
            # What encloses a missing value is best shown by its key: `message:` rather than its first line.
            place = self._keys.get(path) or self._values.get(path)
            path = path[:-1]
        place = place or Place(1, 1)
        return place.line, place.column


def explain(errors: Sequence[ErrorDetails], tree: Tree, positions: Positions) -> Iterator[Fault]:
    """One fault for each error that has a cause of its own, in pydantic's order."""
    unknown = {error["loc"] for error in errors if error["type"] == "extra_forbidden"}
    for error in errors:
        loc = error["loc"]
        path = tuple(step for step in loc if step not in _TAG_NAMES)
        if error["type"] == "missing" and _is_misspelt(loc, unknown):
            continue
        if error["type"] == "too_short" and _length_at(tree.value, path):
            # pydantic counts only the items that are valid; those that are not have their own errors.
            continue
        message, fix = _sentence(error, path)
        at = positions.key if error["type"] == "extra_forbidden" else positions.of
        yield Fault(Place(*at(path)), message, fix, path)


def _sentence(error: ErrorDetails, path: Path) -> tuple[str, str]:
    kind, loc, context = error["type"], error["loc"], error.get("ctx", {})
    name = _written(path)
    if kind == "campaign":
        return _with_name(str(context["message"]), path), str(context["fix"])
    if kind == "extra_forbidden":
        return f"unknown key {quoted(path[-1])}{_within(path[:-1])}", _key_fix(str(path[-1]), loc)
    if kind == "missing":
        return f"`{path[-1]}` is missing{_within(path[:-1])}", _missing_fix(loc)
    if kind in ("literal_error", "enum"):
        return f"{name} cannot be {_shown(error['input'])}", choice_fix(str(error["input"]), _expected(context))
    if kind == "union_tag_not_found":
        return _no_tag(error["input"], name, path)
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return f"{name} must be a block of keys, not {_shown(error['input'])}", "write `key: value` below it"
    if kind in ("tuple_type", "list_type"):
        return f"{name} must be a list, not {_shown(error['input'])}", "begin each item with a dash"
    if kind == "too_short":
        return f"{name} is empty", "name at least one"
    if kind == "greater_than_equal":
        return f"{name} is {_shown(error['input'])}, the least is {context['ge']}", "write a larger number"
    if kind == "less_than_equal":
        return f"{name} is {_shown(error['input'])}, the most is {context['le']}", "write a smaller number"
    return f"{name}: {error['msg'][:1].lower()}{error['msg'][1:]}", ""


def _with_name(message: str, path: Path) -> str:
    # A rule about a whole block names its own words; one about a value says which key it belongs to.
    named = next((step for step in reversed(path) if isinstance(step, str)), "")
    return message if not named or f"`{named}`" in message or f"the {named}" in message else f"`{named}`: {message}"


def _no_tag(value: object, name: str, path: Path) -> tuple[str, str]:
    if path[-1] == "window":
        message = f"{name} must be a window, a list of them, or `any`, not {_shown(value)}"
        return message, 'write `window: {hours: "09:00-19:00"}`'
    tags = ATTACHMENT_TAGS if "attachments" in path else SOURCE_TAGS
    keys = ", ".join(f"`{key}`" for key in tags)
    if not isinstance(value, Mapping):
        example = "file: media/winter.jpg" if tags is ATTACHMENT_TAGS else "csv: lists/gold.csv"
        return f"{name} must be a block of keys, not {_shown(value)}", f"write `- {example}`"
    near = next(((key, match) for key in value if (match := nearest(str(key), tags))), None)
    if near:
        return f"unknown key {quoted(near[0])} in {name}, one of {keys} is needed", f"did you mean `{near[1]}`?"
    return f"{name} has none of the keys {keys}", "add the one that fits"


def _expected(context: Mapping[str, Any]) -> list[str]:
    return [part.strip(" '") for part in str(context.get("expected", "")).replace(" or ", ", ").split(",")]


def _shown(value: object) -> str:
    if value is None:
        return "empty"
    if isinstance(value, Mapping):
        return "a block of keys"
    return "a list" if isinstance(value, list | tuple) else quoted(value)


def _written(path: Path) -> str:
    """A path as people read it: ``message.attachments[1]``, list items counted from 1."""
    text = ""
    for step in path:
        text += f"[{step + 1}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return quoted(text) if text else "the file"


def _within(path: Path) -> str:
    return f" in {_written(path)}" if path else ""


def _is_misspelt(missing: tuple[str | int, ...], unknown: set[tuple[str | int, ...]]) -> bool:
    """Whether an unknown key beside a missing one is that key with a slip: one finding tells both."""
    beside = (loc for loc in unknown if loc[:-1] == missing[:-1])
    return any(nearest(str(loc[-1]), _keys_at(loc[:-1])) == missing[-1] for loc in beside)


def _key_fix(key: str, loc: tuple[str | int, ...]) -> str:
    return choice_fix(key, _keys_at(loc[:-1]))


def _missing_fix(loc: tuple[str | int, ...]) -> str:
    model, key = _model_at(loc[:-1]), str(loc[-1])
    examples = _examples(model, key) if model else []
    if not examples:
        return f"add `{key}`"
    return f"add `{key}: {examples[0] if isinstance(examples[0], str) else json.dumps(examples[0])}`"


@cache
def _examples(model: type[BaseModel], key: str) -> list[object]:
    examples: list[object] = model.model_json_schema()["properties"].get(key, {}).get("examples", [])
    return examples


def _keys_at(loc: tuple[str | int, ...]) -> list[str]:
    model = _model_at(loc)
    return list(model.model_fields) if model else []


def _model_at(loc: tuple[str | int, ...]) -> type[BaseModel] | None:
    """The model of the block at a pydantic location."""
    models: list[type[BaseModel]] = [Campaign]
    for step in loc:
        if isinstance(step, int) or step in WINDOW_TAGS:
            continue
        if step in _TAG_NAMES:
            key = next(key for key, tag in _TAGS.items() if tag == step)
            models = [model for model in models if next(iter(model.model_fields)) == key]
            continue
        fields = [model.model_fields[step] for model in models if step in model.model_fields]
        models = [model for each in fields for model in _models_in(each.annotation)]
    return models[0] if models else None


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)


def _length_at(value: object, path: Path) -> int:
    for step in path:
        if isinstance(value, Mapping) and step in value:
            value = value[str(step)]
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return 0
    return len(value) if isinstance(value, list) else 0
