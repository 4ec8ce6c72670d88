"""The four calls of the API: token, send, delivery status, limit. One reply for one request, no I/O but the record."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import parse_qsl, unquote_plus

from mmsflow.simulator import fate, quota
from mmsflow.simulator.config import SimulatorConfig
from mmsflow.simulator.multipart import header_value
from mmsflow.simulator.refusal import Refusal
from mmsflow.simulator.state import Record
from mmsflow.simulator.timing import TimeSource
from mmsflow.simulator.wire import Limits, Submission, read_submission

Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | float | bool | None"


@dataclass(frozen=True, slots=True)
class Call:
    """A request: header names in lower case, the query as name and value in order."""

    headers: Mapping[str, str]
    query: Sequence[tuple[str, str]]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply whose body is JSON."""

    status: int
    payload: Json
    headers: Mapping[str, str] = field(default_factory=dict)


class Gateway:
    """The simulated gateway without its faults."""

    def __init__(self, config: SimulatorConfig, record: Record, clock: TimeSource) -> None:
        self.config = config
        self.record = record
        self._clock = clock
        self._limits = Limits(config.senders, config.max_mms_bytes, config.attachment_headers == "minimal")
        self._second = (0, 0)
        self._calls: Mapping[str, Callable[[Call, float], Reply]] = {
            "token": self._token,
            "send": self._send,
            "status": self._status,
            "limit": self._limit,
        }

    @property
    def now(self) -> float:
        """The clock's instant as epoch seconds."""
        return self._clock.now().timestamp()

    def answer(self, endpoint: str, call: Call) -> Reply:
        """Carry out one call of ``token``, ``send``, ``status`` or ``limit``; a refusal is a reply as well."""
        try:
            return self._calls[endpoint](call, self.now)
        except Refusal as refusal:
            return self.refuse(refusal)

    def refuse(self, refusal: Refusal) -> Reply:
        """The reply for a refusal, which is counted."""
        self.record.count(f"refused:{refusal.status}/{refusal.code}")
        return Reply(refusal.status, refusal.as_json())

    def recipient(self, call: Call) -> str | None:
        """The first number of a send request; None when it cannot be read."""
        try:
            submission = read_submission(call.headers.get("content-type", ""), call.body, self._limits)
        except Refusal:
            return None
        return submission.message.numbers[0]

    def used(self, now: float) -> tuple[quota.Period, int, int]:
        """The period, the requests used in it by this account here, and those used by somebody else."""
        period = quota.period_at(self.config, now, self.record.anchor)
        hidden = quota.hidden_use(self.config, period, now, self.record.anchor)
        return period, self.record.used(period.index), hidden

    def _token(self, call: Call, now: float) -> Reply:
        _check_accept(call)
        if not self._knows(call.headers.get("authorization", "")):
            self.record.count("token_refused")
            error: Json = {"error": "invalid_client", "error_description": "Client id or secret is missing or wrong."}
            return Reply(401, error, {"WWW-Authenticate": 'Basic realm="simulator"'})
        if header_value(call.headers.get("content-type", ""))[0] != "application/x-www-form-urlencoded":
            return _token_error("invalid_request", "The body must be application/x-www-form-urlencoded.")
        form = dict(parse_qsl(call.body.decode("utf-8", "replace")))
        if form.get("grant_type") != "client_credentials":
            return _token_error("unsupported_grant_type", "grant_type must be client_credentials.")
        token = secrets.token_urlsafe(24)
        self.record.add_token(token, now + self.config.token_life, now)
        return Reply(200, {"token_type": "Bearer", "access_token": token, **self._expires_in()}, _NO_STORE)

    def _knows(self, authorization: str) -> bool:
        scheme, _, encoded = authorization.partition(" ")
        try:
            plain = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
        except (binascii.Error, ValueError):
            return False
        # RFC 6749 wants both halves form-encoded; many clients leave that out.
        given = [plain, ":".join(unquote_plus(half) for half in plain.split(":", 1))]
        known = f"{self.config.client_id}:{self.config.client_secret}".encode()
        matches = [hmac.compare_digest(text.encode(), known) for text in given]
        return scheme.lower() == "basic" and any(matches)

    def _expires_in(self) -> dict[str, Json]:
        if self.config.expires_in == "missing":
            return {}
        seconds = int(self.config.token_life)
        return {"expires_in": str(seconds) if self.config.expires_in == "string" else seconds}

    def _authorize(self, call: Call, now: float) -> None:
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Refusal(40, "The request has no Bearer token.")
        expires_at = self.record.token_expiry(token.strip())
        if expires_at is None:
            raise Refusal(41, "The Bearer token is not one of ours.")
        if now >= expires_at:
            raise Refusal(42, "The Bearer token has expired.")
        _check_accept(call)

    def _send(self, call: Call, now: float) -> Reply:
        self._authorize(call, now)
        self._check_rate(now)
        period, used, hidden = self.used(now)
        room = self.config.quota - hidden
        if used >= room:
            raise _used_up()
        submission = self._read(call, period.index)
        message_id = _new_id()
        accepted = self.record.accept(
            submission,
            message_id=message_id,
            now=now,
            period=period.index,
            room=room,
            fate_of=lambda number, nth: fate.draw(self.config, number, nth),
            keep_parts=self.config.record == "full",
        )
        if not accepted:
            raise _used_up()
        extra: dict[str, Json] = {"deliveryStatus": "DeliveredToNetwork"} if self.config.reply_delivery_status else {}
        return Reply(200, {self.config.reply_id_field: message_id, **extra})

    def _read(self, call: Call, period: int) -> Submission:
        try:
            return read_submission(call.headers.get("content-type", ""), call.body, self._limits)
        except Refusal:
            if self.config.quota_counts_refused:
                self.record.use(period)
            raise

    def _check_rate(self, now: float) -> None:
        if self.config.rate_limit is None:
            return
        second, seen = self._second
        seen = seen if second == int(now) else 0
        if seen >= self.config.rate_limit:
            raise Refusal(53, "Too many requests in this second; the quota is another matter.")
        self._second = (int(now), seen + 1)

    def _status(self, call: Call, now: float) -> Reply:
        self._authorize(call, now)
        self._spend_question(now)
        if unknown := {name for name, _ in call.query} - {"id"}:
            raise Refusal(28, f"The parameter {min(unknown)[:40]} is not known.")
        ids = [value for _, value in call.query]
        if len(ids) != 1 or not ids[0]:
            raise Refusal(28 if len(ids) > 1 else 27, "Exactly one parameter id is needed.")
        status: Json = {"status": fate.status_of_message(self.config, self.record.prospects(ids[0]), now)}
        envelopes: dict[str, Json] = {"top": status, "nested": {"deliveryInfo": status}, "list": [status]}
        return Reply(200, envelopes[self.config.status_envelope])

    def _limit(self, call: Call, now: float) -> Reply:
        self._authorize(call, now)
        self._spend_question(now)
        period, used, hidden = self.used(now)
        # Somebody else can only use what is there.
        all_used = min(used + hidden, max(self.config.quota, used))
        left = max(0, self.config.quota - all_used)
        counts: dict[str, Json] = {"used": all_used, "available": left}
        if not self.config.limit_as_numbers:
            counts = {"used": str(all_used), "available": str(left)}
        limit: Json = {**counts, "date": quota.shown_date(self.config, period, now)}
        return Reply(200, {"limit": limit} if self.config.limit_nested else limit)

    def _spend_question(self, now: float) -> None:
        if not self.config.quota_counts_status:
            return
        period, used, hidden = self.used(now)
        if used + hidden < self.config.quota:
            self.record.use(period.index)


_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


def _used_up() -> Refusal:
    return Refusal(53, "The quota of this period is used up.")


def _check_accept(call: Call) -> None:
    accepted = (item.partition(";")[0].strip().lower() for item in call.headers.get("accept", "").split(","))
    if "application/json" not in accepted:
        raise Refusal(62, "The header Accept must name application/json.")


def _token_error(error: str, description: str) -> Reply:
    return Reply(400, {"error": error, "error_description": description}, _NO_STORE)


def _new_id() -> str:
    raw = secrets.token_hex(10)
    return f"{raw[:3]}_{raw[3:6]}_{raw[6:9]}_{raw[9:12]}_{raw[12:]}"
