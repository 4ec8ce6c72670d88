"""The web page over a real port, in the event loop of whoever serves it."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mmsflow.daemon.board import Board
from mmsflow.errors import UsageError
from mmsflow.listening import listening_at, quiet_config, serving_beside
from mmsflow.secret import Secret
from mmsflow.settings import Settings
from mmsflow.web.access import Guesses, Sessions, long_enough, token_of
from mmsflow.web.app import create_app
from mmsflow.web.health import health_routes
from mmsflow.web.site import Site, hosts_of, is_loopback

_MOST_CONNECTIONS = 200


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
        app = create_app(site, health_routes(board, site.allowed))
        config = quiet_config(app, http="h11", lifespan="off", most_connections=_MOST_CONNECTIONS)
        async with serving_beside(config, listener):
            try:
                yield _url(host, bound)
            finally:
                site.closing.set()


def sign_in_link(url: str, settings: Settings, token: Secret | None = None) -> str:
    """An address that signs its reader in; it holds the token.

    Raises:
        UsageError: as ``serving`` for the token.
    """
    return f"{url}?token={(token or token_of(settings)).reveal()}"


def _site(board: Board, host: str, port: int, token: Secret) -> Site:
    return Site(
        board=board,
        sessions=Sessions(board.clock, board.settings.web_session, token),
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
    return listening_at(
        host,
        port,
        what="the web page",
        backlog=128,
        if_taken="another program, perhaps another daemon, is there: set web_port to another one; 0 takes any free one",
    )
