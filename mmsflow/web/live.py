"""Live figures: one stream of events a page, with those of its parts that have changed since they were last sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from mmsflow.errors import MmsflowError
from mmsflow.web import overview as overviews
from mmsflow.web import run_view as runs
from mmsflow.web.answers import problem
from mmsflow.web.pages import render
from mmsflow.web.site import Site, language_of, site_of
from mmsflow.web.views import number_in, overview_values
from mmsflow.web.words import word

BEAT_SECONDS = 5.0  # a page that hears nothing for three of them says so
_BEATS_A_LOOK = 3
LEAST_SECONDS = 0.25
_MOST_STREAMS = 50
_RETRY = b"retry: 2000\n\n"

Parts = Callable[[], Mapping[str, str]]
"""The page's parts as they are now, by their elements' ids; for a worker thread."""


def events(request: Request) -> Response:
    """The stream of the page that ``page`` names, with what its reader has chosen there.

    ``overview`` takes ``before``; ``run`` its id, and ``bucket`` and ``after`` as the run's page takes them.
    """
    site = site_of(request)
    parts = _parts_of(request, site)
    if parts is None:
        return problem(request, 404, "refused.missing")
    if request.method == "HEAD":
        return Response(media_type="text/event-stream")
    if len(site.streams) >= _MOST_STREAMS:
        return problem(request, 503, "refused.busy", headers={"Retry-After": "10"})
    return StreamingResponse(_stream(request, site, parts), media_type="text/event-stream")


async def _stream(request: Request, site: Site, parts: Parts) -> AsyncIterator[bytes]:
    mark = request.url.query
    site.streams.append(mark)
    try:
        yield _RETRY
        async for chunk in _chunks(request, site, parts):
            yield chunk
    finally:
        site.streams.remove(mark)


async def _chunks(request: Request, site: Site, parts: Parts) -> AsyncIterator[bytes]:
    board, sent, version, quiet = site.board, dict[str, str](), -1, 0
    while site.session(request) is not None:
        before, version = version, await _changed(site, version)
        if site.closing.is_set():
            return
        if version == before and (quiet := quiet + 1) % _BEATS_A_LOOK:
            yield _event("beat", {})
            continue
        try:
            now = await run_in_threadpool(parts)
        except MmsflowError:  # the ledger is out of reach for now; the page keeps what it has
            now = {}
        fresh = {name: html for name, html in now.items() if sent.get(name) != html}
        sent |= fresh
        yield _event("parts", fresh) if fresh else _event("beat", {})
        await board.clock.sleep(LEAST_SECONDS)
    yield _event("over", {})


async def _changed(site: Site, version: int) -> int:
    """Wait until something has changed, a beat is due, or the server ends; the version then."""
    waiting = asyncio.ensure_future(site.board.changed(version, BEAT_SECONDS))
    closing = asyncio.ensure_future(site.closing.wait())
    try:
        await asyncio.wait({waiting, closing}, return_when=asyncio.FIRST_COMPLETED)
        return waiting.result() if waiting.done() else version
    finally:
        for task in (waiting, closing):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def _parts_of(request: Request, site: Site) -> Parts | None:
    language, query = language_of(request), request.query_params
    if query.get("page") == "overview":
        before = number_in(request, "before")
        return lambda: _overview_parts(site, language, before)
    if query.get("page") == "run":
        name, only, after = query.get("run", ""), query.get("bucket", ""), number_in(request, "after")
        return lambda: _run_parts(language, runs.run_view(site, name, only=only, after=after))
    return None


def _overview_parts(site: Site, language: str, before: int) -> Mapping[str, str]:
    values = overview_values(site, before)
    board = values["board"]
    assert isinstance(board, overviews.Overview)
    needing = len(board.notices) + len(board.faulty)
    told = f"{word('running', language)}: {len(board.running)}. {word('needing', language)}: {needing}."
    return {name: render(file, values, language) for name, file in overviews.PARTS.items()} | {"said": told}


def _run_parts(language: str, view: runs.RunView) -> Mapping[str, str]:
    told = f"{view.run.run}: {word(view.state_key, language)}"
    return {part: render(file, {"view": view}, language) for part, file in runs.PARTS.items()} | {"said": told}


def _event(kind: str, document: Mapping[str, str]) -> bytes:
    # JSON keeps it on one line, as the stream's format needs.
    return f"event: {kind}\ndata: {json.dumps(document, ensure_ascii=False)}\n\n".encode()
