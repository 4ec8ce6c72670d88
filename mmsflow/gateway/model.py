"""The nouns of the gateway: what goes out, and the evidence of what happened to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from mmsflow.mms.content import Part
from mmsflow.mms.status import DeliveryStatus
from mmsflow.settings import Secret, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayConfig:
    """Which gateway, as whom, and how; the meanings are those of ``settings.Settings``.

    Attributes:
        base_url: https (http on loopback only), without a slash at the end.
        token_url: OAuth 2.0 token address; base URL + ``/oauth/v2/token`` when empty.
        client_id, client_secret: OAuth 2.0 client credentials.
        in_flight: requests at a time, above 0; sizes the connection pool.
        total_deadline: longest time for one request, reply included.
        connect_timeout: longest time to connect, TLS included.
        attachment_headers: ``full`` or ``minimal``.
        ca_file: own certificate authority, PEM; empty for the system's.
        proxy: explicit proxy URL, may hold credentials; empty for none.
        keep_alive: ``auto``, ``on`` or ``off``.
    """

    base_url: str
    token_url: str = ""
    client_id: str = ""
    client_secret: Secret = field(default_factory=lambda: Secret(""))
    in_flight: int = 16
    total_deadline: timedelta = timedelta(seconds=60)
    connect_timeout: timedelta = timedelta(seconds=10)
    attachment_headers: str = "full"
    ca_file: str = ""
    proxy: str = field(default="", repr=False)
    keep_alive: str = "auto"

    @classmethod
    def from_settings(cls, settings: Settings) -> GatewayConfig:
        """The gateway's share of the settings."""
        return cls(
            base_url=settings.gateway_url,
            token_url=settings.token_url,
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            in_flight=settings.in_flight,
            total_deadline=settings.total_deadline,
            connect_timeout=settings.connect_timeout,
            attachment_headers=settings.attachment_headers,
            ca_file=settings.ca_file,
            proxy=settings.proxy,
            keep_alive=settings.keep_alive,
        )


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
        credentials_refused: no token could be had because the token endpoint refused our credentials; nothing
            of this message is left with the gateway.
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
    credentials_refused: bool = False
    elapsed_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class StatusReply:
    """The answer to one status question.

    Attributes:
        status: the operator's word, understood; None when the answer held none or did not come.
        http_status, code, text, body, retry_after_seconds: as in Evidence.
        not_asked: no token could be had, so the question was not asked; ``http_status`` is 401 where the credentials
            were refused.
    """

    status: DeliveryStatus | None
    http_status: int = 0
    code: int = 0
    text: str = ""
    body: bytes = field(default=b"", repr=False)
    retry_after_seconds: float | None = None
    not_asked: bool = False


@dataclass(frozen=True, slots=True)
class QuotaCounter:
    """One counter as answered; ``name`` is empty where it has none, the rest as in QuotaReply."""

    name: str
    used: int
    available: int
    reset_on: date | None
    raw_date: str


@dataclass(frozen=True, slots=True)
class QuotaReply:
    """The gateway's quota counter as it answered, the tightest where it has several.

    Attributes:
        used: API requests used in this period.
        available: requests left in it.
        reset_on: the date of the counter's reset, read without its weekday; None when absent or unreadable.
        raw_date: that field verbatim.
        body: the raw reply, capped.
        counters: all counters of the answer, in its order.
    """

    used: int
    available: int
    reset_on: date | None
    raw_date: str
    body: bytes = field(default=b"", repr=False)
    counters: tuple[QuotaCounter, ...] = ()

    @property
    def period(self) -> str:
        """The name that requests of this period are counted under."""
        return self.reset_on.isoformat() if self.reset_on else "unknown"
