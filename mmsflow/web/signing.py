"""Signing in and out, and the choice of a language."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from mmsflow.web.answers import form_of, shown
from mmsflow.web.site import LANGUAGE_COOKIE, LANGUAGES, is_secure, local_path, site_of

_LONGEST_NAME = 80
_YEAR_SECONDS = 366 * 86400


async def sign_in(request: Request) -> Response:
    """Sign in with the token of a form."""
    form = await form_of(request)
    return try_token(request, form.get("token", ""), who=named(form), wanted=local_path(form.get("next", "/")))


def try_token(request: Request, offered: str, *, who: str, wanted: str) -> Response:
    """A session and the way on for whoever has the token; the form again for anybody else, 429 when too often."""
    site = site_of(request)
    wait = site.guesses.wait()
    if not wait and site.guesses.check(offered.strip()):
        reply: Response = RedirectResponse(wanted, 303)
        _remember(request, reply, site.cookie, site.sessions.open(who), int(site.sessions.lasts.total_seconds()))
        return reply
    values = {"wanted": wanted, "who": who, "wrong": True, "wait": wait}
    headers = {"Retry-After": str(wait)} if wait else {}
    return shown(request, "sign_in.html.j2", values, 429 if wait else 403, headers)


async def sign_out(request: Request) -> Response:
    """End the session, here and in the browser."""
    site = site_of(request)
    site.sessions.close(request.cookies.get(site.cookie, ""))
    reply = RedirectResponse("/sign-in", 303)
    reply.delete_cookie(site.cookie, path="/", secure=is_secure(request), httponly=True, samesite="strict")
    return reply


async def choose_language(request: Request) -> Response:
    """Keep the language that somebody chose, and show the same page in it."""
    form = await form_of(request)
    reply = RedirectResponse(local_path(form.get("next", "/")), 303)
    if (language := form.get("language", "")) in LANGUAGES:
        _remember(request, reply, LANGUAGE_COOKIE, language, _YEAR_SECONDS)
    return reply


def named(form: dict[str, str]) -> str:
    """How whoever sends the form names themselves, on one line; may be empty."""
    return " ".join(form.get("who", "").split())[:_LONGEST_NAME]


def who_asks(request: Request) -> str:
    """The name that was given when signing in, or since; empty where none was."""
    session = site_of(request).session(request)
    return session.who if session is not None else ""


def _remember(request: Request, reply: Response, name: str, value: str, seconds: int) -> None:
    reply.set_cookie(
        name, value, max_age=seconds, path="/", secure=is_secure(request), httponly=True, samesite="strict"
    )
