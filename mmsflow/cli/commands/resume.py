"""``mmsflow resume``: wake a paused run, or carry it on here, exactly as it was frozen."""

from __future__ import annotations

import asyncio

from mmsflow.cli.adopting import go_on_from_here
from mmsflow.cli.asking import ask_first, system_user
from mmsflow.cli.carrying import CarryOptions, carry
from mmsflow.cli.commands.account import AccountSaid, settle_accounts
from mmsflow.cli.commands.control import show
from mmsflow.cli.output import say
from mmsflow.cli.session import Session
from mmsflow.errors import PlanRefused, RunHeld
from mmsflow.ledger.model import RunInfo
from mmsflow.ledger.requests import Action, Request
from mmsflow.ledger.store import Ledger
from mmsflow.wiring import ledger_file, open_gateway, reading_ledger, writing_ledger
from mmsflow.workflow.blockers import blockers_of, refuse_blocked
from mmsflow.workflow.blocking import Decided
from mmsflow.workflow.control import Done, ask_holder
from mmsflow.workflow.guard import long_past
from mmsflow.workflow.history import find_run
from mmsflow.workflow.other_account import refuse_other_account
from mmsflow.workflow.standing import goes_on, has_unsent, nothing_to_do, resends_left, sends


def resume(run: str, options: CarryOptions, said: AccountSaid, *, yes: bool, adopt: bool) -> int:
    """Resume a run; returns the exit code."""
    session = Session.start()
    with reading_ledger(session.settings) as ledger:
        found = find_run(ledger, run)
        file = session.workspace / found.campaign_file
        if not found.test:
            settle_accounts(session, ledger, found.campaign, file, said, ask=not yes)
    while True:
        try:
            with writing_ledger(session.settings, session.clock, f"resume {run}") as ledger:
                return _carry_on(session, ledger, found, options, yes=yes, adopt=adopt)
        except RunHeld as held:
            wanted = Request(found.run, Action.RESUME, session.clock.now(), who=system_user())
            answer = asyncio.run(ask_holder(ledger_file(session.settings), held, wanted, clock=session.clock))
            if answer is None:
                continue  # the holder has ended meanwhile
            if answer.refused:
                raise PlanRefused(answer.text, answer.advice, cause=answer.cause or "request_refused") from None
            return show(session, found, Done(answer, live=True), as_json=options.as_json)


def _carry_on(
    session: Session, ledger: Ledger, found: RunInfo, options: CarryOptions, *, yes: bool, adopt: bool
) -> int:
    run = find_run(ledger, found.run)
    refuse_other_account(session.settings, run)
    if not goes_on(ledger, run):
        raise nothing_to_do(ledger, run)
    if not run.test and sends(ledger, run):
        campaign_file = session.workspace / run.campaign_file
        decided = Decided(adopt=adopt)
        refuse_blocked(blockers_of(ledger, session.settings, run.campaign, campaign_file, decided=decided))
        go_on_from_here(session, ledger, decided)
        refuse_blocked(blockers_of(ledger, session.settings, run.campaign, campaign_file, decided=decided))
    confirm_if_long_past(session, ledger, run, yes=yes)
    confirm_resends(ledger, run, yes=yes)
    say(f"going on with {run.run}, exactly as it began")
    return asyncio.run(_send(session, ledger, run, options))


async def _send(session: Session, ledger: Ledger, run: RunInfo, options: CarryOptions) -> int:
    async with open_gateway(session.settings, session.clock) as gateway:
        return await carry(session, ledger, gateway, run, options)


def confirm_if_long_past(session: Session, ledger: Ledger, run: RunInfo, *, yes: bool) -> None:
    """A run that nobody expects any more goes on only after a person has said so.

    Raises:
        UsageError: there is nobody to ask, and ``--yes`` was not given.
        PlanRefused: the person said no.
    """
    why = long_past(ledger, run, session.clock.now())
    if not why or not has_unsent(ledger, run):
        return
    say(why)
    declined = f"{run.run} was left as it is; `mmsflow cancel {run.run}` ends it for good"
    ask_first("Send the rest of it now?", yes=yes, done="send the rest of it", declined=declined)


def confirm_resends(ledger: Ledger, run: RunInfo, *, yes: bool) -> None:
    """What was maybe sent is sent once more by the campaign's rule only after a person has seen how many.

    Raises:
        UsageError: there is nobody to ask, and ``--yes`` was not given.
        PlanRefused: the person said no.
    """
    if not (number := resends_left(ledger, run)):
        return
    what = "message was" if number == 1 else "messages were"
    say(f"{number} {what} maybe sent; the campaign says `unknown: resend`, so some recipients may get it twice")
    declined = f"{run.run} was left as it is; `mmsflow resolve {run.run}` settles what was maybe sent"
    ask_first("Send once more?", yes=yes, done="send once more", declined=declined)
