"""JSON ↔ model: the operator's field names live here. Any bytes are read without an exception.

Field names and the error model are the operator's (MMSOffnetNat v1, and its common error model). Where the document
names a thing twice or shows no envelope, both names and one enclosing object or one-element list are understood.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime

from mmsflow.gateway import envelopes
from mmsflow.gateway.model import OutgoingMessage, QuotaCounter, QuotaReply
from mmsflow.mms.status import DeliveryStatus, most_final

Fields = Mapping[str, object]

_LONGEST_TEXT = 300
# Where the operator and its sister interfaces have the status.
_STATUS_FIELDS = frozenset({"status", "deliverystatus", "deliveryreport", "messagestatus", "reportstatus", "state"})
_UNREADABLE_RETRY_SECONDS = 60.0  # a header that asks for time, but not for how much of it
_DEEPEST = 3  # an object in a one-element list in an object
_LONG_NUMBER = re.compile(r"\+?(?:48[ -]?)?\d{3}[ -]?\d{3}[ -]?\d{3,}", re.ASCII)
_ISO_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?!\d)", re.ASCII)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


@dataclass(frozen=True, slots=True)
class SendAnswer:
    """What the body of an answer to a send says.

    Attributes:
        gateway_id: empty when it holds none.
        refused: its ``deliveryStatus`` is ``Bad request``.
        code, text: of the operator's error model; 0 and empty when absent.
    """

    gateway_id: str
    refused: bool
    code: int
    text: str


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """An access token, its life in seconds (None when the answer does not say), and its type as answered."""

    access_token: str
    life_seconds: float | None
    token_type: str = ""

    def __repr__(self) -> str:
        return f"TokenAnswer(••••, {self.life_seconds})"


def message_part(message: OutgoingMessage) -> bytes:
    """The JSON of one message, in ASCII (other characters escaped), one address always."""
    part: dict[str, object] = {"addresses": ["tel:" + message.msisdn], "senderAddress": message.sender}
    if message.subject:
        part["subject"] = message.subject
    part["priority"] = message.priority
    part["deliveryReport"] = message.delivery_report
    return json.dumps(part).encode("ascii")


def read_send(http_status: int, body: bytes, content_type: str = "") -> SendAnswer:
    """Read the answer to a send; a missing or unusable body simply holds no id."""
    if not 200 <= http_status < 300:
        code, text = read_error(body, content_type)
        return SendAnswer("", False, code, text)
    found = envelopes.values(envelopes.parse(body))
    refused = any(envelopes.plain(word) == "badrequest" for _, word in envelopes.words(found))
    gateway_id, problem = envelopes.identifier(found, ("authenticationId", "id"))
    if gateway_id and not refused:
        return SendAnswer(gateway_id, False, 0, "")
    document = _parse(body)
    code, text = _error(document)
    text = text or ("Bad request" if refused else problem or _unreadable(document, body, content_type))
    return SendAnswer(gateway_id, refused, code, text)


def read_status(http_status: int, body: bytes) -> DeliveryStatus | None:
    """The status of an answer to a status question: of all known words the most final.

    Of a refusal only words in a field that is one of status are taken, and of a server's error none.
    """
    found = envelopes.words(envelopes.values(envelopes.parse(body)))
    of_status = [_printable(word)[:_LONGEST_TEXT] for name, word in found if name in _STATUS_FIELDS]
    if 200 <= http_status < 300:
        return most_final([_printable(word)[:_LONGEST_TEXT] for _, word in found], of_status)
    return most_final(of_status, []) if http_status < 500 else None


def read_limit(body: bytes) -> QuotaReply | None:
    """The tightest counter of the quota; None when not every one of them can be read.

    A counter is one object, kept whole. Of equally tight ones the one that resets last counts. An unreadable date is
    None in the reply.
    """
    found = envelopes.counters(envelopes.parse(body))
    if not found or any(each.said for each in found):
        return None
    counters = tuple(_counter(each) for each in found)
    tightest = min(counters, key=lambda each: (each.available, -(each.reset_on or date.min).toordinal()))
    return QuotaReply(tightest.used, tightest.available, tightest.reset_on, tightest.raw_date, body, counters)


def limit_problem(body: bytes, content_type: str = "") -> str:
    """Why ``read_limit`` has no counter, with what was answered."""
    document = envelopes.parse(body)
    unreadable = [each for each in envelopes.counters(document) if each.said]
    if unreadable:
        names = [f"{each.name}: {each.said}" if each.name else each.said for each in unreadable]
        return one_line("a figure cannot be read: " + "; ".join(names))
    text = _error(_parse(body))[1]
    if text:
        return text
    if document is None:
        return _unreadable(None, body, content_type)
    return "it holds no `used` and `available`: " + one_line(body.decode("utf-8", "replace"))[:200]


def _counter(found: envelopes.Counter) -> QuotaCounter:
    raw = _printable(found.date)[:_LONGEST_TEXT]
    used, available = max(found.used or 0, 0), max(found.available or 0, 0)
    return QuotaCounter(_printable(found.name)[:60], used, available, read_reset_date(raw), raw)


def read_token(body: bytes) -> TokenAnswer | None:
    """The token of a token endpoint's answer; None when there is none that can stand in a header."""
    document = _parse(body)
    token = _find(document, "access_token")
    if not isinstance(token, str) or not re.fullmatch(r"[!-~]+", token):
        return None
    life = _number(_find(document, "expires_in"))
    kind = _text(document, "token_type")[:40]
    return TokenAnswer(token, life if life is not None and life > 0 else None, kind)


