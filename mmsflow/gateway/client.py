"""The gateway's three calls, as the rest of mmsflow sees them."""

from __future__ import annotations

from dataclasses import replace
from secrets import SystemRandom
from types import TracebackType
from typing import Self

from mmsflow import __version__
from mmsflow.clock import Clock
from mmsflow.errors import GatewayRefused, GatewayUnavailable, MmsflowError, UsageError
from mmsflow.gateway.addresses import Url, checked_url
from mmsflow.gateway.model import Evidence, GatewayConfig, OutgoingMessage, QuotaReply, StatusReply, Wire
from mmsflow.gateway.multipart import MultipartForm
from mmsflow.gateway.oauth import TokenSource
from mmsflow.gateway.retry import backoff_seconds
from mmsflow.gateway.transport import AsgiApp, Exchange, Transport
from mmsflow.gateway.wire import (
    asked_seconds,
    limit_problem,
    message_part,
    read_error,
    read_limit,
    read_send,
    read_status,
)
from mmsflow.secret import spellings

# Paths of the operator's document; the token's path is an assumption and has a setting of its own.
SEND_PATH = "/Messaging/v1/MMSOffnetNat"
STATUS_PATH = "/Messaging/v1/MMSDeliveryStatus"
LIMIT_PATH = "/Messaging/v1/MMSOffnetNat/limit"
TOKEN_PATH = "/oauth/v2/token"  # noqa: S105 - a path

_LIMIT_ATTEMPTS = 4
_SHORTEST_SECRET = 16
_HEADERS = (
    ("Accept", "application/json"),  # newer hosts of the operator answer 406 without it
    ("Accept-Encoding", "identity"),
    ("User-Agent", f"mmsflow/{__version__}"),
)

_CHECK_RIGHTS = "check MMSFLOW_CLIENT_ID and MMSFLOW_CLIENT_SECRET, and that the contract covers this API"
_CHECK_URL = "check the gateway's address (MMSFLOW_GATEWAY_URL): the host alone, without a path"
_CHECK_NETWORK = "look at network, firewall and proxy, and at MMSFLOW_GATEWAY_URL where you have set it; asking is safe"


class GatewayClient:
    """Sends messages and asks for their status and for the quota; used as ``async with GatewayClient(…) as gateway``.

    It bounds nothing by itself: the caller keeps to ``config.in_flight`` requests at a time.

    Args:
        config: which gateway, as whom, and how.
        clock: for token lives, back-off and elapsed times. The deadlines of requests run on the event loop's time.
        app: an ASGI application in this process that answers instead of the network.

    Raises:
        UsageError: an address, the credentials, the certificate authority or the proxy cannot be used.
    """

    def __init__(self, config: GatewayConfig, clock: Clock, *, app: AsgiApp | None = None) -> None:
        if not (config.client_id and config.client_secret):
            raise UsageError(
                "the gateway's client credentials are not set",
                "set MMSFLOW_CLIENT_ID and MMSFLOW_CLIENT_SECRET (or MMSFLOW_CLIENT_SECRET_FILE)",
                cause="no_credentials",
            )
        local = app is not None
        base = config.base_url.rstrip("/")
        checked_url(base, "MMSFLOW_GATEWAY_URL", local=local)
        self._send_url = checked_url(base + SEND_PATH, "MMSFLOW_GATEWAY_URL", local=local)
        self._status_url = checked_url(base + STATUS_PATH, "MMSFLOW_GATEWAY_URL", local=local)
        self._limit_url = checked_url(base + LIMIT_PATH, "MMSFLOW_GATEWAY_URL", local=local)
        self._token_url = checked_url(config.token_url or base + TOKEN_PATH, "MMSFLOW_TOKEN_URL", local=local)
        self._clock = clock
        self._form = MultipartForm(config.attachment_headers)
        self._transport = Transport(config, app)
        self._tokens = TokenSource(config, clock, self._ask_token)
        self._random = SystemRandom()

    async def __aenter__(self) -> Self:
        await self._transport.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._tokens.close()
        await self._transport.close()

    async def send(self, message: OutgoingMessage) -> Evidence:
        """Hand one message to the gateway, at most once.

        A 401 proves that the message was not processed: the token is renewed and the message handed over once more.
        It lasts four total deadlines at most (token, request, token, request), of which a begun request takes one.

        Returns:
            What is known of it, whatever the wire or the gateway does. Only cancellation is raised.
        """
        started = self._clock.monotonic()
        content_type, chunks = self._body(message)
        try:
            exchange = await self._authorized("POST", self._send_url, [("Content-Type", content_type)], chunks)
        except MmsflowError as error:
            evidence = Evidence(
                Wire.NOT_BEGUN, text=error.message, credentials_refused=isinstance(error, GatewayRefused)
            )
        else:
            evidence = self._evidence(exchange)
        return replace(evidence, elapsed_seconds=self._clock.monotonic() - started)

    async def status(self, gateway_id: str) -> StatusReply:
        """Ask once what became of a message.

        Args:
            gateway_id: the operator's id, as its acceptance gave it.

        Returns:
            The answer; without a status when none came. Only cancellation is raised.
        """
        try:
            exchange = await self._authorized("GET", self._status_url.copy_with(params={"id": gateway_id}))
        except MmsflowError as error:
            refused = 401 if isinstance(error, GatewayRefused) else 0
            return StatusReply(None, http_status=refused, text=error.message, not_asked=True)
        status = read_status(exchange.http_status, exchange.body)
        code, text = (0, "") if status else read_error(exchange.body, exchange.content_type)
        return StatusReply(
            status=status,
            http_status=exchange.http_status,
            code=code,
            text=exchange.fault or text,
            body=exchange.body,
            retry_after_seconds=asked_seconds(exchange.retry_after, self._clock.now()),
        )

    async def limit(self, *, tries: int = _LIMIT_ATTEMPTS) -> QuotaReply:
        """Ask for the quota counter.

        Args:
            tries: how often to ask when the gateway is out of reach, above 0.

        Raises:
            GatewayRefused: credentials, rights or the address are wrong.
            GatewayUnavailable: no sensible answer came.
        """
        attempt = 1
        while True:
            try:
                return _quota(await self._authorized("GET", self._limit_url))
            except GatewayUnavailable:
                if attempt == tries:
                    raise
            await self._clock.sleep(backoff_seconds(attempt, self._random.random()))
            attempt += 1

    async def _authorized(
        self, method: str, url: Url, headers: list[tuple[str, str]] | None = None, chunks: list[bytes] | None = None
    ) -> Exchange:
        """One request with the token; raises only when no token can be had."""
        token = await self._tokens.token()
        exchange = await self._ask(method, url, token, headers or [], chunks or [])
        if exchange.http_status != 401:
            return exchange
        token = await self._tokens.replace(token)
        return await self._ask(method, url, token, headers or [], chunks or [])

    async def _ask(
        self, method: str, url: Url, token: str, headers: list[tuple[str, str]], chunks: list[bytes]
    ) -> Exchange:
        authorization = ("Authorization", f"Bearer {token}")
        exchange = await self._transport.exchange(method, url, [*_HEADERS, authorization, *headers], chunks)
        return _without(token, exchange)

    async def _ask_token(self, headers: list[tuple[str, str]], body: bytes) -> Exchange:
        return await self._transport.exchange("POST", self._token_url, [*_HEADERS, *headers], [body])

    def _body(self, message: OutgoingMessage) -> tuple[str, list[bytes]]:
        part = message_part(message)
        return self._form.build(part, message.parts) if message.parts else ("application/json", [part])

    def _evidence(self, exchange: Exchange) -> Evidence:
        if exchange.wire is not Wire.ANSWERED:
            return Evidence(exchange.wire, text=exchange.fault, misconfigured=exchange.misconfigured)
        answer = read_send(exchange.http_status, exchange.body, exchange.content_type)
        return Evidence(
            wire=Wire.ANSWERED,
            http_status=exchange.http_status,
            gateway_id=answer.gateway_id,
            code=answer.code,
            text="" if answer.gateway_id and not answer.refused else exchange.fault or answer.text,
            refused_in_body=answer.refused,
            retry_after_seconds=asked_seconds(exchange.retry_after, self._clock.now()),
            body=exchange.body,
        )


