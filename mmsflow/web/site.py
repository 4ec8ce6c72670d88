"""What all pages share: the board, who is signed in, which names the page answers to, and what was counted lately."""

from __future__ import annotations

import asyncio
import ipaddress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection, Request

from mmsflow.daemon.board import Board
from mmsflow.web.access import Guesses, Session, Sessions
from mmsflow.web.pace import Curves, Pace

LANGUAGES = ("en", "pl")
LANGUAGE_COOKIE = "mmsflow_language"


@dataclass(frozen=True, slots=True)
class Site:
    """One web page over one board.

    Attributes:
        guesses, scrapes: wrong tokens of people, and of programs; whoever tries one does not hold up the other.
        hosts: ``name:port`` as browsers may write it in Host, lower case.
        cookie: name of the session's cookie; with the port, because cookies know no ports.
        closing: set when the streams of live figures are to end.
        streams: how many of them are open.
    """

    board: Board
    sessions: Sessions
    guesses: Guesses
    scrapes: Guesses
    hosts: frozenset[str]
    cookie: str
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    pace: Pace = field(default_factory=Pace)
    curves: Curves = field(default_factory=Curves)
    streams: list[str] = field(default_factory=list)

    def session(self, request: HTTPConnection) -> Session | None:
        """The session of whoever asks; None where nobody is signed in."""
        secret = request.cookies.get(self.cookie, "")
        return self.sessions.find(secret) if secret else None

    def allowed(self, request: Request) -> bool:
        """Whether a program may read figures: it carries the token as ``Authorization: Bearer``, or a session."""
        kind, _, offered = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and offered:
            return self.scrapes.check(offered.strip())
        return self.session(request) is not None


def site_of(request: HTTPConnection) -> Site:
    """The site that a request came to."""
    site = request.app.state.site
    assert isinstance(site, Site)
    return site


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach that address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def hosts_of(host: str, port: int, names: tuple[str, ...]) -> frozenset[str]:
    """What browsers may write in Host: the address itself, this machine's own names, and the configured ones."""
    bound = f"[{host}]" if ":" in host else host
    local = ["localhost", "127.0.0.1", "[::1]"]
    found = {f"{name}:{port}" for name in (bound, *local, *names)} | set(names)
    return frozenset(name.lower() for name in found)


def is_secure(request: HTTPConnection) -> bool:
    """Whether the browser came by https; a proxy's word counts only where it is on this machine."""
    if request.url.scheme == "https":
        return True
    peer = request.client.host if request.client else ""
    return is_loopback(peer) and request.headers.get("x-forwarded-proto", "").strip().lower() == "https"


def is_same_origin(request: HTTPConnection) -> bool:
    """Whether a page of ours asks: by its Origin, or by Sec-Fetch-Site where there is none."""
    origin = request.headers.get("origin")
    if origin is None:
        return request.headers.get("sec-fetch-site") == "same-origin"
    parts = urlsplit(origin)
    schemes = ("https",) if is_secure(request) else ("http", "https")
    return parts.scheme in schemes and parts.netloc.lower() == request.headers.get("host", "").lower()


def language_of(request: HTTPConnection) -> str:
    """``en`` or ``pl``: as chosen, else as the browser prefers."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    for wish in request.headers.get("accept-language", "")[:200].split(","):
        language = wish.split(";")[0].strip().lower()[:2]
        if language in LANGUAGES:
            return language
    return LANGUAGES[0]


def local_path(text: str) -> str:
    """A path of this site to go on to; the overview for anything else, such as another host's address."""
    plain = text.startswith("/") and not text.startswith("//") and text.isprintable() and "\\" not in text
    return text if plain and len(text) <= 2_000 else "/"
