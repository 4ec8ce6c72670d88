"""Faults on request: the rules, how they are read from JSON, and which one applies to a request.

Rules are set at the start (``SimulatorConfig.faults``) or while it runs (``POST /_simulator/faults``). The first rule
that applies wins; every rule counts all requests that match its endpoint and number, whether another one won or not.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from mmsflow.errors import UsageError

ENDPOINTS = ("send", "status", "limit", "token", "any")


class FaultKind(StrEnum):
    """What happens instead of the normal reply. *Wire* faults need a real port, see ``breakage``."""

    REPLY = "reply"  # the rule's own status, body and headers
    HTML = "html"  # a page of the proxy in front
    EMPTY = "empty"  # a status without a body
    GARBAGE = "garbage"  # bytes that are no JSON
    NO_ID = "no_id"  # 200, JSON, but no id in it
    BAD_REQUEST = "bad_request"  # 200 with deliveryStatus `Bad request`
    REDIRECT = "redirect"
    GZIP_BOMB = "gzip_bomb"  # `size` bytes once decompressed
    HUGE = "huge"  # `size` bytes of white space, then the normal reply
    DELAY = "delay"  # the normal reply after `seconds`
    DRIP = "drip"  # the normal reply, a byte every `seconds`
    HANG = "hang"  # silence; cut after `seconds` when given
    CLOSE_EARLY = "close_early"  # wire: cut after the headers, before the body was read
    CLOSE_MID_BODY = "close_mid_body"  # wire: cut when a first piece of the body was read
    CLOSE = "close"  # wire: cut when the request was read, before it was processed
    DROP_REPLY = "drop_reply"  # wire: cut when the request was processed
    DROP_AFTER_STATUS = "drop_after_status"  # wire: cut after status line and headers of the normal reply
    DROP_MID_REPLY = "drop_mid_reply"  # wire: cut after half of the normal reply's body


EARLY = frozenset({FaultKind.CLOSE_EARLY, FaultKind.CLOSE_MID_BODY})
_NEVER_PROCESSED = EARLY | {FaultKind.CLOSE, FaultKind.BAD_REQUEST}
_ALWAYS_PROCESSED = frozenset(
    {
        FaultKind.HUGE,
        FaultKind.DELAY,
        FaultKind.DRIP,
        FaultKind.DROP_REPLY,
        FaultKind.DROP_AFTER_STATUS,
        FaultKind.DROP_MID_REPLY,
    }
)
_STATUS = {FaultKind.HTML: 502, FaultKind.REDIRECT: 302}


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRule:
    """One rule. Without ``nth``, ``every`` and ``probability`` it applies to every matching request.

    Attributes:
        kind: what happens.
        endpoint: ``send``, ``status``, ``limit``, ``token`` or ``any``.
        number: only sends to this number (``+48…``).
        nth: only the nth matching request, from 1.
        every: only each k-th matching request, k being this.
        probability: only by this chance, drawn from the simulator's seed.
        times: at most so many times.
        process: carry the request out before the fault; default: where a 2xx is answered, or silence kept.
        status: HTTP status of ``reply``, ``html``, ``empty``, ``garbage``, ``redirect``.
        body, headers: of ``reply``; headers are added to the other replies of our own, too.
        seconds: of ``delay``, ``drip`` (a byte) and ``hang``.
        size: bytes of ``gzip_bomb`` and ``huge``.
        reset: wire faults end with a TCP reset instead of an orderly end.
    """

    kind: FaultKind
    endpoint: str = "send"
    number: str | None = None
    nth: int | None = None
    every: int | None = None
    probability: float | None = None
    times: int | None = None
    process: bool | None = None
    status: int | None = None
    body: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    seconds: float | None = None
    size: int = 64 * 1024 * 1024
    reset: bool = False

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises:
            UsageError: a value is out of its range, or does not go with the kind.
        """
        for name, holds, need in _CHECKS:
            if not holds(self):
                raise UsageError(f"fault {self.kind}: {name} = {getattr(self, name)!r} does not work", f"give {need}")

    @property
    def shown_status(self) -> int:
        """The HTTP status of a reply that the rule makes itself."""
        return self.status if self.status is not None else _STATUS.get(self.kind, 200)

    @property
    def processed(self) -> bool:
        """Whether the request is carried out in spite of the fault."""
        if self.kind in _NEVER_PROCESSED or self.kind in _ALWAYS_PROCESSED:
            return self.kind in _ALWAYS_PROCESSED
        return self.shown_status < 300 if self.process is None else self.process


