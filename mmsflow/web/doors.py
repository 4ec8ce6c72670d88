"""What every request passes before a page sees it, and what every reply carries."""

from __future__ import annotations

from urllib.parse import quote

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mmsflow.web.answers import problem, shown
from mmsflow.web.site import Site, is_same_origin, local_path

LARGEST_BODY = 64 * 1024
_METHODS = ("GET", "HEAD", "POST")
_OPEN = frozenset({"/", "/sign-in", "/language"})  # the overview looks for itself: a link with the token leads there
_ASSETS = "/assets/"

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not `no-referrer`: browsers then send `Origin: null` with our own forms. Other sites get nothing either way.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


class Doors:
    """Refuses other hosts, other origins, other methods, large bodies, and whoever is not signed in."""

    def __init__(self, app: ASGIApp, site: Site, open_paths: frozenset[str]) -> None:
        self._app = app
        self._site = site
        self._open = _OPEN | open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        refusal = self._refusal(request)
        guarded = _with_headers(send)
        if refusal is not None:
            await refusal(scope, receive, guarded)
            return
        await self._app(scope, _bounded(receive), guarded)

    def _refusal(self, request: Request) -> Response | None:
        if request.headers.get("host", "").lower() not in self._site.hosts or len(_hosts(request)) != 1:
            return problem(request, 403, "refused.host")
        if request.method not in _METHODS:
            return problem(request, 405, "refused.method", headers={"Allow": ", ".join(_METHODS)})
        if request.method == "POST":
            if not is_same_origin(request):
                return problem(request, 403, "refused.origin")
            if not _fits(request):
                return problem(request, 413, "refused.body")
        return self._unless_signed_in(request)

    def _unless_signed_in(self, request: Request) -> Response | None:
        path = request.url.path
        if path in self._open or path.startswith(_ASSETS) or self._site.session(request) is not None:
            return None
        if request.method == "POST" or path == "/events":
            return problem(request, 403, "refused.session")
        return to_sign_in(request)


def to_sign_in(request: Request) -> Response:
    """Where whoever is not signed in goes; they come back to where they wanted to."""
    wanted = local_path(request.url.path + (f"?{request.url.query}" if request.url.query else ""))
    # Browsers keep a strict cookie to themselves on the way from another site; from our own page they send it.
    if is_from_elsewhere(request):
        if request.headers.get("sec-fetch-dest") != "document":
            return problem(request, 403, "refused.session")
        return shown(request, "onward.html.j2", {"wanted": wanted})
    return RedirectResponse("/sign-in" + (f"?next={quote(wanted)}" if wanted != "/" else ""), 303)


def is_from_elsewhere(request: Request) -> bool:
    """Whether the browser says that another site led here, or asks for this as a part of its own page."""
    return request.headers.get("sec-fetch-site") == "cross-site"


def _hosts(request: HTTPConnection) -> list[str]:
    return request.headers.getlist("host")


def _fits(request: Request) -> bool:
    length = request.headers.get("content-length", "0")
    return length.isascii() and length.isdigit() and int(length[:10]) <= LARGEST_BODY


def _bounded(receive: Receive) -> Receive:
    """As ``receive``, but a body that is longer than it may be ends as if the browser had gone."""
    taken = 0

    async def receive_some() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        return message if taken <= LARGEST_BODY else {"type": "http.disconnect"}

    return receive_some


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return send_with_headers
