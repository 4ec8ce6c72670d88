"""What people do from the page: pause, resume, cancel, approve, begin, test. Each answer is told on the next page."""

from __future__ import annotations

import re
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from mmsflow.ledger.requests import Action, Answer, Trial
from mmsflow.ledger.requests import Request as Asked
from mmsflow.web.answers import back, form_of, problem
from mmsflow.web.signing import named, who_asks
from mmsflow.web.site import site_of

_ACTIONS = {action.value: action for action in (Action.PAUSE, Action.RESUME, Action.CANCEL)}


async def act_on_run(request: Request) -> Response:
    """Pause, resume or cancel a run."""
    run, action = request.path_params["run"], _ACTIONS.get(request.path_params["action"])
    if action is None:
        return problem(request, 404, "refused.missing")
    board = site_of(request).board
    answer = await board.ask(Asked(run, action, board.clock.now(), who=who_asks(request)))
    return back(request, f"/runs/{quote(run)}", answer)


async def seen(request: Request) -> Response:
    """Put away the notice that the form names."""
    form = await form_of(request)
    return back(request, "/", await site_of(request).board.seen(form.get("notice", "")))


async def approve(request: Request) -> Response:
    """Say yes to the plan that the form names by its digest."""
    form = await form_of(request)
    file, who = form.get("file", ""), _remembered(request, form)
    if not who:
        return back(request, _plan_of(file), _NAMELESS)
    answer = await site_of(request).board.approve(file, form.get("digest", ""), who)
    return back(request, _plan_of(file), answer)


async def begin(request: Request) -> Response:
    """Begin a run by hand, of the plan that the form names by its digest."""
    form = await form_of(request)
    file, who = form.get("file", ""), _remembered(request, form)
    if not who:
        return back(request, _plan_of(file), _NAMELESS)
    answer = await site_of(request).board.begin(file, form.get("digest", ""), who)
    return back(request, _plan_of(file) if answer.refused else f"/runs/{quote(answer.run)}", answer)


async def stop_all(request: Request) -> Response:
    """Stop all sending. A name is kept where one is given: nobody is kept from stopping for want of it."""
    form = await form_of(request)
    who = _remembered(request, form) or who_asks(request)
    return back(request, "/", await site_of(request).board.stop_all(who, form.get("why", "")))


async def start_all(request: Request) -> Response:
    """Let sending go on."""
    return back(request, "/", await site_of(request).board.start_all(who_asks(request)))


async def send_test(request: Request) -> Response:
    """Send a message of a campaign to the handsets that the form names, or else to the campaign's own."""
    form, site = await form_of(request), site_of(request)
    file, named = form.get("file", ""), form.get("to", "")[:_LONGEST_NUMBERS]
    session = site.session(request)
    if session is not None:
        session.handsets = named
    numbers = tuple(filter(None, (part.strip() for part in re.split("[,;]", named))))
    answer = await site.board.send_test(Trial(file, numbers))
    return back(request, _plan_of(file) if answer.refused else f"/runs/{quote(answer.run)}", answer)


_LONGEST_NUMBERS = 400
_NAMELESS = Answer(
    "nobody is named, so nothing was done", "fill in your name: it is kept with the approval", refused=True
)


def _remembered(request: Request, form: dict[str, str]) -> str:
    who = named(form)
    session = site_of(request).session(request)
    if session is not None and who:
        session.who = who
    return who


def _plan_of(file: str) -> str:
    return f"/plan?file={quote(file)}"
