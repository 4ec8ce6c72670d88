"""``mmsflow pause`` and ``mmsflow cancel``: from any terminal, whether some process carries the run out or not."""

from __future__ import annotations

import asyncio

from mmsflow.cli.asking import ask_first, system_user
from mmsflow.cli.ending import reported
from mmsflow.cli.output import print_json, say, show_error, tell
from mmsflow.cli.session import Session
from mmsflow.errors import PlanRefused
from mmsflow.first_failure import FirstFailure
from mmsflow.ledger.model import RunInfo
from mmsflow.ledger.requests import Action, Request
from mmsflow.mms.status import Bucket
from mmsflow.wiring import ledger_file, reading_ledger, writing_ledger
from mmsflow.workflow.control import Done, have_done
from mmsflow.workflow.history import find_run, run_as_json


def pause(run: str, *, as_json: bool) -> int:
    """Pause a run; returns the exit code."""
    session = Session.start()
    with reading_ledger(session.settings) as ledger:
        found = find_run(ledger, run)
    done = request(session, Request(found.run, Action.PAUSE, session.clock.now(), who=system_user()))
    return show(session, found, done, as_json=as_json)


def cancel(run: str, *, yes: bool, as_json: bool) -> int:
    """Cancel a run; returns the exit code."""
    session = Session.start()
    with reading_ledger(session.settings) as ledger:
        found = find_run(ledger, run)
        pending = ledger.bucket_counts(found.key)[Bucket.PENDING]
    noun = "message" if pending == 1 else "messages"
    say(f"{found.run}  {pending} {noun} not sent yet, of {found.rows} rows")
    declined = f"{found.run} was left as it is"
    ask_first("Cancel it for good?", yes=yes, done="cancel the run", declined=declined)
    done = request(session, Request(found.run, Action.CANCEL, session.clock.now(), who=system_user()))
    return show(session, found, done, as_json=as_json)


def request(session: Session, wanted: Request) -> Done:
    """Have it done by whoever holds the ledger.

    Raises:
        PlanRefused: it cannot be done; nothing was changed.
        RunHeld: another process holds the ledger and did not answer.
    """
    settings, clock = session.settings, session.clock
    command = f"{wanted.action} {wanted.approves.campaign if wanted.approves else wanted.run}"
    done = asyncio.run(
        have_done(ledger_file(settings), lambda: writing_ledger(settings, clock, command), wanted, clock=clock)
    )
    if done.answer.refused:
        raise PlanRefused(done.answer.text, done.answer.advice, cause=done.answer.cause or "request_refused")
    return done


def show(session: Session, run: RunInfo, done: Done, *, as_json: bool) -> int:
    """Say what became of a request; the report of a run that nobody carries out is written anew."""
    # It is done, and that is said first of all, whatever becomes of the report.
    ends = FirstFailure()
    with reading_ledger(session.settings) as ledger:
        current = find_run(ledger, run.run)
        if not done.live:
            reported(ends, ledger, current, session)
        if as_json:
            said: dict[str, object] = {"answer": done.answer.text, "changed": done.answer.changed}
            failed = ends.error.as_json() if ends.error else {}
            print_json(run_as_json(ledger, current, held=done.live) | said | failed)
    if not as_json:
        tell(done.answer.text)
        if done.answer.advice:
            say(done.answer.advice)
    if ends.error:
        show_error(ends.error, as_json=False)
    return ends.exit_code
