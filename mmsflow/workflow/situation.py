"""Gathers the facts that ``start.decide_start`` decides by, from ledger, markers and files; and what is asked first."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from mmsflow.campaign.model import Campaign
from mmsflow.errors import LedgerError
from mmsflow.ledger.lock import holder_of
from mmsflow.ledger.model import PausedBy, RunInfo
from mmsflow.ledger.requests import DAEMON
from mmsflow.ledger.stop_file import ALL_STOPPED
from mmsflow.ledger.store import LedgerReader
from mmsflow.settings import Settings
from mmsflow.workflow.blockers import blockers_of, blockers_of_file
from mmsflow.workflow.blocking import NOTHING_DECIDED, Blocker, Decided
from mmsflow.workflow.guard import long_past
from mmsflow.workflow.occurrence_facts import occasion_of
from mmsflow.workflow.standing import changed_inputs, has_unsent, resends_left, sends, standing_of
from mmsflow.workflow.start import Situation, Wish

_LASTING = {
    PausedBy.USER: "it was paused by a person",
    PausedBy.BREAKER: "something stopped it",
    PausedBy.CREDENTIALS: "the gateway refused our credentials",
}


def situation_of(
    ledger: LedgerReader,
    settings: Settings,
    campaign: Campaign,
    campaign_file: Path,
    now: datetime,
    *,
    wish: Wish = Wish.RUN,
    decided: Decided = NOTHING_DECIDED,
) -> Situation:
    """Gather what is known of a campaign before a run of it begins or goes on.

    Args:
        settings: name the account in force.
        campaign_file: its markers lie beside it.
        decided: what a person has said with this command.
    """
    asks_for_time = wish in {Wish.RUN, Wish.SAVED_PLAN}
    return Situation(
        campaign=campaign.campaign,
        timezone=campaign.schedule.timezone,
        standing=standing_of(ledger, settings.account, campaign.campaign),
        occasion=occasion_of(ledger, settings.account, campaign, now) if asks_for_time else None,
        blockers=blockers_of_file(ledger, settings, campaign.campaign, campaign_file, decided=decided),
        wish=wish,
        recurring=campaign.schedule.every is not None,
    )


def asked_before_going_on(
    ledger: LedgerReader, run: RunInfo, workspace: Path, now: datetime, campaign_file: Path | None = None
) -> list[str]:
    """List what a person is asked before an unfinished run goes on, one sentence each; without ``--yes`` it waits."""
    if not has_unsent(ledger, run):
        resends = resends_left(ledger, run)
        return [_resends(resends)] if resends else []
    asked = [f"{change} since {run.run} began" for change in changed_inputs(ledger, run, workspace, campaign_file)]
    if why := long_past(ledger, run, now):
        asked.append(why)
    if resends := resends_left(ledger, run):
        asked.append(_resends(resends))
    return asked


def why_not_by_itself(
    ledger: LedgerReader, settings: Settings, run: RunInfo, now: datetime, *, rotated: bool = False
) -> Blocker | None:
    """Say why an unfinished run needs a person before it goes on; None where the daemon goes on with it.

    Args:
        rotated: the client secret is another one than when the gateway refused it.

    Delivery reports are followed whatever paused it: nothing is sent. The cause and what to do are empty where the
    reason has none of its own.
    """
    if not sends(ledger, run):
        return None
    refused_before = rotated and run.paused_by is PausedBy.CREDENTIALS
    if (paused := _LASTING.get(run.paused_by)) is not None and not refused_before:
        return Blocker(run.cause, run.reason or paused, "")
    try:
        found = blockers_of(ledger, settings, run.campaign, settings.workspace / run.campaign_file)
        # A run waits under a stop of all sending as it waits for its window, and goes on when that is lifted.
        blockers = [blocker for blocker in found if blocker.cause != ALL_STOPPED]
        if blockers:
            return blockers[0]
        why = long_past(ledger, run, now)
        return Blocker("", why, "") if why else None
    except LedgerError as error:
        return Blocker(error.cause, error.message, error.advice)


def watched_since(ledger: LedgerReader, now: datetime) -> datetime:
    """Tell since when a daemon has watched the ledger's campaigns; ``now`` where none runs, as for one that begins."""
    holder = holder_of(ledger.path)
    return holder.since if holder is not None and holder.command == DAEMON and holder.since else now


def _resends(number: int) -> str:
    noun = "message was" if number == 1 else "messages were"
    return f"{number} {noun} maybe sent, and `unknown: resend` sends once more"
