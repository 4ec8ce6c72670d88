"""The simulator over a real port, where connections can be cut."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from mmsflow.errors import UsageError
from mmsflow.simulator.app import close_app, create_app
from mmsflow.simulator.breakage import TRANSPORT
from mmsflow.simulator.config import SimulatorConfig
from mmsflow.simulator.timing import TimeSource

_GRACE_SECONDS = 1


class _CuttableProtocol(H11Protocol):
    """uvicorn's protocol, which hands its transport to the application: ASGI has no way to cut a connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, TRANSPORT: transport}


class _Server(uvicorn.Server):
    """uvicorn's server; it reports that it is ready, and a signal ends it without being raised once more."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None], *, signals: bool) -> None:
        super().__init__(config)
        self._ready = ready
        self._signals = (signal.SIGINT, signal.SIGTERM) if signals else ()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {number: signal.signal(number, self.handle_exit) for number in self._signals}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def serve(
    config: SimulatorConfig,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    ready: Callable[[int], None] | None = None,
    clock: TimeSource | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM; prints nothing. For the main thread.

    Args:
        config: how it behaves.
        host: address to listen at.
        port: 0 for any free one.
        ready: called with the port as soon as requests are taken.
        clock: where its time comes from; the machine's by default.

    Raises:
        UsageError: the address cannot be listened at, or the record's file cannot be opened.
    """

    async def run() -> None:
        with _listening(config, host, port, clock) as (listener, app):
            bound = listener.getsockname()[1]
            server = _Server(_uvicorn_config(app), lambda: ready(bound) if ready else None, signals=True)
            await server.serve(sockets=[listener])

    asyncio.run(run())


@asynccontextmanager
async def serving(
    config: SimulatorConfig, host: str = "127.0.0.1", port: int = 0, *, clock: TimeSource | None = None
) -> AsyncIterator[int]:
    """Serve beside the caller, in its event loop; gives the port, and ends with the block.

    Raises:
        UsageError: as ``serve``.
    """
    with _listening(config, host, port, clock) as (listener, app):
        up = asyncio.Event()
        server = _Server(_uvicorn_config(app), up.set, signals=False)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await up.wait()
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await task


@contextmanager
def _listening(
    config: SimulatorConfig, host: str, port: int, clock: TimeSource | None
) -> Iterator[tuple[socket.socket, Starlette]]:
    app = create_app(config, clock=clock)
    try:
        with _listener(host, port) as listener:
            yield listener, app
    finally:
        close_app(app)


def _listener(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65_535:
        raise UsageError(f"the simulator cannot listen at port {port}", "give 0 to 65535; 0 takes any free one")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, or asyncio leaves Nagle's algorithm on: 40 ms for every reply (measured).
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except (OSError, UnicodeError) as exc:
        listener.close()
        raise UsageError(
            f"the simulator cannot listen at {host}:{port}: {exc}", "choose another port; 0 takes any free one"
        ) from exc
    return listener


def _uvicorn_config(app: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_CuttableProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
