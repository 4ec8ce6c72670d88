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

from mmsflow.listening import Server, listening_at, quiet_config, serving_beside
from mmsflow.simulator.app import close_app, create_app
from mmsflow.simulator.breakage import TRANSPORT
from mmsflow.simulator.config import SimulatorConfig
from mmsflow.simulator.timing import TimeSource

_KEEP_ALIVE_SECONDS = 75


class _CuttableProtocol(H11Protocol):
    """uvicorn's protocol, which hands its transport to the application: ASGI has no way to cut a connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, TRANSPORT: transport}


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
            server = Server(
                _config(app), lambda: ready(bound) if ready else None, signals=(signal.SIGINT, signal.SIGTERM)
            )
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
        async with serving_beside(_config(app), listener):
            yield listener.getsockname()[1]


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
    return listening_at(
        host, port, what="the simulator", backlog=2048, if_taken="choose another port; 0 takes any free one"
    )


def _config(app: Starlette) -> uvicorn.Config:
    return quiet_config(app, http=_CuttableProtocol, lifespan="on", keep_alive_seconds=_KEEP_ALIVE_SECONDS)
