"""What stands where in an answer whose envelope no document shows: every known word, every id, every counter. Pure.

An answer is searched whole: nested objects, lists of any length, JSON in strings, names that occur twice. Only whole
string values count as words, and none of fields that say again what was asked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

_DEEPEST = 12
_MOST_VALUES = 5_000
_LONGEST_ID = 2_000
# Fields of the request, and what services call the same; whatever is enclosed in them is an echo too.
# fmt: off
_ECHOES = frozenset({
    "addresses", "address", "senderaddress", "sender", "from", "originator", "to", "recipient", "recipients",
    "destination", "msisdn", "number", "subject", "title", "text", "content", "body", "filename", "name",
    "priority", "request", "original", "echo", "messagepart", "useragent", "href", "url", "resourceurl",
    "timestamp", "date",
})
# fmt: on
_GROUPED = re.compile(r"\d{1,3}(?:[ \u00a0\u2009\u202f]\d{3})+", re.ASCII)
_AMBIGUOUS = re.compile(r"\d{1,3}(?:[.,]\d{3})+", re.ASCII)
_COUNT = re.compile(r"[+-]?\d{1,15}(?:\.0*)?", re.ASCII)


class Pairs(tuple[tuple[str, object], ...]):
    """An object of JSON with all its names, also those that occur twice."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Value:
    """One value of an answer: the name of its field, without regard to case and signs, and how deep it is."""

    name: str
    value: object
    depth: int


@dataclass(frozen=True, slots=True)
class Counter:
    """One counter of the quota as answered; None for a figure that cannot be read.

    Attributes:
        name: of the object that it is, empty where it has none.
        said: what was answered for a figure that cannot be read; empty when both can.
    """

    name: str
    used: int | None
    available: int | None
    date: str
    said: str = ""


_DECODER = json.JSONDecoder(object_pairs_hook=Pairs)  # made once: json.loads would make one for each answer
# Half of a surrogate pair cannot stand in a URL; a tab can.
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\ud800-\udfff]")


def parse(body: bytes) -> object:
    """The document; None where it is no JSON."""
    try:
        return _DECODER.decode(body.decode(json.detect_encoding(body), "surrogatepass"))
    except (ValueError, RecursionError):
        return None


@lru_cache(maxsize=256)  # the same few names and words in every answer
def plain(text: str) -> str:
    """A word or name without regard to case, spaces and signs."""
    return "".join(filter(str.isalnum, text.casefold()))


def values(document: object) -> list[Value]:
    """Every value below the fields of an answer that are no echo of the request, in the order of the answer."""
    left, found = _MOST_VALUES, list[Value]()
    waiting: list[Value] = [Value("", document, 0)]
    while waiting and left:
        left -= 1
        current = waiting.pop()
        inner = _inner(current)
        if inner is None:
            found.append(current)
        else:
            waiting += reversed(inner)
    return found


def _inner(current: Value) -> list[Value] | None:
    value, depth = current.value, current.depth
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "[") and depth < _DEEPEST:
        parsed = parse(value.encode("utf-8", "replace"))
        value = parsed if isinstance(parsed, Pairs | list) else value
    if isinstance(value, Pairs):
        fields = [Value(plain(name), each, depth + 1) for name, each in value]
        return [field for field in fields if field.name not in _ECHOES] if depth < _DEEPEST else []
    if isinstance(value, list):
        # A list adds no depth: a list of two objects holds two of the same kind.
        return [Value(current.name, each, depth) for each in value] if depth < _DEEPEST else []
    return None


def words(found: Sequence[Value]) -> list[tuple[str, str]]:
    """The name and text of every string that may be a word; ids are none."""
    return [
        (each.name, " ".join(each.value.split()))
        for each in found
        if isinstance(each.value, str) and each.value.strip() and not each.name.endswith("id")
    ]


def identifier(answer: Sequence[Value], names: Sequence[str]) -> tuple[str, str]:
    """The id of the gateway, by the first of these names that has one, and why there is none otherwise.

    The outermost counts; several different ones as far out name nothing.
    """
    problem = ""
    for name in names:
        found = [each for each in answer if each.name == plain(name)]
        usable = [(each.depth, text) for each in found if (text := _usable(each.value))]
        if usable:
            outermost = min(depth for depth, _ in usable)
            different = {text for depth, text in usable if depth == outermost}
            if len(different) == 1:
                return different.pop(), ""
            return "", f"the answer holds {len(different)} different ids"
        problem = problem or next((text for each in found if (text := _unusable(name, each.value))), "")
    return "", problem


def _usable(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**400 else ""
    if not isinstance(value, str):
        return ""
    text = value.strip()
    return text if len(text) <= _LONGEST_ID and not _control(text) else ""


def _unusable(name: str, value: object) -> str:
    if not isinstance(value, str):
        return f"its `{name}` is {json.dumps(value)[:40]}, which is no id" if value is not None else ""
    if len(value) > _LONGEST_ID:
        return f"its `{name}` has {len(value)} characters, more than {_LONGEST_ID}"
    if _control(value.strip()):
        return f"its `{name}` holds control characters"
    return f"its `{name}` is empty"


def _control(text: str) -> bool:
    return _CONTROL.search(text) is not None


def counters(document: object) -> list[Counter]:
    """Every object that holds figures of a quota, each kept whole, in the order of the answer."""
    found: list[Counter] = []
    waiting: list[tuple[str, object, int]] = [("", document, 0)]
    while waiting and len(found) < 100:
        name, value, depth = waiting.pop(0)
        if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
            value = parse(value.encode("utf-8", "replace"))
        if isinstance(value, list) and depth < _DEEPEST:
            waiting[:0] = [(name, each, depth + 1) for each in value[:1000]]
        if isinstance(value, Pairs) and depth < _DEEPEST:
            found += _counters_of(name, value)
            waiting[:0] = [(each, inner, depth + 1) for each, inner in value[:1000]]
    return found


def _counters_of(name: str, fields: Pairs) -> list[Counter]:
    """The counters that one object is: several where its names occur more than once."""
    sets: list[dict[str, object]] = [{}]
    for field, value in fields:
        key = plain(field)
        if key not in ("used", "available", "date", "name"):
            continue
        if key in sets[-1]:
            sets.append({})
        sets[-1][key] = value
    return [_counter(name, each) for each in sets if "used" in each or "available" in each]


def _counter(name: str, fields: dict[str, object]) -> Counter:
    said = [
        f"`{key}` is {_said(fields[key])}" if key in fields else f"`{key}` is missing"
        for key in ("used", "available")
        if count(fields.get(key)) is None
    ]
    date = fields.get("date")
    called = fields.get("name")
    return Counter(
        called if isinstance(called, str) and called else name,
        count(fields.get("used")),
        count(fields.get("available")),
        date if isinstance(date, str) else "",
        ", ".join(said),
    )


def _said(value: object) -> str:
    text = (
        json.dumps(value, ensure_ascii=False, default=str)[:60] if not isinstance(value, Pairs | list) else "no figure"
    )
    ambiguous = isinstance(value, str) and _AMBIGUOUS.fullmatch(value.strip())
    return f"{text}, which is a thousand for some and one for others" if ambiguous else text


def count(value: object) -> int | None:
    """A whole number that is written without doubt; None otherwise."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return int(value) if abs(value) < 1e15 and value == int(value) else None
    if not isinstance(value, str):
        return None
    text = value.strip()
    if _GROUPED.fullmatch(text):
        return int(re.sub(r"\D", "", text))
    if _AMBIGUOUS.fullmatch(text) or not _COUNT.fullmatch(text):
        return None
    return int(text.partition(".")[0])
