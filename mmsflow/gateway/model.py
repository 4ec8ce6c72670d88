"""The nouns of the gateway: what goes out, and the evidence of what happened to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from mmsflow.mms.content import Part
from mmsflow.mms.status import DeliveryStatus


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A message as it goes to the gateway; one recipient, always.

    Attributes:
        msisdn: E.164, ``+48501102030``.
        subject: may be empty, then it is left out.
        sender: originator, as agreed with the operator.
        priority: ``Default``, ``Low``, ``Normal`` or ``High``.
        delivery_report: whether to ask for one.
        parts: attachments in order; empty means the JSON form.
    """

    msisdn: str
    subject: str
    sender: str
    priority: str
    delivery_report: bool
    parts: tuple[Part, ...] = ()


class Wire(StrEnum):
    """How far a request got. The evidence is the transport's trace, never an exception's class."""

    NOT_BEGUN = "not_begun"  # provably no byte of the request was handed to the socket
    BEGUN = "begun"  # some of it may have left; no status line was seen
    ANSWERED = "answered"  # a status line was seen


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known about one POST.

    Attributes:
        wire: how far it got.
        http_status: status code, 0 when none was seen.
        gateway_id: the operator's id, empty when none was given.
        code: the operator's error code, 0 when none.
        text: the operator's error text, or what went wrong on the wire, in one line without secrets.
        refused_in_body: a 200 whose ``deliveryStatus`` says ``Bad request``.
        retry_after_seconds: the reply's Retry-After, None when absent.
        body: the reply's raw body, capped; empty when none.
        misconfigured: the URL or protocol is unusable, no retry can help.
        elapsed_seconds: from the call to the verdict.
    """

    wire: Wire
    http_status: int = 0
    gateway_id: str = ""
    code: int = 0
    text: str = ""
    refused_in_body: bool = False
    retry_after_seconds: float | None = None
    body: bytes = field(default=b"", repr=False)
    misconfigured: bool = False
    elapsed_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class StatusReply:
    """The answer to one status question.

    Attributes:
        status: the operator's word, understood; None when the answer held none or did not come.
        http_status, code, text, body, retry_after_seconds: as in Evidence.
    """

    status: DeliveryStatus | None
    http_status: int = 0
    code: int = 0
    text: str = ""
    body: bytes = field(default=b"", repr=False)
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class QuotaReply:
    """The gateway's quota counter as it answered.

    Attributes:
        used: API requests used in this period.
        available: requests left in it.
        reset_on: the date of the counter's reset, read without its weekday; None when absent or unreadable.
        raw_date: that field verbatim.
        body: the raw reply, capped.
    """

    used: int
    available: int
    reset_on: date | None
    raw_date: str
    body: bytes = field(default=b"", repr=False)