def _without(token: str, exchange: Exchange) -> Exchange:
    """The exchange without the token, should the other side have echoed it, as it is or escaped."""
    # A short token may also occur by chance, in a field's name say; the reply must stay readable.
    if len(token) < _SHORTEST_SECRET:
        return exchange
    body, fault, content_type = exchange.body, exchange.fault, exchange.content_type
    echoed = [each for each in spellings(token) if each.encode() in body or each in fault or each in content_type]
    if not echoed:
        return exchange
    for spelling in echoed:
        body = body.replace(spelling.encode(), b"[token]")
        fault, content_type = fault.replace(spelling, "[token]"), content_type.replace(spelling, "[token]")
    return replace(exchange, body=body, fault=fault, content_type=content_type)


def _quota(exchange: Exchange) -> QuotaReply:
    if exchange.wire is not Wire.ANSWERED:
        raise _unreachable(exchange)
    status = exchange.http_status
    code, text = read_error(exchange.body, exchange.content_type)
    said = f"asked for the quota, the gateway answered {status}{f' (code {code})' if code else ''}: {text}"
    if 200 <= status < 300:
        quota = read_limit(exchange.body)
        if quota is None:
            problem = limit_problem(exchange.body, exchange.content_type)
            raise GatewayUnavailable(
                f"asked for the quota, the gateway gave an answer that cannot be used: {problem}",
                "show it to the operator; nothing is sent as long as the quota is not known",
                cause="quota_unreadable",
            )
        return quota
    if status >= 500 or status in (408, 425, 429) or code == 53:
        raise GatewayUnavailable(said, _CHECK_NETWORK, cause="gateway_out_of_order")
    if status in (401, 403):
        raise GatewayRefused(said, _CHECK_RIGHTS, cause="quota_refused")
    raise GatewayRefused(said, _CHECK_URL, cause="gateway_address")


def _unreachable(exchange: Exchange) -> GatewayRefused | GatewayUnavailable:
    said = f"the gateway could not be asked for the quota: {exchange.fault}"
    if exchange.misconfigured:
        return GatewayRefused(said, _CHECK_URL, cause="gateway_address")
    return GatewayUnavailable(said, _CHECK_NETWORK, cause="gateway_unreachable")
