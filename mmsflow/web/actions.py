"""What people do from the page: pause, resume, cancel, approve, begin, test. Each answer is told on the next page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from mmsflow.daemon.trying import refusal
from mmsflow.errors import MmsflowError
from mmsflow.ledger.requests import Action, Answer, Trial
from mmsflow.ledger.requests import Request as Asked
from mmsflow.settings import Settings
from mmsflow.web.answers import back, form_of, problem
from mmsflow.web.signing import named, who_asks
from mmsflow.web.site import site_of
from mmsflow.workflow.optout import add_numbers, wanted_numbers

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


async def answer_account(request: Request) -> Response:
    """Keep what somebody says about accounts: the same one, separate ones, or a rotated client id."""
    form = await form_of(request)
    file, who = form.get("file", ""), _remembered(request, form)
    if not who:
        return back(request, _plan_of(file), _NAMELESS)
    said, asked = form.get("answer", ""), form.get("asked", "")
    return back(request, _plan_of(file), await site_of(request).board.answer_account(file, said, asked, who))


async def stop_all(request: Request) -> Response:
    """Stop all sending. A name is kept where one is given: nobody is kept from stopping for want of it."""
    form = await form_of(request)
    who = _remembered(request, form) or who_asks(request)
    return back(request, "/", await site_of(request).board.stop_all(who, form.get("why", "")))


async def start_all(request: Request) -> Response:
    """Let sending go on."""
    return back(request, "/", await site_of(request).board.start_all(who_asks(request)))


async def optout(request: Request) -> Response:
    """Put the numbers that the form names into the workspace's suppression list."""
    form, board = await form_of(request), site_of(request).board
    numbers = _several(form.get("number", ""))
    who, why = who_asks(request), form.get("why", "")
    answer = await run_in_threadpool(_optout, board.settings, numbers, who, why, board.clock.now())
    return back(request, "/", answer)


def _optout(settings: Settings, numbers: Sequence[str], who: str, why: str, now: datetime) -> Answer:
    try:
        wanted = wanted_numbers(numbers)
        done = add_numbers(settings, wanted.numbers, who=who, why=why, now=now)
    except MmsflowError as error:
        return refusal(error)
    noun = "number" if len(done.added) == 1 else "numbers"
    text = f"{len(done.added)} {noun} added to {done.path}: nothing goes out to them any more"
    if done.known:
        text += f"; {len(done.known)} in it already"
    if wanted.unreachable:
        text += f"; {len(wanted.unreachable)} passed over, since no MMS can ever go there"
    return Answer(text, changed=len(done.added))


async def send_test(request: Request) -> Response:
    """Send a message of a campaign to the handsets that the form names, or else to the campaign's own."""
    form, site = await form_of(request), site_of(request)
    file, written = form.get("file", ""), form.get("to", "")[:_LONGEST_NUMBERS]
    session = site.session(request)
    if session is not None:
        session.handsets = written
    answer = await site.board.send_test(Trial(file, _several(written)))
    return back(request, _plan_of(file) if answer.refused else f"/runs/{quote(answer.run)}", answer)


_LONGEST_NUMBERS = 400
_NAMELESS = Answer.refusal(
    "nobody is named, so nothing was done", "fill in your name: it is kept with the approval", cause="who_unknown"
)


def _several(text: str) -> tuple[str, ...]:
    """The numbers of a field, separated by commas or semicolons."""
    return tuple(filter(None, (part.strip() for part in re.split("[,;]", text[:_LONGEST_NUMBERS]))))


def _remembered(request: Request, form: dict[str, str]) -> str:
    who = named(form)
    session = site_of(request).session(request)
    if session is not None and who:
        session.who = who
    return who


def _plan_of(file: str) -> str:
    return f"/plan?file={quote(file)}"
