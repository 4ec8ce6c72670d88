"""A YAML file as plain values with the place of each; the only module that knows the YAML library.

The file is taken apart event by event instead of being loaded: so every key and value keeps its place, scalars stay as
they are written, and what campaign files must not have (anchors, tags, second documents) is found where it stands.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from mmsflow.campaign.scalars import Unquoted
from mmsflow.campaign.wording import masked, quoted

MAX_DEPTH = 50
_LONGEST_NUMBER = 40

Path = tuple[str | int, ...]
Value = str | Unquoted | None | list["Value"] | dict[str, "Value"]

# YAML 1.2 core schema.
_NULL = re.compile(r"~|null|Null|NULL|")
_TRUE, _FALSE = frozenset({"true", "True", "TRUE"}), frozenset({"false", "False", "FALSE"})
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Place:
    """1-based line and column in the file, counted in characters."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in a YAML file that cannot be taken.

    Attributes:
        place: where.
        message, fix: as in a Finding.
        path: of the value it is about.
    """

    place: Place
    message: str
    fix: str
    path: Path = ()


@dataclass(slots=True)
class Tree:
    """What was read.

    Attributes:
        value: lists, blocks by key, and scalars; numbers and switches as `Unquoted`.
        values, keys: place of every value and of every key, by its path.
        faults: what is wrong; the rest of the tree is there all the same, unless ``broken``.
        broken: reading had to stop.
    """

    value: Value = None
    values: dict[Path, Place] = field(default_factory=dict)
    keys: dict[Path, Place] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    broken: bool = False


class _Stop(Exception):
    """Reading cannot go on; the fault is in the tree."""


def read_tree(text: str) -> Tree:
    """Take a YAML text apart. Never raises: whatever is wrong is in the tree's ``faults``."""
    tree = Tree()
    if unprintable := _UNPRINTABLE.search(text):
        place = _place_at(text, unprintable.start())
        fault = f"the character U+{ord(unprintable[0]):04X} cannot stand in a YAML file"
        tree.faults.append(Fault(place, fault, "remove it"))
        tree.broken = True
        return tree
    try:
        # The library warns about YAML directives it does not know; what matters is found in the events.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _Builder(tree, YAML(typ="safe", pure=True).parse(text)).document()
    except _Stop:
        tree.broken = True
    except Exception as error:
        tree.faults.append(_syntax_fault(error))
        tree.broken = True
    return tree


class _Builder:
    """Builds the tree from the library's stream of events."""

    def __init__(self, tree: Tree, events: Iterator[Any]) -> None:
        self._tree = tree
        self._events = events

    def document(self) -> None:
        first = True
        for event in self._events:
            if isinstance(event, DocumentStartEvent) and not first:
                self._stop(event, "a second document begins here", "keep one campaign a file")
            elif isinstance(event, NodeEvent):
                self._tree.value = self._node(event, ())
                first = False

    def _node(self, event: Any, path: Path) -> Value:
        self._tree.values[path] = _place(event)
        if len(path) > MAX_DEPTH:
            self._stop(event, f"the file is nested deeper than {MAX_DEPTH} levels", "make it flatter")
        if isinstance(event, AliasEvent):
            self._fault(event, path, "an alias (*) is not allowed in a campaign file", "write the value out")
            return None
        self._refuse_decoration(event, path)
        if isinstance(event, MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, SequenceStartEvent):
            return self._sequence(path)
        return self._scalar(event, path)

    def _refuse_decoration(self, event: Any, path: Path) -> None:
        if event.anchor is not None:
            self._fault(event, path, f"an anchor (&{masked(str(event.anchor), 30)}) is not allowed", "remove it")
        # The library gives `!` to quoted scalars in some versions; only what is written in the file counts.
        tag = None if event.tag is None else str(event.tag)
        if tag not in (None, "!"):
            self._fault(event, path, f"the tag {quoted(tag)} is not allowed in a campaign file", "remove it")

    def _mapping(self, path: Path) -> dict[str, Value]:
        block: dict[str, Value] = {}
        while not isinstance(event := next(self._events), MappingEndEvent):
            if not isinstance(event, ScalarEvent):
                self._stop(event, "a key must be a plain word", "write `key: value`")
            self._refuse_decoration(event, path)
            key = str(event.value)
            at = (*path, key)
            if key in block:
                first = self._tree.keys[at]
                fault = f"the key {quoted(key)} stands here for the second time, the first is in line {first.line}"
                self._fault(event, at, fault, "remove one of them")
                self._skip(path)
                continue
            self._tree.keys[at] = _place(event)
            block[key] = self._node(next(self._events), at)
        return block

    def _skip(self, path: Path) -> None:
        """Read a value and forget it; its faults stay."""
        values, keys = self._tree.values, self._tree.keys
        self._tree.values, self._tree.keys = {}, {}
        self._node(next(self._events), (*path, ""))
        self._tree.values, self._tree.keys = values, keys

    def _sequence(self, path: Path) -> list[Value]:
        items: list[Value] = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            items.append(self._node(event, (*path, len(items))))
        return items

    def _scalar(self, event: Any, path: Path) -> Value:
        text = str(event.value)
        if _SURROGATE.search(text):
            self._fault(event, path, "the text holds half a character (a lone surrogate)", "write the character itself")
            return ""
        return text if event.style in ("'", '"', "|", ">") else plain_scalar(text)

    def _fault(self, event: Any, path: Path, message: str, fix: str) -> None:
        self._tree.faults.append(Fault(_place(event), message, fix, path))

    def _stop(self, event: Any, message: str, fix: str) -> None:
        self._fault(event, (), message, fix)
        raise _Stop


def plain_scalar(text: str) -> str | Unquoted | None:
    """What YAML 1.2 makes of a scalar without quotes: nothing, a number, a switch, or the text itself."""
    if _NULL.fullmatch(text):
        return None
    if text in _TRUE or text in _FALSE:
        return Unquoted(text, text in _TRUE)
    if len(text) <= _LONGEST_NUMBER:
        if _INTEGER.fullmatch(text):
            return Unquoted(text, int(text))
        if _FLOAT.fullmatch(text):
            return Unquoted(text, float(text))
    return text


def _place(event: Any) -> Place:
    return Place(event.start_mark.line + 1, event.start_mark.column + 1)


def _place_at(text: str, offset: int) -> Place:
    start = text.rfind("\n", 0, offset) + 1
    return Place(text.count("\n", 0, offset) + 1, offset - start + 1)


def _syntax_fault(error: Exception) -> Fault:
    mark = error.problem_mark or error.context_mark if isinstance(error, MarkedYAMLError) else None
    place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
    reason = str(getattr(error, "problem", None) or "it cannot be read") if isinstance(error, YAMLError) else str(error)
    if "\\t" in reason:
        return Fault(place, "a tab stands where YAML wants spaces", "indent with spaces")
    fix = "look at the indentation, the colons and the quotes of this line and the one above"
    if "mapping values are not allowed" in reason:
        fix = "put a text that holds a colon in quotes, or mend the indentation"
    return Fault(place, f"this is not YAML: {masked(reason)}", fix)
