"""One HTTP exchange, with the evidence of how far it got. httpx-aiohttp and aiohttp are used here only.

Exceptions of these libraries mislead: a server that took the whole request and hung up, and a reset in the middle of
the body, both surface as ``httpx.ConnectTimeout`` (httpx 0.28.1, httpx-aiohttp 0.2.0, aiohttp 3.14.5). What tells is
aiohttp's trace: ``on_request_headers_sent`` comes before the first byte is handed to the socket, so without it
provably nothing was sent.

The transport is driven directly, without ``httpx.AsyncClient``: no redirects, cookies, environment proxies, retries or
URL logging exist on this path, so none can be switched on by accident. aiohttp repeats idempotent methods on a stale
connection; a POST never.
"""

from __future__ import annotations

import os
import select
import ssl
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from contextlib import aclosing
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from weakref import WeakKeyDictionary

import aiohttp
import httpx
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from httpx_aiohttp import AiohttpTransport

from mmsflow.gateway.addresses import Url, checked_proxy
from mmsflow.gateway.keepalive import KeepAlive, Reuse
from mmsflow.gateway.model import GatewayConfig, Wire
from mmsflow.gateway.stalls import Deadline, Stalls
from mmsflow.gateway.trust import tls_context
from mmsflow.gateway.wire import one_line

AsgiMessage = MutableMapping[str, Any]
AsgiApp = Callable[
    [AsgiMessage, Callable[[], Awaitable[AsgiMessage]], Callable[[AsgiMessage], Awaitable[None]]], Awaitable[None]
]

BODY_CAP_BYTES = 64 * 1024
# Below 5 s, the shortest idle timeout that is a common server's default: a connection that the server is just
# closing would turn a POST into one of unknown fate.
_KEEPALIVE_SECONDS = 4.0
# Measured at 64 in flight: joining costs 14 % at 300 kB and 5 % at 100 kB, and gains a little at 10 kB.
_JOIN_BELOW_BYTES = 64 * 1024
_READ_FIELDS = frozenset({b"retry-after", b"content-type", b"content-encoding", b"keep-alive"})
_SPARE_CONNECTIONS = 20  # for status questions, quota and token beside the messages in flight


@dataclass(frozen=True, slots=True)
class Exchange:
    """What one request came to.

    Attributes:
        wire: how far it got, from the transport's trace.
        http_status: 0 when no status line was seen.
        retry_after, content_type: headers of the reply, verbatim; empty when absent, a blank when they are empty.
        body: the reply's body, decompressed, at most BODY_CAP_BYTES; what had arrived when the reply broke off.
        fault: what went wrong on the wire, one line; empty when the reply came whole.
        misconfigured: the request cannot be made at all: URL, protocol, or something else no retry can help.
    """

    wire: Wire
    http_status: int = 0
    retry_after: str = ""
    content_type: str = ""
    body: bytes = field(default=b"", repr=False)
    fault: str = ""
    misconfigured: bool = False


class _Pieces(httpx.AsyncByteStream):
    """A body in pieces, handed on without copying them together."""

    def __init__(self, chunks: Sequence[bytes]) -> None:
        self._chunks = chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk


class _Trace:
    """What is known of the request under way; also tells its story afterwards.

    Attributes:
        keep_alive: what is known of the host's connections; None before one is at hand, and without keep-alive.
        reuse: the idle connection that carries it; None on a new one.
    """

    __slots__ = ("begun", "body", "content_type", "encoding", "keep_alive", "retry_after", "reuse", "status")

    def __init__(self) -> None:
        self.begun = False
        self.keep_alive: KeepAlive | None = None
        self.reuse: Reuse | None = None
        self.status = 0
        self.retry_after = ""
        self.content_type = ""
        self.encoding = ""
        self.body = bytearray()

    @property
    def wire(self) -> Wire:
        if self.status:
            return Wire.ANSWERED
        return Wire.BEGUN if self.begun else Wire.NOT_BEGUN

    def head(self, fields: Sequence[tuple[bytes, bytes]]) -> None:
        """Note what the reply's header says, in one walk over it: each question to httpx's own type is another one."""
        said: dict[bytes, str] = {}
        for name, value in fields:
            key = name.lower()
            if key in _READ_FIELDS:
                text = value.decode("latin-1")
                said[key] = f"{said[key]}, {text}" if key in said else text
        if not said:
            return
        self.retry_after = said[b"retry-after"] or " " if b"retry-after" in said else ""
        self.content_type = said.get(b"content-type", "")
        self.encoding = said.get(b"content-encoding", "")
        # Servers say it with each reply; the first one of a connection is enough.
        if self.reuse is None and self.keep_alive is not None and b"keep-alive" in said:
            self.keep_alive.told(said[b"keep-alive"])

    def connected(self, keep_alive: KeepAlive, reuse: Reuse | None) -> None:
        """A connection is at hand; after another one where aiohttp repeats a question whose connection broke."""
        if self.reuse is not None:
            self.learn(broke=True)
        self.keep_alive, self.reuse = keep_alive, reuse

    def learn(self, *, broke: bool) -> None:
        """Tell the host's keep-alive how the reused connection did.

        Args:
            broke: the exchange ended by a fault of the wire, not by our deadline or by cancellation.
        """
        if self.keep_alive is None or self.reuse is None:
            return
        if self.status:
            self.keep_alive.survived(self.reuse)
        elif self.begun and broke:
            self.keep_alive.broke(self.reuse, time.monotonic())
        else:
            self.keep_alive.ended(self.reuse)


