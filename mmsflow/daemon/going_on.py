"""Runs that an earlier process left unfinished: which go on by themselves, which need a person first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from mmsflow.errors import LedgerError
from mmsflow.ledger.model import PausedBy, RunInfo
from mmsflow.ledger.store import LedgerReader
from mmsflow.settings import Settings
from mmsflow.workflow.blockers import blockers_of
from mmsflow.workflow.guard import long_past
from mmsflow.workflow.other_account import OtherRun, account_blocker, unanswered
from mmsflow.workflow.standing import goes_on, has_unsent, resends_left

_LASTING = {
    PausedBy.USER: "it was paused by a person",
    PausedBy.BREAKER: "something stopped it",
    PausedBy.CREDENTIALS: "the gateway refused our credentials",
}


def unfinished_runs(ledger: LedgerReader, settings: Settings, now: datetime) -> Iterator[tuple[RunInfo, str]]:
    """The account's runs with something left to do, oldest first, each with why it needs a person; empty where not.

    Runs under other accounts follow, where nobody has said yet whether that is the same account.
    """
    for run in reversed(ledger.runs(account=settings.account, tests=False, unfinished=True)):
        if run.purged_at is None and goes_on(ledger, run):
            yield run, _why_not(ledger, settings, run, now)
    for run in reversed(ledger.runs(tests=False, unfinished=True)):
        if not settings.is_ours(run.account) and run.purged_at is None and has_unsent(ledger, run):
            others = [OtherRun(run.account, run.run, "this ledger")]
            others = unanswered(settings.known_accounts, settings.account, others)
            if blocker := account_blocker(run.campaign, settings.account, others):
                yield run, f"{blocker.message}. {blocker.fix}"


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
        if blockers := blockers_of(ledger, settings, run.campaign, file):
            return blockers[0].message
        return long_past(ledger, run, now)
    except LedgerError as error:
        return error.message
