"""What a gateway's answers show that its document leaves open: envelopes masked, and compared with what is documented.

Pure. ``learn`` gets the answers; ``docs/gateway.md`` says what each difference is about.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

_DOCUMENTED = {
    "send": frozenset({"authenticationId", "deliveryStatus"}),
    "status": frozenset({"status"}),
    "limit": frozenset({"used", "available", "date"}),
}
_READ = {
    "send": frozenset({"id", "code", "message", "description"}),
    "status": frozenset({"deliveryStatus", "code", "message", "description"}),
    "limit": frozenset({"code", "message", "description"}),
}
_LONGEST_BODY = 4000
_LONGEST_WORD = 40  # a longer text without spaces is a token or a key, and no word of a document
_DIGITS = re.compile(r"\+?\d(?:[ .-]?\d){6,}")
FORMS = {
    "json": "JSON without an attachment",
    "full": "multipart with all attachment headers",
    "minimal": "multipart with the transfer encoding alone",
}
"""The forms in which a message goes over the wire; the last two are values of the setting ``attachment_headers``."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """One answer of the gateway.

    Attributes:
        call: ``send``, ``status`` or ``limit``.
        form: of a send, as in ``FORMS``; empty else.
        http_status: 0 when no answer came.
        body: as it came; ``as_json`` masks it.
        gateway_id: the id that a send was given, or that was asked about.
        text: what was understood, or what went wrong, for people.
        is_known: of a status, whether some document names its word.
        is_final: of a status, whether nothing comes after it.
        counters: of a limit: used and available; None where they were not read.
        reset_on: of a limit: the date as it was read.
    """

    call: str
    http_status: int
    body: bytes = field(repr=False)
    form: str = ""
    gateway_id: str = field(default="", repr=False)
    text: str = ""
    is_known: bool = True
    is_final: bool = False
    counters: tuple[int, int] | None = None
    reset_on: date | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not as documented, or that the document leaves open; ``fix`` is what to do, if anything."""

    text: str
    fix: str = ""


def masked_body(body: bytes, private: Sequence[str]) -> str:
    """Give a body as it may be kept: numbers, ids and whatever looks like a token are masked, names of fields are not.

    Args:
        private: texts that must not be in it, such as ids, the client id and handsets.
    """
    text = body.decode("utf-8", "replace")
    try:
        text = json.dumps(_masked(json.loads(text), private), ensure_ascii=False)
    except (ValueError, RecursionError):
        text = _masked_text(text, private)
    return text if len(text) <= _LONGEST_BODY else text[:_LONGEST_BODY] + "…"


def _masked(value: object, private: Sequence[str]) -> object:
    if isinstance(value, dict):
        return {_masked_text(str(name), private): _masked(each, private) for name, each in value.items()}
    if isinstance(value, list):
        return [_masked(each, private) for each in value]
    if isinstance(value, str):
        return _masked_text(value, private)
    if isinstance(value, int | float) and not isinstance(value, bool) and len(str(value)) >= 7:
        return _masked_text(str(value), private)
    return value


def _masked_text(text: str, private: Sequence[str]) -> str:
    for each in sorted(filter(None, private), key=len, reverse=True):
        text = text.replace(each, "[masked]")
    text = _DIGITS.sub(lambda found: "…" + found[0][-3:], text)
    return " ".join(
        word if len(word) <= _LONGEST_WORD else f"[text of {len(word)} characters]" for word in text.split(" ")
    )


def differences(envelopes: Sequence[Envelope], today: date) -> list[Difference]:
    """Name what is not as documented, in the order of the calls; each thing once."""
    found: dict[Difference, None] = {}
    for envelope in envelopes:
        for each in _of_one(envelope, today):
            found[each] = None
    for each in (*_of_forms(envelopes), *_of_counting(envelopes)):
        found[each] = None
    return list(found)


def _of_one(envelope: Envelope, today: date) -> Iterator[Difference]:
    what = {"send": "the answer to a send", "status": "the answer about a delivery status", "limit": "the counter"}
    name = what[envelope.call]
    if not envelope.http_status:
        yield Difference(f"{name} did not come: {envelope.text}", "`mmsflow doctor` looks at the connection")
        return
    document = _document(envelope.body)
    if document is None:
        yield Difference(f"{name} is no JSON (HTTP {envelope.http_status})")
        return
    if envelope.http_status != 200 and envelope.call != "send":
        yield Difference(f"{name} came with HTTP {envelope.http_status}: {envelope.text}")
    yield from _of_shape(envelope, document, name)
    if envelope.call == "send":
        yield from _of_send(envelope, document)
    elif envelope.call == "status":
        yield from _of_status(envelope, document)
    else:
        yield from _of_limit(envelope, today)


