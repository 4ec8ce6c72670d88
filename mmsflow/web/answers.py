"""Replies: pages, refusals without a word about the machine, and the way back after something was done."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mmsflow.errors import GatewayRefused, GatewayUnavailable, InvalidInput, LedgerError, MmsflowError, UsageError
from mmsflow.ledger.requests import Answer
from mmsflow.web.pages import render
from mmsflow.web.site import language_of, site_of

_MOST_FIELDS = 500
_STATUS: tuple[tuple[type[MmsflowError], int], ...] = (
    (UsageError, 404),
    (InvalidInput, 422),
    (GatewayRefused, 502),
    (GatewayUnavailable, 502),
    (LedgerError, 503),
)


def shown(
    request: Request,
    template: str,
    values: Mapping[str, object],
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> HTMLResponse:
    """A whole page, with what its reader is still to be told."""
    session = site_of(request).session(request)
    told = list(session.told) if session else []
    if session:
        session.told.clear()
    common = {"session": session, "told": told, "here": request.url.path, "query": request.url.query}
    html = render(template, {**common, **values}, language_of(request))
    return HTMLResponse(html, status, headers=headers)


def problem(
    request: Request, status: int, key: str, *, advice: str = "", headers: Mapping[str, str] | None = None
) -> HTMLResponse:
    """A page that says what cannot be done, in words of ours."""
    values = {"title_key": f"{key}.title", "text_key": f"{key}.text", "advice": advice, "status": status}
    return shown(request, "problem.html.j2", values, status, headers)


def failed(request: Request, error: MmsflowError) -> HTMLResponse:
    """A page for an error that was raised on purpose: what happened, where, what to do."""
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 409)
    findings = error.findings if isinstance(error, InvalidInput) else ()
    return shown(request, "failed.html.j2", {"error": error, "findings": findings}, status)


def back(request: Request, path: str, answer: Answer | None = None) -> Response:
    """To a page of ours, which tells what became of a request."""
    session = site_of(request).session(request)
    if session is not None and answer is not None:
        session.told.append(answer)
    return RedirectResponse(path, 303)


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form that was sent; of two with one name the last."""
    try:
        body = (await request.body()).decode("utf-8", "replace")
    except ClientDisconnect:  # also what the doors make of a body that is too long
        raise HTTPException(413) from None
    try:
        pairs = parse_qsl(body, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise UsageError(f"the form has more than {_MOST_FIELDS} fields", "go back and choose fewer at once") from None
    return dict(pairs)
