"""How a fault is carried out: each kind is a response of its own.

Those that cut the connection need its transport, which ``serve`` puts into the request's scope. In process there is
no connection: ``WireFault`` is raised instead, and an ASGI transport hands it to its caller.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from functools import lru_cache

from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from mmsflow.simulator.faults import FaultKind, FaultRule
from mmsflow.simulator.gateway import Reply
from mmsflow.simulator.timing import TimeSource

TRANSPORT = "mmsflow.simulator.transport"
_PIECE = 64 * 1024
_PAGE = b"<!doctype html><title>Service trouble</title><h1>The service behind this proxy did not answer.</h1>\n"
_GARBAGE = b'{"authenticationId": \xff\xfe\x00\x9c'


class WireFault(ConnectionError):
    """A fault cut the connection of a simulator that runs in process.

    Attributes:
        processed: the request was carried out before the cut.
    """

    def __init__(self, rule: FaultRule) -> None:
        super().__init__(f"the simulator cut the connection ({rule.kind})")
        self.processed = rule.processed


def response_of(reply: Reply) -> Response:
    """The normal response."""
    return JSONResponse(reply.payload, reply.status, reply.headers)


def broken_response(rule: FaultRule, reply: Reply | None, clock: TimeSource) -> Response:
    """What a rule makes of a request; ``reply`` is there when the request was carried out."""
    if reply is not None and reply.status >= 400 and rule.shown_status < 300 and rule.kind in _OWN_REPLIES:
        return response_of(reply)  # a refused request must not look accepted
    if rule.kind in _OWN_REPLIES:
        return _own_reply(rule)
    normal = response_of(reply or Reply(503, None))
    return _BREAKERS[rule.kind](rule, normal, clock)


def _own_reply(rule: FaultRule) -> Response:
    body, content_type = _OWN_REPLIES[rule.kind](rule)
    headers = {"content-type": content_type} if content_type else {}
    if rule.kind is FaultKind.GZIP_BOMB:
        headers["content-encoding"] = "gzip"
    if rule.kind is FaultKind.REDIRECT:
        headers["location"] = "https://elsewhere.invalid/"
    headers.update({name.lower(): value for name, value in rule.headers})
    return Response(body, rule.shown_status, headers)


@lru_cache(maxsize=2)
def _gzip_bomb(size: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    blanks = b" " * (1024 * 1024)
    packed = [packer.compress(blanks[: min(len(blanks), size - at)]) for at in range(0, size, len(blanks))]
    return b"".join([*packed, packer.flush()])


_JSON = "application/json"
_OWN_REPLIES: Mapping[FaultKind, Callable[[FaultRule], tuple[bytes, str]]] = {
    FaultKind.REPLY: lambda rule: (rule.body.encode("utf-8", "replace"), _JSON),
    FaultKind.HTML: lambda _: (_PAGE, "text/html; charset=utf-8"),
    FaultKind.EMPTY: lambda _: (b"", ""),
    FaultKind.GARBAGE: lambda _: (_GARBAGE, _JSON),
    FaultKind.NO_ID: lambda _: (b'{"deliveryStatus":"DeliveredToNetwork"}', _JSON),
    FaultKind.BAD_REQUEST: lambda _: (b'{"deliveryStatus":"Bad request"}', _JSON),
    FaultKind.REDIRECT: lambda _: (b"", ""),
    FaultKind.GZIP_BOMB: lambda rule: (_gzip_bomb(rule.size), _JSON),
}


def _huge(rule: FaultRule, normal: Response, _clock: TimeSource) -> Response:
    async def body() -> AsyncIterator[bytes]:
        for at in range(0, rule.size, _PIECE):
            yield b" " * min(_PIECE, rule.size - at)
        yield bytes(normal.body)

    return StreamingResponse(body(), normal.status_code, media_type=_JSON)


def _drip(rule: FaultRule, normal: Response, clock: TimeSource) -> Response:
    async def body() -> AsyncIterator[bytes]:
        for at in range(len(normal.body)):
            await clock.sleep(1 if rule.seconds is None else rule.seconds)
            yield bytes(normal.body[at : at + 1])

    return StreamingResponse(body(), normal.status_code, media_type=_JSON)


class _Delayed(Response):
    def __init__(self, rule: FaultRule, normal: Response, clock: TimeSource) -> None:
        super().__init__()
        self._seconds = 1 if rule.seconds is None else rule.seconds
        self._normal, self._clock = normal, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._clock.sleep(self._seconds)
        await self._normal(scope, receive, send)


class _Hung(Response):
    def __init__(self, rule: FaultRule, _normal: Response, clock: TimeSource) -> None:
        super().__init__()
        self._rule, self._clock = rule, clock

    async def __call__(self, scope: Scope, receive: Receive, _send: Send) -> None:
        if self._rule.seconds is not None:
            await self._clock.sleep(self._rule.seconds)
            _cut(scope, self._rule, flush=False)
        await _until_gone(receive)


class _Cut(Response):
    """Cuts the connection after ``shown`` of the normal response: nothing, its head, or half of it."""

    def __init__(self, rule: FaultRule, normal: Response, _clock: TimeSource) -> None:
        super().__init__()
        self._rule, self._normal = rule, normal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._rule.kind is FaultKind.CLOSE_MID_BODY:
            await receive()
        head = self._rule.kind in (FaultKind.DROP_AFTER_STATUS, FaultKind.DROP_MID_REPLY)
        if head:
            await self._show_some(send)
        _cut(scope, self._rule, flush=head)
        await _until_gone(receive)

    async def _show_some(self, send: Send) -> None:
        status, headers = self._normal.status_code, self._normal.raw_headers
        await send({"type": "http.response.start", "status": status, "headers": headers})
        if self._rule.kind is FaultKind.DROP_MID_REPLY:
            half = bytes(self._normal.body[: len(self._normal.body) // 2])
            await send({"type": "http.response.body", "body": half, "more_body": True})


_BREAKERS: Mapping[FaultKind, Callable[[FaultRule, Response, TimeSource], Response]] = {
    FaultKind.HUGE: _huge,
    FaultKind.DRIP: _drip,
    FaultKind.DELAY: _Delayed,
    FaultKind.HANG: _Hung,
    FaultKind.CLOSE_EARLY: _Cut,
    FaultKind.CLOSE_MID_BODY: _Cut,
    FaultKind.CLOSE: _Cut,
    FaultKind.DROP_REPLY: _Cut,
    FaultKind.DROP_AFTER_STATUS: _Cut,
    FaultKind.DROP_MID_REPLY: _Cut,
}


def _cut(scope: Scope, rule: FaultRule, *, flush: bool) -> None:
    transport = scope.get("state", {}).get(TRANSPORT)
    if not isinstance(transport, asyncio.Transport):
        raise WireFault(rule)
    if rule.reset:
        # A socket that may not linger is ended by RST instead of FIN.
        linger = struct.pack("ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    if flush and not rule.reset:
        transport.close()
    else:
        transport.abort()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
