"""The web page over a real port, in the event loop of whoever serves it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.applications import Starlette

from mmsflow.daemon.board import Board
from mmsflow.errors import UsageError
from mmsflow.secret import Secret
from mmsflow.settings import Settings
from mmsflow.web.access import Guesses, Sessions, long_enough, token_of
from mmsflow.web.app import create_app
from mmsflow.web.health import health_routes
from mmsflow.web.site import Site, hosts_of, is_loopback

_GRACE_SECONDS = 1
_MOST_CONNECTIONS = 200


class _Server(uvicorn.Server):
    """uvicorn's server; it reports that it is ready, and leaves signals to whoever owns the process."""

    def __init__(self, config: uvicorn.Config, up: asyncio.Event) -> None:
        super().__init__(config)
        self._up = up

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._up.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(
    board: Board, *, host: str | None = None, port: int | None = None, token: Secret | None = None
) -> AsyncIterator[str]:
    """Serve the page beside the caller, in its event loop; gives its URL, and ends with the block.

    Args:
        host, port, token: instead of the settings'; port 0 takes any free one.

    Raises:
        UsageError: the address cannot be listened at, or would be open to others without a token and names of its own.
    """
    settings = board.settings
    host = settings.web_host if host is None else host
    port = settings.web_port if port is None else port
    _refuse_unguarded(settings, host, token)
    secret = long_enough(token) if token else token_of(settings)
    with _listener(host, port) as listener:
        bound = listener.getsockname()[1]
        site = _site(board, host, bound, secret)
        up = asyncio.Event()
        server = _Server(_config(create_app(site, health_routes(board, site.allowed))), up)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await up.wait()
            yield _url(host, bound)
        finally:
            site.closing.set()
            server.should_exit = True
            await task


def sign_in_link(url: str, settings: Settings, token: Secret | None = None) -> str:
    """An address that signs its reader in; it holds the token.

    Raises:
        UsageError: as ``serving`` for the token.
    """
    return f"{url}?token={(token or token_of(settings)).reveal()}"


def _site(board: Board, host: str, port: int, token: Secret) -> Site:
    return Site(
        board=board,
        sessions=Sessions(board.clock, board.settings.web_session),
        guesses=Guesses(board.clock, token),
        scrapes=Guesses(board.clock, token),
        hosts=hosts_of(host, port, board.settings.web_names),
        cookie=f"mmsflow_{port}",
    )


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _refuse_unguarded(settings: Settings, host: str, token: Secret | None) -> None:
    if is_loopback(host):
        return
    if not settings.web_token and token is None:
        raise UsageError(
            f"the web page would listen at {host}, where others can reach it, without a token of its own",
            "set web_token_file to a file with at least 20 characters, or let it listen at 127.0.0.1",
        )
    if not settings.web_names:
        raise UsageError(
            f"the web page would listen at {host} without a name to be reached by",
            "set web_names to the host names that people type, such as mms.example.pl, or listen at 127.0.0.1",
        )


def _listener(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65_535:
        raise UsageError(f"the web page cannot listen at port {port}", "give 0 to 65535; 0 takes any free one")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, or asyncio leaves Nagle's algorithm on.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except (OSError, UnicodeError) as error:
        listener.close()
        raise UsageError(
            f"the web page cannot listen at {host}:{port}: {error}",
            "another program, perhaps another daemon, is there: set web_port to another one; 0 takes any free one",
        ) from error
    return listener


def _config(app: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