def read_oauth_error(body: bytes) -> tuple[str, str]:
    """The ``error`` of RFC 6749 and its description, whatever the HTTP status; both empty when there is none."""
    document = _parse(body)
    return one_line(_text(document, "error"))[:60], one_line(_text(document, "error_description"))


def token_problem(body: bytes, content_type: str) -> str:
    """Why an answer without an OAuth error holds no usable token; nothing of its values."""
    document = _parse(body)
    if document is None or not body.strip():
        return _unreadable(document, body, content_type)
    if _find(document, "access_token") is None:
        return "the answer's JSON holds no `access_token`"
    return "its `access_token` is no text that can stand in a header"


def read_error(body: bytes, content_type: str = "") -> tuple[int, str]:
    """Code and text of the operator's error model; 0 and a description of the body where it is none."""
    document = _parse(body)
    code, text = _error(document)
    return code, text or _unreadable(document, body, content_type)


def read_reset_date(raw: str) -> date | None:
    """Read ``Tue Jan 22 2026``, with or without time and zone, or ISO 8601; None when it is neither.

    The weekday is not looked at: that of the operator's own example is wrong.
    """
    iso = _ISO_DATE.match(raw.strip())
    if iso:
        year, month, day = (int(text) for text in iso.groups())
        return _date(year, month, day)
    words = raw.replace(",", " ").split()
    months = [_MONTHS.index(word[:3].lower()) + 1 for word in words if word[:3].lower() in _MONTHS]
    days = [int(word) for word in words if re.fullmatch(r"\d{1,2}", word, re.ASCII)]
    years = [int(word) for word in words if re.fullmatch(r"\d{4}", word, re.ASCII)]
    if len(months) != 1 or len(days) != 1 or len(years) != 1:
        return None
    return _date(years[0], months[0], days[0])


def asked_seconds(value: str, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for, a minute where they cannot be read; None without the header."""
    if not value:
        return None
    seconds = read_retry_after(value, now)
    return _UNREADABLE_RETRY_SECONDS if seconds is None else seconds


def read_retry_after(value: str, now: datetime) -> float | None:
    """Seconds in a Retry-After header: a number, with or without its unit, or a date; None when unreadable."""
    text = value.strip()
    number = re.fullmatch(r"(\d{1,18}(?:[.,]\d{1,9})?)\s*(?:s|sec|secs|seconds?)?", text, re.ASCII | re.IGNORECASE)
    if number:
        return float(number[1].replace(",", "."))
    try:
        until = datetime.fromisoformat(text) if _ISO_DATE.match(text) else parsedate_to_datetime(text)
        return max(0.0, (until if until.tzinfo else until.replace(tzinfo=UTC)).timestamp() - now.timestamp())
    except (TypeError, ValueError, OverflowError, IndexError):
        return None


def one_line(text: str) -> str:
    """A text of the other side's, fit to be shown: one printable line, cut, long numbers masked."""
    masked = _LONG_NUMBER.sub(lambda found: "…" + found.group()[-3:], _printable(text))
    return masked if len(masked) <= _LONGEST_TEXT else masked[: _LONGEST_TEXT - 1] + "…"


def masked(body: bytes) -> str:
    """An answer as it can be shown: its shape and words, with ids, tokens and long numbers masked; one line, cut."""
    document = envelopes.parse(body)
    if document is None:
        return one_line(body.decode("utf-8", "replace"))
    return one_line(json.dumps(_masked(document, ""), ensure_ascii=False))


def _masked(value: object, name: str) -> object:
    if isinstance(value, envelopes.Pairs):
        return {each: _masked(inner, envelopes.plain(each)) for each, inner in value}
    if isinstance(value, list):
        return [_masked(each, name) for each in value]
    is_secret = name.endswith("id") or any(part in name for part in ("token", "secret", "password", "key", "text"))
    if isinstance(value, str) and (is_secret or name in ("subject", "senderaddress")):
        return f"•••• ({len(value)} characters)"
    return one_line(value) if isinstance(value, str) else value


def _parse(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _printable(text: str) -> str:
    cut = text[: 4 * _LONGEST_TEXT]
    return " ".join("".join(character if character.isprintable() else " " for character in cut).split())


def _find(document: object, name: str, kind: type = object) -> object:
    """The first value of that name and kind, outer objects before inner ones; None when there is none."""
    values = (fields.get(name) for fields in _objects(document, _DEEPEST))
    return next((value for value in values if value is not None and isinstance(value, kind)), None)


def _text(document: object, name: str) -> str:
    value = _find(document, name, str)
    return _printable(value)[:_LONGEST_TEXT] if isinstance(value, str) else ""


def _objects(document: object, depth: int) -> Iterator[Fields]:
    if isinstance(document, list) and len(document) == 1:
        document = document[0]
    if not isinstance(document, dict) or depth == 0:
        return
    yield document
    for value in document.values():
        yield from _objects(value, depth - 1)


def _error(document: object) -> tuple[int, str]:
    code = _count(_find(document, "code")) or 0
    texts = dict.fromkeys((_text(document, "message"), _text(document, "description")))
    return code, one_line(": ".join(filter(None, texts)))


def _unreadable(document: object, body: bytes, content_type: str) -> str:
    if not body.strip():
        return "the answer has no body"
    if document is not None:
        return "the answer's JSON holds none of the fields it should"
    kind = one_line(content_type.partition(";")[0])[:60] or "no content type"
    return f"the answer is no JSON ({kind}, {len(body)} bytes)"


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _count(value: object) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number.is_integer() and abs(number) < 1e15 else None


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