_TRACE: ContextVar[_Trace] = ContextVar("mmsflow_wire_trace")


class Transport:
    """Makes requests over sockets, or to an ASGI application in this process.

    Args:
        config: see GatewayConfig; its certificate authority is read here.
        app: an ASGI application that plays the gateway; no network is used then.

    Raises:
        UsageError: the certificate authority or the proxy cannot be used.
    """

    def __init__(self, config: GatewayConfig, app: AsgiApp | None = None) -> None:
        self._config = config
        self._app = app
        self._total_seconds = config.total_deadline.total_seconds()
        self._tls = tls_context(config)
        self._proxy = checked_proxy(config.proxy)
        self._inner: httpx.AsyncBaseTransport | None = None
        self._stalls = Stalls()
        # The total deadline bounds reading as well; a timer of aiohttp's would take a frozen process for a silent peer.
        self._extensions = {"timeout": {"connect": config.connect_timeout.total_seconds(), "read": None, "pool": None}}

    async def open(self) -> None:
        """Make the connection pool; needs a running event loop."""
        if self._app is not None:
            self._inner = httpx.ASGITransport(app=self._app)
            return
        connector = _connector(self._config.keep_alive, self._config.in_flight + _SPARE_CONNECTIONS, self._tls)
        session = aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False, trace_configs=[_trace_config()]
        )
        self._inner = AiohttpTransport(client=session, verify=self._tls, trust_env=False, proxy=self._proxy)

    async def close(self) -> None:
        if self._inner is not None:
            await self._inner.aclose()
            self._inner = None

    async def exchange(
        self, method: str, url: Url, headers: Sequence[tuple[str, str]], chunks: Sequence[bytes] = ()
    ) -> Exchange:
        """Make one request and read its reply, within the total deadline.

        Args:
            headers: all of them but Host and Content-Length.
            chunks: the body in pieces, sent with its length.

        Returns:
            What it came to, whatever the wire or the other side does. Only cancellation is raised.
        """
        trace = _Trace()
        token = _TRACE.set(trace)
        deadline, broke = Deadline(self._stalls, self._total_seconds), False
        try:
            with deadline:
                await self._converse(self._request(method, url, headers, chunks), trace)
        except Exception as error:
            broke = not deadline.expired
            expired = f"no whole reply within {self._total_seconds:g} s" if deadline.expired else ""
            return _told(trace, expired or _describe(error), misconfigured=not trace.begun and _hopeless(error))
        finally:
            trace.learn(broke=broke)
            _TRACE.reset(token)
        return _told(trace, "")

    def _request(
        self, method: str, url: Url, headers: Sequence[tuple[str, str]], chunks: Sequence[bytes]
    ) -> httpx.Request:
        size = sum(map(len, chunks))
        if size < _JOIN_BELOW_BYTES:
            return httpx.Request(
                method, url, headers=list(headers), content=b"".join(chunks), extensions=self._extensions
            )
        measured = [*headers, ("Content-Length", str(size))]
        return httpx.Request(method, url, headers=measured, stream=_Pieces(chunks), extensions=self._extensions)

    async def _converse(self, request: httpx.Request, trace: _Trace) -> None:
        if self._inner is None:
            raise RuntimeError("the gateway client is used outside its `async with`")
        if self._app is not None:
            trace.begun = True  # nothing tells what an application has done before it failed
        response = await self._inner.handle_async_request(request)
        trace.status = response.status_code
        try:
            trace.head(response.headers.raw)
            await _collect(response, trace.body)
        finally:
            await response.aclose()


class _Connector(aiohttp.TCPConnector):
    """A connection pool that hands out an idle connection only where it is likely to live.

    Args:
        learns: see ``KeepAlive``.
    """

    def __init__(self, *, learns: bool, limit: int, ssl: ssl.SSLContext | bool) -> None:
        super().__init__(limit=limit, keepalive_timeout=_KEEPALIVE_SECONDS, ssl=ssl)
        self._learns = learns
        self._hosts: dict[tuple[str | None, int | None], KeepAlive] = {}
        self._links: WeakKeyDictionary[ResponseHandler, _Link] = WeakKeyDictionary()

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's own signature
    ) -> Connection:
        """Get a connection from the pool or a new one; those of the pool that are not to be reused are closed."""
        while True:
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            assert protocol is not None
            reuse, link = None, self._links.get(protocol)
            if link is None:
                link = self._links[protocol] = _Link(self._keep_alive(req), connection)
            elif (reuse := link.reused()) is None:
                connection.close()
                continue
            _TRACE.get().connected(link.keep_alive, reuse)
            connection.add_callback(link.released)
            return connection

    def _keep_alive(self, req: aiohttp.ClientRequest) -> KeepAlive:
        host = (req.url.host, req.url.port)
        found = self._hosts.get(host)
        if found is None:
            found = self._hosts[host] = KeepAlive(learns=self._learns)
        return found