def _of_shape(envelope: Envelope, document: object, name: str) -> Iterator[Difference]:
    fields = set(_fields(document))
    outer = set(document) if isinstance(document, dict) else set()
    documented = _DOCUMENTED[envelope.call]
    if fields & documented and not outer & documented:
        yield Difference(f"{name} is wrapped in another object or list; it is found there")
    containers = {key for key, value in _items(document) if isinstance(value, dict | list)}
    if new := sorted(fields - documented - _READ[envelope.call] - containers):
        yield Difference(f"{name} has fields that no document names, and that are not read: {', '.join(new[:20])}")


def _of_send(envelope: Envelope, document: object) -> Iterator[Difference]:
    if not 200 <= envelope.http_status < 300:
        return
    if envelope.http_status != 200:
        yield Difference(f"a send is accepted with HTTP {envelope.http_status}, not 200; that is understood")
    fields = set(_fields(document))
    if not envelope.gateway_id:
        shown = ", ".join(sorted(fields)[:20]) or "none"
        text = (
            f"the answer to a send holds no id that could be read, so each message would be maybe sent; fields: {shown}"
        )
        yield Difference(text, "ask the operator what the id is called; do not send a campaign before that")
    elif "authenticationId" not in fields:
        yield Difference("the answer to a send holds the id under `id`, not `authenticationId`; both are read")
    if "deliveryStatus" in fields:
        yield Difference(
            "the answer to a send holds `deliveryStatus` too; only `Bad request` there counts as a refusal"
        )


def _of_status(envelope: Envelope, document: object) -> Iterator[Difference]:
    if not envelope.is_known:
        text = f"a status word is not known: {envelope.text}; such a message is asked about until its deadline"
        yield Difference(text, "ask the operator whether the word is final")
    fields = set(_fields(document))
    if "status" not in fields and "deliveryStatus" in fields:
        yield Difference("the status stands under `deliveryStatus`, not `status`; both are read")


def _of_limit(envelope: Envelope, today: date) -> Iterator[Difference]:
    if envelope.counters is None:
        yield Difference(f"the counter cannot be read: {envelope.text}", "ask the operator what its fields mean")
        return
    if envelope.reset_on is None:
        text = "the counter's date is missing or cannot be read"
        yield Difference(text, 'set `quota_period`, such as "30d", as the contract has it')
    elif envelope.reset_on < today:
        text = f"the date of reset, {envelope.reset_on}, is in the past: it is taken for the last reset"
        yield Difference(text, 'set `quota_period`, such as "30d", so that the next one is known')


def _of_forms(envelopes: Sequence[Envelope]) -> Iterator[Difference]:
    """Which forms of a message the gateway takes."""
    taken = {each.form: bool(each.gateway_id) for each in envelopes if each.call == "send"}
    for each in envelopes:
        if each.call == "send" and each.http_status and not each.gateway_id and not 200 <= each.http_status < 300:
            fix = ""
            if each.form == "full" and taken.get("minimal"):
                fix = 'set `attachment_headers = "minimal"`'
            elif each.form == "minimal" and taken.get("full"):
                fix = 'keep `attachment_headers = "full"`, which is taken'
            elif "53" in each.text:
                fix = "code 53 is the quota or a short-term limit: `mmsflow quota` tells which"
            yield Difference(f"{FORMS[each.form]} is refused: HTTP {each.http_status}, {each.text}", fix)


def _of_counting(envelopes: Sequence[Envelope]) -> Iterator[Difference]:
    """Which calls move the counter; only where it was read before and after."""
    last: int | None = None
    since: list[Envelope] = []
    for each in envelopes:
        if each.call != "limit":
            since.append(each)
            continue
        if each.counters is not None:
            if last is not None:
                yield from _counted(each.counters[0] - last, since)
            last, since = each.counters[0], []


def _counted(moved: int, since: Sequence[Envelope]) -> Iterator[Difference]:
    sends = sum(bool(each.gateway_id) for each in since if each.call == "send")
    asked = sum(each.call == "status" for each in since)
    if moved < 0:
        yield Difference("the counter was reset meanwhile: what counts is not known", "run it once more")
    elif not since and moved:
        yield Difference(f"asking for the counter counted {moved}", "`mmsflow quota --measure` measures it exactly")
    elif asked and not sends and moved:
        fix = "ask less often: `poll_per_second`, `poll.until`"
        yield Difference(f"{asked} questions for a delivery status counted {moved}", fix)
    elif sends and not asked and moved != sends:
        fix = "someone else may use the account, or a message counts more than once: `mmsflow quota` shows the drift"
        yield Difference(f"the counter moved by {moved} for {sends} accepted sends", fix)


def _document(body: bytes) -> Mapping[str, object] | list[object] | None:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict | list) else None


def _items(document: object, depth: int = 4) -> Iterator[tuple[str, object]]:
    if depth == 0:
        return
    if isinstance(document, dict):
        for name, value in document.items():
            yield str(name), value
            yield from _items(value, depth - 1)
    elif isinstance(document, list):
        for value in document[:20]:
            yield from _items(value, depth - 1)


def _fields(document: object) -> Iterator[str]:
    return (name for name, _ in _items(document))
