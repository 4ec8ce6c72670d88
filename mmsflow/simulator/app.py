"""The simulator as an ASGI application: routes, faults, latency."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from mmsflow.simulator.breakage import broken_response, response_of
from mmsflow.simulator.config import SimulatorConfig
from mmsflow.simulator.faults import FaultBook, FaultRule
from mmsflow.simulator.gateway import Call, Gateway, Reply
from mmsflow.simulator.introspection import Introspection
from mmsflow.simulator.refusal import Refusal
from mmsflow.simulator.state import Record
from mmsflow.simulator.timing import SystemTime, TimeSource

ROUTES = {
    "token": ("POST", "/oauth/v2/token"),
    "send": ("POST", "/Messaging/v1/MMSOffnetNat"),
    "status": ("GET", "/Messaging/v1/MMSDeliveryStatus"),
    "limit": ("GET", "/Messaging/v1/MMSOffnetNat/limit"),
}
_COUNTERS = {"token": "token_calls", "send": "posts", "status": "status_calls", "limit": "limit_calls"}
_MAX_BODY_BYTES = 4 * 1024 * 1024


def create_app(config: SimulatorConfig, *, clock: TimeSource | None = None) -> Starlette:
    """The application; ``close_app`` gives its record back when nothing serves it.

    Args:
        config: how it behaves.
        clock: where its time comes from; the machine's by default.

    Raises:
        UsageError: the record's file cannot be opened, or is something else.
    """
    time = clock or SystemTime()
    record = Record(config.state, time.now().timestamp())
    faults = FaultBook(config.seed)
    faults.replace(config.faults)
    simulator = _Simulator(Gateway(config, record, time), faults, time)
    routes = [
        Route(path, simulator.handler(endpoint), methods=[verb], name=endpoint)
        for endpoint, (verb, path) in ROUTES.items()
    ]
    app = Starlette(
        routes=[*routes, *Introspection(simulator.gateway, faults).routes()],
        exception_handlers={HTTPException: simulator.unknown, sqlite3.Error: simulator.busy, Exception: simulator.bug},
        lifespan=_lifespan,
    )
    app.router.redirect_slashes = False
    app.state.record = record
    return app


def close_app(app: Starlette) -> None:
    """Close the record of an application; harmless when it is closed already."""
    app.state.record.close()


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    try:
        yield
    finally:
        close_app(app)


class _Simulator:
    def __init__(self, gateway: Gateway, faults: FaultBook, clock: TimeSource) -> None:
        self.gateway = gateway
        self._faults = faults
        self._clock = clock
        # Not for security: the same seed must give the same latencies.
        self._luck = random.Random(gateway.config.seed)  # noqa: S311

    def handler(self, endpoint: str) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            # Starlette answers HEAD wherever it answers GET; the document does not.
            if request.method == "HEAD":
                return response_of(self.gateway.refuse(Refusal(61, "The method HEAD does not go with this address.")))
            self.gateway.record.count(_COUNTERS[endpoint])
            if (early := self._faults.pick(endpoint, early=True)) is not None:
                return self._break(early, None)
            try:
                return await self._respond(endpoint, request)
            except ClientDisconnect:
                return Response(status_code=400)  # for nobody: the client has gone away

        return handle

    async def _respond(self, endpoint: str, request: Request) -> Response:
        body = await _read(request)
        if body is None:
            return response_of(self.gateway.refuse(Refusal(66, f"The body has more than {_MAX_BODY_BYTES} bytes.")))
        call = Call(request.headers, request.query_params.multi_items(), body)
        number = self.gateway.recipient(call) if endpoint == "send" and self._faults.by_number else None
        rule = self._faults.pick(endpoint, number)
        reply = self.gateway.answer(endpoint, call) if rule is None or rule.processed else None
        await self._wait(endpoint)
        if rule is not None:
            return self._break(rule, reply)
        assert reply is not None
        return response_of(reply)

    def _break(self, rule: FaultRule, reply: Reply | None) -> Response:
        self.gateway.record.count(f"fault:{rule.kind}")
        return broken_response(rule, reply, self._clock)

    async def _wait(self, endpoint: str) -> None:
        shortest, longest = self.gateway.config.latency
        if longest > 0 and (endpoint == "send" or self.gateway.config.latency_on == "all"):
            await self._clock.sleep(self._luck.uniform(shortest, longest))

    async def unknown(self, request: Request, exc: Exception) -> Response:
        wrong_method = isinstance(exc, HTTPException) and exc.status_code == 405
        refusal = (
            Refusal(61, f"The method {request.method[:20]} does not go with this address.")
            if wrong_method
            else Refusal(60, "There is nothing at this address.")
        )
        return response_of(self.gateway.refuse(refusal))

    async def busy(self, _request: Request, _exc: Exception) -> Response:
        refusal = Refusal(5, "The simulator's record cannot be written now.")
        return response_of(Reply(refusal.status, refusal.as_json(), {"Retry-After": "1"}))

    async def bug(self, _request: Request, _exc: Exception) -> Response:
        refusal = Refusal(1, "The simulator failed.")
        return response_of(Reply(refusal.status, refusal.as_json()))


async def _read(request: Request) -> bytes | None:
    pieces: list[bytes] = []
    size = 0
    async for piece in request.stream():
        pieces.append(piece)
        size += len(piece)
        if size > _MAX_BODY_BYTES:
            return None
    return b"".join(pieces)
