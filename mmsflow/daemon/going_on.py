"""Runs that an earlier process left unfinished: which go on by themselves, which need a person first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from mmsflow.ledger.model import RunInfo
from mmsflow.ledger.store import LedgerReader
from mmsflow.settings import Settings
from mmsflow.workflow.blocking import Blocker
from mmsflow.workflow.other_account import OtherRun, account_blocker, unanswered
from mmsflow.workflow.situation import why_not_by_itself
from mmsflow.workflow.standing import goes_on, has_unsent

Unfinished = tuple[RunInfo, Blocker | None]


def unfinished_runs(
    ledger: LedgerReader, settings: Settings, now: datetime, *, rotated: bool = False
) -> Iterator[Unfinished]:
    """The account's runs with something left to do, oldest first, each with why it needs a person; None where not.

    Args:
        rotated: the client secret has changed: what the gateway refused before is tried again.

    Runs under other accounts follow, where nobody has said yet whether that is the same account.
    """
    for run in reversed(ledger.runs(account=settings.account, tests=False, unfinished=True)):
        if run.purged_at is None and goes_on(ledger, run):
            yield run, why_not_by_itself(ledger, settings, run, now, rotated=rotated)
    for run in reversed(ledger.runs(tests=False, unfinished=True)):
        if not settings.is_ours(run.account) and run.purged_at is None and has_unsent(ledger, run):
            others = [OtherRun(run.account, run.run, "this ledger")]
            others = unanswered(settings.known_accounts, settings.account, others)
            if blocker := account_blocker(run.campaign, settings.account, others):
                yield run, blocker


def unfinished_tests(ledger: LedgerReader, account: str) -> list[RunInfo]:
    """The account's tests that an earlier process was cut off from; whoever asked for one makes another."""
    return [
        run
        for run in ledger.runs(account=account, unfinished=True)
        if run.test and run.purged_at is None and has_unsent(ledger, run)
    ]