class _Link:
    """What is known of one connection as long as it lives.

    Attributes:
        keep_alive: of its host.
    """

    __slots__ = ("_idle_since", "_look", "keep_alive")

    def __init__(self, keep_alive: KeepAlive, connection: Connection) -> None:
        self.keep_alive = keep_alive
        self._idle_since = 0.0
        self._look = select.poll()
        socket = connection.transport.get_extra_info("socket") if connection.transport is not None else None
        if socket is not None:
            self._look.register(socket.fileno(), select.POLLIN)

    def released(self) -> None:
        """It is idle from now on."""
        self._idle_since = time.monotonic()

    def reused(self) -> Reuse | None:
        """Judge whether it may carry another request; not where something is to be read and no reply is awaited."""
        if self._look.poll(0):
            return None  # its end, most often, which the event loop has not come to yet
        now = time.monotonic()
        return self.keep_alive.take(now - self._idle_since, now)


def _connector(keep_alive: str, limit: int, tls: ssl.SSLContext | bool) -> aiohttp.TCPConnector:
    if keep_alive == "off":
        return aiohttp.TCPConnector(limit=limit, force_close=True, ssl=tls)
    return _Connector(learns=keep_alive == "auto", limit=limit, ssl=tls)


def _trace_config() -> aiohttp.TraceConfig:
    config = aiohttp.TraceConfig()
    config.on_request_headers_sent.append(_on_headers_sent)
    config.on_request_exception.append(_on_exception)
    return config


async def _on_headers_sent(
    _session: aiohttp.ClientSession, _context: SimpleNamespace, _params: aiohttp.TraceRequestHeadersSentParams
) -> None:
    _TRACE.get().begun = True


async def _on_exception(
    _session: aiohttp.ClientSession, _context: SimpleNamespace, params: aiohttp.TraceRequestExceptionParams
) -> None:
    # When the server hangs up within the headers, aiohttp attaches what it had read; a cut-off number is no status.
    status = getattr(getattr(params.exception, "message", None), "code", 0)
    if isinstance(params.exception, aiohttp.ServerDisconnectedError) and isinstance(status, int) and status >= 100:
        _TRACE.get().status = status


async def _collect(response: httpx.Response, body: bytearray) -> None:
    # The stream below httpx's own reading methods: they do much for a reply of a few bytes that nobody decodes.
    assert isinstance(response.stream, httpx.AsyncByteStream)
    chunks: AsyncIterator[bytes] = aiter(response.stream)
    async with aclosing(chunks) as pieces:  # type: ignore[type-var]
        async for chunk in pieces:
            body += chunk[: BODY_CAP_BYTES - len(body)]
            if len(body) >= BODY_CAP_BYTES:
                return


def _told(trace: _Trace, fault: str, *, misconfigured: bool = False) -> Exchange:
    return Exchange(
        wire=trace.wire,
        http_status=trace.status,
        retry_after=trace.retry_after,
        content_type=trace.content_type,
        body=_inflated(bytes(trace.body), trace.encoding),
        fault=fault,
        misconfigured=misconfigured,
    )


def _inflated(body: bytes, encoding: str) -> bytes:
    # Compression is never asked for, but a proxy may do it all the same; zlib stops at the cap, so a bomb stays small.
    if not body or not encoding:
        return body
    for window_bits in (47, -15):  # gzip or zlib by its header, then deflate without one
        try:
            return zlib.decompressobj(window_bits).decompress(body, BODY_CAP_BYTES)
        except zlib.error:
            continue
    return body


def _hopeless(error: Exception) -> bool:
    if isinstance(error, httpx.UnsupportedProtocol):
        return True
    return not isinstance(error, httpx.TransportError | aiohttp.ClientError | OSError)


def _describe(error: BaseException) -> str:
    """The cause in one line; the names of httpx are left out because they mislead."""
    cause = error.__cause__ if isinstance(error, httpx.TransportError) and error.__cause__ else error
    if isinstance(cause, aiohttp.ServerDisconnectedError):
        return "the server hung up"
    if isinstance(cause, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return one_line(f"no trusted TLS connection to {cause.host}:{cause.port}: {cause.os_error or cause}")
    if isinstance(cause, aiohttp.ClientConnectorDNSError):
        return one_line(f"the host {cause.host} is not found")
    if isinstance(cause, aiohttp.ClientConnectorError):
        # The system's own word for the error number; asyncio's text repeats the address as a Python tuple.
        number = cause.os_error.errno
        reason = os.strerror(number) if number else cause.os_error
        return one_line(f"no connection to {cause.host}:{cause.port}: {reason}")
    text = getattr(cause, "message", "") if isinstance(cause, aiohttp.ClientResponseError) else str(cause)
    return one_line(f"{type(cause).__name__}: {text}" if text else type(cause).__name__)
