"""Everything that blocks sending until a person has decided: one list for run, resume, plan, calendar, daemon and page.

Each rule lives in a module of its own and returns a ``Blocker`` or None. They are put together here and nowhere else,
so that what ``plan`` says is what ``run`` and the daemon do.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from mmsflow.ledger.store import LedgerReader
from mmsflow.settings import Settings
from mmsflow.workflow.blocking import NOTHING_DECIDED, Blocker, Decided
from mmsflow.workflow.guard import marker_blocker
from mmsflow.workflow.ledger_check import ledger_blocker, lost_run_blocker, replaced_blocker
from mmsflow.workflow.other_account import account_blockers
from mmsflow.workflow.prepare import Prepared
from mmsflow.workflow.same_content import content_blockers, file_blockers
from mmsflow.workflow.stopping import stop_blocker


def blockers_of(
    ledger: LedgerReader, settings: Settings, campaign: str, campaign_file: Path, *, decided: Decided = NOTHING_DECIDED
) -> list[Blocker]:
    """List what blocks a campaign before its audience is read, gravest first; empty when it may send.

    Args:
        settings: name the account in force.
        decided: what a person has said with this command.
    """
    names = sorted(settings.known_accounts.names_of(settings.account))
    found: list[Blocker | None] = [stop_blocker(ledger, settings.quota_timezone), ledger_blocker(ledger, decided)]
    found.append(lost_run_blocker(ledger, settings.account, campaign, decided))
    found.append(replaced_blocker(ledger, names, campaign, decided))
    if not decided.again:
        found += [marker_blocker(ledger, name, campaign, campaign_file, adopted=decided.adopt) for name in names]
    found += account_blockers(ledger, settings, campaign, campaign_file)
    return [blocker for blocker in found if blocker is not None]


def blockers_of_file(
    ledger: LedgerReader, settings: Settings, campaign: str, campaign_file: Path, *, decided: Decided = NOTHING_DECIDED
) -> list[Blocker]:
    """List the same for a campaign file at hand, which may be another one than the campaign's runs were made from."""
    found = file_blockers(ledger, settings.account, campaign, campaign_file, settings.workspace)
    return found + blockers_of(ledger, settings, campaign, campaign_file, decided=decided)


def blockers_of_plan(
    ledger: LedgerReader,
    settings: Settings,
    prepared: Prepared,
    *,
    decided: Decided = NOTHING_DECIDED,
    due: datetime | None = None,
) -> list[Blocker]:
    """List what blocks a campaign once its audience and messages are known; empty when it may send.

    Args:
        due: the scheduled time that is to begin by itself; None where a person begins the run.
    """
    return [] if decided.other_content else content_blockers(ledger, settings, prepared, due)


def refuse_blocked(blockers: Sequence[Blocker]) -> None:
    """Do nothing when nothing blocks.

    Raises:
        PlanRefused: the first blocker, with its cause.
    """
    if blockers:
        raise blockers[0].as_error()
