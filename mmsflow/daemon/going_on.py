"""Runs that an earlier process left unfinished: which go on by themselves, which need a person first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from mmsflow.errors import LedgerError
from mmsflow.ledger.model import PausedBy, RunInfo
from mmsflow.ledger.stop_file import ALL_STOPPED
from mmsflow.ledger.store import LedgerReader
from mmsflow.settings import Settings
from mmsflow.workflow.blockers import blockers_of
from mmsflow.workflow.guard import long_past
from mmsflow.workflow.standing import goes_on, has_unsent, resends_left

_LASTING = {
    PausedBy.USER: "it was paused by a person",
    PausedBy.BREAKER: "something stopped it",
    PausedBy.CREDENTIALS: "the gateway refused our credentials",
}


def unfinished_runs(ledger: LedgerReader, settings: Settings, now: datetime) -> Iterator[tuple[RunInfo, str]]:
    """The account's runs with something left to do, oldest first, each with why it needs a person; empty where not."""
    for run in reversed(ledger.runs(account=settings.account, tests=False, unfinished=True)):
        if run.purged_at is None and goes_on(ledger, run):
            yield run, _why_not(ledger, settings, run, now)


def unfinished_tests(ledger: LedgerReader, account: str) -> list[RunInfo]:
    """The account's tests that an earlier process was cut off from; whoever asked for one makes another."""
    return [
        run
        for run in ledger.runs(account=account, unfinished=True)
        if run.test and run.purged_at is None and has_unsent(ledger, run)
    ]


def _why_not(ledger: LedgerReader, settings: Settings, run: RunInfo, now: datetime) -> str:
    if not (has_unsent(ledger, run) or resends_left(ledger, run)):
        return ""  # delivery reports are followed whatever paused it: nothing is sent
    if (paused := _LASTING.get(run.paused_by)) is not None:
        return f"{paused} ({run.reason})" if run.reason else paused
    try:
        file = settings.workspace / run.campaign_file
        # A run waits under a stop of all sending as it waits for its window, and goes on when that is lifted.
        blockers = blockers_of(ledger, settings, run.campaign, file)
        if lasting := [blocker for blocker in blockers if blocker.cause != ALL_STOPPED]:
            return lasting[0].message
        return long_past(ledger, run, now)
    except LedgerError as error:
        return error.message
