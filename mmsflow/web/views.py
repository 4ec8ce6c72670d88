"""The pages that are read: overview, run, plan, preview, sign-in. Whatever reads the ledger is for worker threads."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from mmsflow.daemon.model import CampaignCard, PlanView
from mmsflow.plan.model import Plan
from mmsflow.report.html import account_host
from mmsflow.report.moments import zone_of
from mmsflow.report.wording import REASON_WORDS
from mmsflow.web import overview as overviews
from mmsflow.web import run_view as runs
from mmsflow.web.answers import shown
from mmsflow.web.doors import is_from_elsewhere, to_sign_in
from mmsflow.web.pages import asset
from mmsflow.web.reports import document
from mmsflow.web.signing import try_token
from mmsflow.web.site import Site, site_of

_MOST_REASONS = 60
_DEFAULT_ZONE = ZoneInfo("Europe/Warsaw")


async def home(request: Request) -> Response:
    """The overview; with the token in its address, first the way in."""
    site = site_of(request)
    offered = request.query_params.get("token")
    # Not counted when another site's page asks, which could otherwise keep everybody waiting.
    if offered and not is_from_elsewhere(request):
        return try_token(request, offered, who="", wanted="/")
    if site.session(request) is None:
        return to_sign_in(request)
    before = number_in(request, "before")
    values = await run_in_threadpool(overview_values, site, before)
    return await run_in_threadpool(shown, request, "overview.html.j2", values)


def overview_values(site: Site, before: int) -> Mapping[str, object]:
    """What the overview's templates use."""
    return {"board": overviews.overview(site.board, before), "zone": _DEFAULT_ZONE}


def run_page(request: Request) -> Response:
    """One run, with its problems of one kind or all, from one message on."""
    only = request.query_params.get("bucket", "")
    view = runs.run_view(site_of(request), request.path_params["run"], only=only, after=number_in(request, "after"))
    return shown(request, "run.html.j2", {"view": view})


async def plan_page(request: Request) -> Response:
    """The plan of a campaign as it is now."""
    site, file = site_of(request), request.query_params.get("file", "")
    view = await site.board.plan(file)
    return await run_in_threadpool(shown, request, "plan.html.j2", _plan_values(request, view))


def _plan_values(request: Request, view: PlanView) -> Mapping[str, object]:
    site = site_of(request)
    session = site.session(request)
    return {
        "view": view,
        "plan": view.plan,
        "card": _card(site, view.file),
        "zone": zone_of({"timezone": view.zone}),
        "host": account_host(view.plan.account),
        "who": session.who if session else "",
        "handsets": session.handsets if session else "",
        "reasons": _reasons(view.plan),
    }


def _card(site: Site, file: str) -> CampaignCard | None:
    return next((card for card in site.board.cards() if card.file == file), None)


def _reasons(plan: Plan) -> list[tuple[str, str, int]]:
    ordered = sorted(plan.reasons.items(), key=lambda each: -each[1][0])[:_MOST_REASONS]
    return [
        (bucket.value, REASON_WORDS.get(code) or example or code, rows) for (bucket, code), (rows, example) in ordered
    ]


def preview_page(request: Request) -> Response:
    """A page around the preview, which stands in a frame of its own."""
    return shown(request, "preview.html.j2", {"file": request.query_params.get("file", "")})


async def preview_document(request: Request) -> Response:
    """The preview itself."""
    html = await site_of(request).board.preview(request.query_params.get("file", ""))
    return document(html, framed=True)


def sign_in_page(request: Request) -> Response:
    """Where somebody gives the token."""
    values = {"wanted": request.query_params.get("next", "/"), "who": "", "wrong": False, "wait": 0}
    return shown(request, "sign_in.html.j2", values)


def asset_file(request: Request) -> Response:
    """Our own style sheet and script."""
    found = asset(request.path_params["name"])
    if found is None:
        return Response("", 404)
    return Response(found[0], headers={"Content-Type": found[1]})


def number_in(request: Request, name: str) -> int:
    """A number of the query; 0 where there is none, or something else."""
    text = request.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
