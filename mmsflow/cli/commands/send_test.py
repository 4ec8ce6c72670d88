"""``mmsflow send-test``: one rendered message to a test handset, as a run of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from mmsflow.cli.commands.plan import plan_only
from mmsflow.cli.commands.run import ask_before_sending, plan_now
from mmsflow.cli.ending import end_run
from mmsflow.cli.output import say
from mmsflow.cli.progress import counting, following
from mmsflow.cli.session import Session
from mmsflow.cli.watching import watch
from mmsflow.errors import PlanRefused, RunHeld
from mmsflow.ledger.lock import holder_of
from mmsflow.ledger.requests import DAEMON, Action, Request, Trial
from mmsflow.ledger.store import Ledger
from mmsflow.mms.msisdn import mask_msisdn
from mmsflow.plan.model import Plan
from mmsflow.wiring import ledger_file, make_engine, open_gateway, reading_ledger, writing_ledger
from mmsflow.workflow.control import ask_holder
from mmsflow.workflow.prepare import Prepared, prepare
from mmsflow.workflow.run import carry_on, freeze
from mmsflow.workflow.stopping import refuse_stopped
from mmsflow.workflow.trial import addressed_to, handsets

_PATIENCE = timedelta(minutes=10)  # the daemon renders the whole campaign before it answers


def send_test(file: str, to: Sequence[str], row: int | None, variant: str, *, yes: bool, as_json: bool) -> int:
    """Send one of the campaign's messages to test handsets; returns the exit code."""
    session, path = Session.for_file(file)
    with reading_ledger(session.settings) as reader:
        refuse_stopped(reader, session.settings.quota_timezone)
    with counting("rendering", quiet=as_json) as progress:
        intake = session.intake()
        prepared = prepare(path, session.workspace, progress=progress, fitting=progress.fitting, intake=intake)
    with prepared.draft:
        numbers = handsets(to, prepared.loaded.campaign, session.workspace, session.settings.suppression)
        test = addressed_to(prepared, numbers, row, variant)
    wanted = Trial(prepared.loaded.shown_path, tuple(numbers), row, variant)
    with test.draft:
        try:
            with writing_ledger(session.settings, session.clock, f"send-test {file}") as ledger:
                return asyncio.run(_send(session, ledger, test, wanted, yes=yes, as_json=as_json))
        except RunHeld as held:
            holder = holder_of(ledger_file(session.settings))
            if holder is None or holder.command != DAEMON:
                raise
            return _have_sent(session, held, test, wanted, yes=yes, as_json=as_json)


async def _send(session: Session, ledger: Ledger, test: Prepared, wanted: Trial, *, yes: bool, as_json: bool) -> int:
    async with open_gateway(session.settings, session.clock) as gateway:
        made = await plan_now(session, ledger, gateway, test)
        _ask(session, test, made, wanted, yes=yes)
        run = freeze(test, made, ledger, workspace=session.workspace, now=session.clock.now(), test=True)
        with following(quiet=as_json) as observer:
            engine = make_engine(session.settings, ledger, gateway, session.clock)
            error = await carry_on(
                engine,
                run,
                workspace=session.workspace,
                no_wait=False,
                observer=observer,
                suppression=session.settings.suppression,
            )
    return end_run(session, ledger, run, error, as_json=as_json)


def _ask(session: Session, test: Prepared, made: Plan, wanted: Trial, *, yes: bool) -> None:
    say(f"a test of {made.campaign} to {', '.join(map(mask_msisdn, wanted.numbers))}")
    ask_before_sending(session, made, ZoneInfo(test.loaded.campaign.schedule.timezone), yes=yes)


def _have_sent(session: Session, held: RunHeld, test: Prepared, wanted: Trial, *, yes: bool, as_json: bool) -> int:
    """Have the daemon send it, which holds the ledger, and follow it to its end."""
    _ask(session, test, asyncio.run(plan_only(session, test)), wanted, yes=yes)
    clock = session.clock
    request = Request("", Action.TEST, clock.now(), trial=wanted)
    answer = asyncio.run(ask_holder(ledger_file(session.settings), held, request, clock=clock, patience=_PATIENCE))
    if answer is None:
        raise PlanRefused(
            "the daemon ended before it answered",
            "`mmsflow runs` shows whether the test has begun",
            cause="daemon_ended",
        )
    if answer.refused:
        raise PlanRefused(answer.text, answer.advice, cause=answer.cause or "request_refused")
    return watch(session, answer.run, answer.text, as_json=as_json)
