"""Listening at an address with uvicorn: what the web page and the simulator do alike."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Literal

import uvicorn
from starlette.applications import Starlette

from mmsflow.errors import UsageError

_GRACE_SECONDS = 1


class Server(uvicorn.Server):
    """uvicorn's server; it reports that it is ready, and a signal ends it without being raised once more.

    Args:
        ready: called as soon as requests are taken.
        signals: which ones end it; none leaves them to whoever owns the process.
    """

    def __init__(
        self, config: uvicorn.Config, ready: Callable[[], None], *, signals: Sequence[signal.Signals] = ()
    ) -> None:
        super().__init__(config)
        self._ready = ready
        self._signals = signals

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


@asynccontextmanager
async def serving_beside(config: uvicorn.Config, listener: socket.socket) -> AsyncIterator[None]:
    """Serve beside the caller, in its event loop; requests are taken when the block begins, none after it ends."""
    up = asyncio.Event()
    server = Server(config, up.set)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await up.wait()
        yield
    finally:
        server.should_exit = True
        await task


def listening_at(host: str, port: int, *, what: str, backlog: int, if_taken: str) -> socket.socket:
    """A TCP socket that listens; whoever asked for it closes it.

    Args:
        port: 0 takes any free one.
        what: who wants to listen, as an error names it.
        backlog: connections that may wait to be taken.
        if_taken: the way out where the address cannot be had.

    Raises:
        UsageError: there is no such port, or the address cannot be listened at.
    """
    if not 0 <= port <= 65_535:
        raise UsageError(
            f"{what} cannot listen at port {port}", "give 0 to 65535; 0 takes any free one", cause="cannot_listen"
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, or asyncio leaves Nagle's algorithm on: 40 ms for every reply (measured).
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(backlog)
    except (OSError, UnicodeError) as error:
        listener.close()
        raise UsageError(f"{what} cannot listen at {host}:{port}: {error}", if_taken, cause="cannot_listen") from error
    return listener


def quiet_config(
    app: Starlette,
    *,
    http: type[asyncio.Protocol] | Literal["h11"],
    lifespan: Literal["on", "off"],
    most_connections: int | None = None,
    keep_alive_seconds: int = 5,
) -> uvicorn.Config:
    """What uvicorn is told: it writes no log, trusts no proxy, and does not say what it is."""
    return uvicorn.Config(
        app,
        http=http,
        ws="none",
        lifespan=lifespan,
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=most_connections,
        timeout_keep_alive=keep_alive_seconds,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
