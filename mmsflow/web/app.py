"""The web page as an application: its routes, and what becomes of errors."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mmsflow.errors import MmsflowError
from mmsflow.web import actions, aside, doubts, live, reports, signing, views
from mmsflow.web.answers import failed, problem
from mmsflow.web.doors import HEADERS, Doors
from mmsflow.web.site import Site

_log = logging.getLogger(__name__)


def create_app(site: Site, service: Sequence[Route] = ()) -> Starlette:
    """The application over one site.

    Args:
        service: routes for programs, which let in nobody without asking ``Site.allowed`` where it matters.
    """
    app = Starlette(
        routes=[*_pages(), *service],
        middleware=[Middleware(Doors, site=site, open_paths=frozenset(route.path for route in service))],
        exception_handlers={MmsflowError: _refused, HTTPException: _missing, Exception: _unforeseen},
    )
    app.state.site = site
    return app


def _pages() -> list[BaseRoute]:
    return [
        Route("/", views.home),
        Route("/sign-in", views.sign_in_page),
        Route("/sign-in", signing.sign_in, methods=["POST"]),
        Route("/sign-out", signing.sign_out, methods=["POST"]),
        Route("/language", signing.choose_language, methods=["POST"]),
        Route("/assets/{name}", views.asset_file),
        Route("/seen", actions.seen, methods=["POST"]),
        Route("/events", live.events),
        Route("/plan", views.plan_page),
        Route("/approve", actions.approve, methods=["POST"]),
        Route("/account", actions.answer_account, methods=["POST"]),
        Route("/begin", actions.begin, methods=["POST"]),
        Route("/test", actions.send_test, methods=["POST"]),
        Route("/stop", actions.stop_all, methods=["POST"]),
        Route("/start", actions.start_all, methods=["POST"]),
        Route("/optout", actions.optout, methods=["POST"]),
        Route("/preview", views.preview_page),
        Route("/preview/page", views.preview_document),
        Route("/runs/{run}", views.run_page),
        Route("/runs/{run}/reports/{name}", reports.report),
        Route("/runs/{run}/set-aside", aside.aside_list),
        Route("/runs/{run}/maybe-sent", doubts.doubts_page),
        Route("/runs/{run}/maybe-sent", doubts.decide, methods=["POST"]),
        Route("/runs/{run}/{action}", actions.act_on_run, methods=["POST"]),
    ]


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, MmsflowError)
    return failed(request, error)


async def _missing(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    return problem(request, status, {405: "refused.method", 413: "refused.body"}.get(status, "refused.missing"))


async def _unforeseen(request: Request, error: Exception) -> Response:
    _log.error("the web page failed at %s", request.url.path, exc_info=error)
    # This reply does not come by way of the doors, so it brings their headers along.
    return problem(request, 500, "refused.unforeseen", headers=HEADERS)