def _header_safe(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _is_text(text: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in text)


def _headers_safe(rule: FaultRule) -> bool:
    return all(name and " " not in name and _header_safe(name + value) for name, value in rule.headers)


_CHECKS: tuple[tuple[str, Callable[[FaultRule], bool], str], ...] = (
    ("endpoint", lambda r: r.endpoint in ENDPOINTS, f"one of {', '.join(ENDPOINTS)}"),
    ("number", lambda r: r.number is None or r.endpoint in ("send", "any"), "a number only where the endpoint is send"),
    ("number", lambda r: r.number is None or r.kind not in EARLY, "no number: it is in the body, which is not read"),
    ("nth", lambda r: r.nth is None or r.nth >= 1, "1 or more"),
    ("every", lambda r: r.every is None or r.every >= 1, "1 or more"),
    ("probability", lambda r: r.probability is None or 0 <= r.probability <= 1, "a number from 0 to 1"),
    ("times", lambda r: r.times is None or r.times >= 0, "0 or more"),
    ("process", lambda r: not r.process or r.kind not in _NEVER_PROCESSED, "false: this fault comes before"),
    ("process", lambda r: r.process is not False or r.kind not in _ALWAYS_PROCESSED, "true: it needs the normal reply"),
    ("status", lambda r: r.status is None or 200 <= r.status <= 599, "a final HTTP status, 200 to 599"),
    ("body", lambda r: _is_text(r.body), "a text; it has lone surrogates"),
    ("number", lambda r: _is_text(r.number or ""), "digits behind a plus sign"),
    ("headers", _headers_safe, "names and values in printable ASCII"),
    ("seconds", lambda r: r.seconds is None or 0 <= r.seconds < float("inf"), "seconds, 0 or more"),
    ("size", lambda r: 0 <= r.size <= 2**30, "bytes, at most 1 GiB"),
)

_TYPES: dict[str, tuple[type, ...]] = {
    "kind": (str,),
    "endpoint": (str,),
    "number": (str,),
    "nth": (int,),
    "every": (int,),
    "probability": (int, float),
    "times": (int,),
    "process": (bool,),
    "status": (int,),
    "body": (str,),
    "headers": (dict,),
    "seconds": (int, float),
    "size": (int,),
    "reset": (bool,),
}


def read_rules(document: object) -> tuple[FaultRule, ...]:
    """Rules from parsed JSON: a list of objects with the attributes of ``FaultRule``; headers are an object.

    Raises:
        UsageError: naming the rule and what is wrong with it.
    """
    if not isinstance(document, list):
        raise UsageError("faults must be a list of rules", 'give [{"kind": "drop_reply", "every": 10}] or []')
    return tuple(_read_rule(rule, place) for place, rule in enumerate(document, 1))


def _read_rule(rule: object, place: int) -> FaultRule:
    if not isinstance(rule, dict):
        raise UsageError(f"fault rule {place} is not an object", 'give {"kind": "drop_reply"}')
    values = {name: value for name, value in rule.items() if value is not None}
    for name, value in values.items():
        _check_type(name, value, place)
    if values.get("kind") not in set(FaultKind):
        kinds = ", ".join(FaultKind)
        raise UsageError(f"fault rule {place}: kind {values.get('kind')!r} is not known", f"give one of {kinds}")
    values["kind"] = FaultKind(values["kind"])
    values["headers"] = tuple((name, str(value)) for name, value in values.get("headers", {}).items())
    return FaultRule(**values)


def _check_type(name: str, value: object, place: int) -> None:
    types = _TYPES.get(name)
    if types is None:
        raise UsageError(f"fault rule {place}: {name!r} is not known", f"use {', '.join(_TYPES)}")
    # bool is an int to Python, but `"nth": true` is a mistake.
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        raise UsageError(f"fault rule {place}: {name} = {value!r} is of the wrong type", f"give {types[-1].__name__}")


@dataclass(slots=True)
class _Tally:
    rule: FaultRule
    luck: random.Random
    seen: int = 0
    hits: int = 0

    def applies(self, endpoint: str, number: str | None) -> bool:
        rule = self.rule
        if rule.endpoint not in (endpoint, "any") or (rule.number is not None and rule.number != number):
            return False
        self.seen += 1
        lucky = rule.probability is None or self.luck.random() < rule.probability
        turn = (rule.nth is None or self.seen == rule.nth) and (rule.every is None or self.seen % rule.every == 0)
        return lucky and turn and (rule.times is None or self.hits < rule.times)


@dataclass(slots=True)
class FaultBook:
    """The rules in force, with what each has seen. Kept by the process, not in the record."""

    seed: int
    _tallies: list[_Tally] = field(default_factory=list)

    def replace(self, rules: Sequence[FaultRule]) -> None:
        """Put new rules in force; counting starts anew."""
        self._tallies = [
            # Not for security: the same seed must give the same faults.
            _Tally(rule, random.Random(f"{self.seed}|{place}"))  # noqa: S311
            for place, rule in enumerate(rules)
        ]

    @property
    def by_number(self) -> bool:
        """Whether a rule wants to know the number, so that the body must be read for it."""
        return any(tally.rule.number is not None for tally in self._tallies)

    def pick(self, endpoint: str, number: str | None = None, *, early: bool = False) -> FaultRule | None:
        """The rule for a request; ``early`` asks for those that strike before the body was read."""
        asked = [tally for tally in self._tallies if (tally.rule.kind in EARLY) is early]
        struck = [tally for tally in asked if tally.applies(endpoint, number)]
        if not struck:
            return None
        struck[0].hits += 1
        return struck[0].rule

    def as_json(self) -> list[dict[str, object]]:
        """Each rule with how many requests it has seen and hit."""
        return [_rule_json(tally) for tally in self._tallies]


def _rule_json(tally: _Tally) -> dict[str, object]:
    shown: dict[str, object] = {name: getattr(tally.rule, name) for name in _TYPES}
    shown["headers"] = dict(tally.rule.headers)
    return {**shown, "seen": tally.seen, "hits": tally.hits}
