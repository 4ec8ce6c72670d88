"""Everything that can be set about the simulated gateway, as one frozen object."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from mmsflow.errors import UsageError
from mmsflow.simulator.faults import FaultRule

MEMORY = ":memory:"

# A plausible month of a Polish consumer campaign; nothing in the operator's document says so.
DEFAULT_MIX: Mapping[str, float] = MappingProxyType(
    {"Retrieved": 93, "Expired": 3, "Rejected": 2, "Address Error": 1, "Indeterminate": 1}
)

ExpiresIn = Literal["number", "string", "missing"]
Envelope = Literal["top", "nested", "list"]
ResetDate = Literal["next", "last", "today", "tomorrow", "yesterday"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorConfig:
    """How the simulated gateway behaves. Durations are seconds, ranges are ``(from, to)``.

    Attributes:
        state: path of the record, or ``:memory:``; two processes may use one path at once.
        record: ``full``, or ``counts`` for only number and id of each message (benchmarks).
        seed: all that is random (fates, delays, latency, faults) follows from it.
        client_id, client_secret: the credentials that the token call accepts.
        token_life: how long a token lives.
        expires_in: how the token reply gives that life.
        quota: requests in a period.
        quota_days: length of a calendar period, from midnight in Warsaw.
        quota_seconds: length of a period from the first start instead of days; for tests.
        reset_date: which date ``limit`` shows; the operator does not say which one is meant.
        wrong_weekday: show a weekday that is not the date's, as the operator's own example does.
        quota_counts_status: status and limit calls use up quota, too.
        quota_counts_refused: a POST refused for its content uses up quota, too.
        rate_limit: POSTs accepted in one second of the clock; None for no limit. Kept by each process for itself.
        hidden_used: requests that somebody else has used in every period from its beginning.
        hidden_per_second: requests a second that somebody else goes on using.
        limit_as_numbers, limit_nested: ``limit`` answers numbers; inside one enclosing object.
        status_envelope: where ``status`` stands in the status reply.
        reply_delivery_status: the send reply names ``deliveryStatus``, too.
        reply_id_field: name of the id in the send reply; the document uses both.
        not_found_for: how long a fresh id answers ``Message ID Not found``.
        pending_status: what is answered until the delivery report is there.
        delivery_delay: range from which each message's delay until its delivery report is drawn.
        mix: weight of each final status.
        fates: number (``+48…``) to the final status that it always gets.
        senders: the sender names that the contract allows; empty for any.
        attachment_headers: ``full``, or ``minimal`` to refuse what the operator's example does not show.
        max_mms_bytes: largest message, attachments decoded.
        latency: range from which the time before each reply is drawn; the request is processed before it.
        latency_on: ``all`` calls, or ``send`` only.
        faults: rules in force from the start.
    """

    state: str = MEMORY
    record: Literal["full", "counts"] = "full"
    seed: int = 0
    client_id: str = "simulator"
    client_secret: str = field(default="simulator", repr=False)
    token_life: float = 3600
    expires_in: ExpiresIn = "number"
    quota: int = 10_000
    quota_days: int = 1
    quota_seconds: float | None = None
    reset_date: ResetDate = "next"
    wrong_weekday: bool = False
    quota_counts_status: bool = False
    quota_counts_refused: bool = True
    rate_limit: int | None = None
    hidden_used: int = 0
    hidden_per_second: float = 0
    limit_as_numbers: bool = False
    limit_nested: bool = False
    status_envelope: Envelope = "top"
    reply_delivery_status: bool = False
    reply_id_field: Literal["authenticationId", "id"] = "authenticationId"
    not_found_for: float = 0
    pending_status: str = "Success"
    delivery_delay: tuple[float, float] = (2, 20)
    mix: Mapping[str, float] = field(default_factory=lambda: DEFAULT_MIX)
    fates: Mapping[str, str] = field(default_factory=dict)
    senders: tuple[str, ...] = ()
    attachment_headers: Literal["full", "minimal"] = "full"
    max_mms_bytes: int = 300_000
    latency: tuple[float, float] = (0, 0)
    latency_on: Literal["all", "send"] = "all"
    faults: tuple[FaultRule, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be carried out.

        Raises:
            UsageError: a value is out of its range.
        """
        for name, holds, need in _RULES:
            if not holds(self):
                raise UsageError(f"simulator: {name} = {getattr(self, name)!r} cannot be carried out", f"give {need}")


def _is_range(pair: tuple[float, float]) -> bool:
    shortest, longest = pair
    return 0 <= shortest <= longest < float("inf")


def _is_mix(mix: Mapping[str, float]) -> bool:
    return all(0 <= weight < float("inf") for weight in mix.values()) and sum(mix.values()) > 0


_RULES: tuple[tuple[str, Callable[[SimulatorConfig], bool], str], ...] = (
    ("record", lambda c: c.record in ("full", "counts"), "`full` or `counts`"),
    ("client_id", lambda c: bool(c.client_id) and ":" not in c.client_id, "a text without a colon"),
    ("token_life", lambda c: c.token_life > 0, "seconds above 0"),
    ("expires_in", lambda c: c.expires_in in ("number", "string", "missing"), "`number`, `string` or `missing`"),
    ("quota", lambda c: c.quota >= 0, "a number of requests, 0 or more"),
    ("quota_days", lambda c: c.quota_days >= 1, "whole days, 1 or more"),
    ("quota_seconds", lambda c: c.quota_seconds is None or c.quota_seconds > 0, "seconds above 0, or nothing"),
    (
        "reset_date",
        lambda c: c.reset_date in ("next", "last", "today", "tomorrow", "yesterday"),
        "`next`, `last`, `today`, `tomorrow` or `yesterday`",
    ),
    ("rate_limit", lambda c: c.rate_limit is None or c.rate_limit >= 0, "requests a second, 0 or more, or nothing"),
    ("hidden_used", lambda c: c.hidden_used >= 0, "a number of requests, 0 or more"),
    ("hidden_per_second", lambda c: 0 <= c.hidden_per_second < float("inf"), "requests a second, 0 or more"),
    ("status_envelope", lambda c: c.status_envelope in ("top", "nested", "list"), "`top`, `nested` or `list`"),
    ("reply_id_field", lambda c: c.reply_id_field in ("authenticationId", "id"), "`authenticationId` or `id`"),
    ("not_found_for", lambda c: c.not_found_for >= 0, "seconds, 0 or more"),
    ("delivery_delay", lambda c: _is_range(c.delivery_delay), "two seconds, the smaller first"),
    ("mix", lambda c: _is_mix(c.mix), "weights of 0 or more, one of them above 0"),
    ("attachment_headers", lambda c: c.attachment_headers in ("full", "minimal"), "`full` or `minimal`"),
    ("max_mms_bytes", lambda c: c.max_mms_bytes > 0, "bytes above 0"),
    ("latency", lambda c: _is_range(c.latency), "two seconds, the smaller first"),
    ("latency_on", lambda c: c.latency_on in ("all", "send"), "`all` or `send`"),
)
