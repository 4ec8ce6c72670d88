"""``mmsflow send-test``: one rendered message to a test handset, as a run of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from mmsflow.audience.consent import suppressed_only
from mmsflow.cli.commands.run import ask_before_sending, plan_now
from mmsflow.cli.ending import end_run
from mmsflow.cli.output import say
from mmsflow.cli.progress import counting, following
from mmsflow.cli.session import Session
from mmsflow.errors import UsageError
from mmsflow.ledger.store import Ledger
from mmsflow.mms.msisdn import BadNumber, mask_msisdn, parse_msisdn
from mmsflow.wiring import make_engine, open_gateway, writing_ledger
from mmsflow.workflow.prepare import Prepared, prepare
from mmsflow.workflow.run import addressed_to, carry_on, freeze


def send_test(file: str, to: Sequence[str], row: int | None, variant: str, *, yes: bool, as_json: bool) -> int:
    """Send one of the campaign's messages to test handsets; returns the exit code."""
    session, path = Session.for_file(file)
    with counting("rendering", quiet=as_json) as progress:
        intake = session.intake()
        prepared = prepare(path, session.workspace, progress=progress, fitting=progress.fitting, intake=intake)
    with prepared.draft:
        numbers = _numbers(to or prepared.loaded.campaign.test_recipients)
        _refuse_suppressed(session, numbers)
        test = addressed_to(prepared, numbers, row, variant)
    with test.draft, writing_ledger(session.settings, session.clock, f"send-test {file}") as ledger:
        return asyncio.run(_send(session, ledger, test, numbers, yes=yes, as_json=as_json))


def _numbers(texts: Sequence[str]) -> list[str]:
    if not texts:
        raise UsageError("no test handset is named", "add --to NUMBER, or `test_recipients` to the campaign")
    numbers = []
    for text in texts:
        msisdn = parse_msisdn(text)
        if isinstance(msisdn, BadNumber):
            raise UsageError(f"the test number {mask_msisdn(text)} cannot be used: {msisdn.explanation}")
        numbers.append(msisdn)
    return list(dict.fromkeys(numbers))


def _refuse_suppressed(session: Session, numbers: Sequence[str]) -> None:
    """Do nothing where no test handset is on the workspace's suppression list.

    Raises:
        UsageError: one is.
        InvalidInput: the list cannot be read.
    """
    path = session.settings.suppression
    if not path:
        return
    suppressed = suppressed_only(session.workspace, path)
    for number in numbers:
        if why := suppressed.is_refused(number):
            fix = f"name another handset; who is in {path} gets nothing, not even a test"
            raise UsageError(f"the test number {mask_msisdn(number)} is {why}", fix)


async def _send(
    session: Session, ledger: Ledger, test: Prepared, numbers: Sequence[str], *, yes: bool, as_json: bool
) -> int:
    async with open_gateway(session.settings, session.clock) as gateway:
        made = await plan_now(session, ledger, gateway, test)
        say(f"a test of {made.campaign} to {', '.join(mask_msisdn(number) for number in numbers)}")
        ask_before_sending(session, made, ZoneInfo(test.loaded.campaign.schedule.timezone), yes=yes)
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
