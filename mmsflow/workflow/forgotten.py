"""What a campaign asks of earlier messages that is not known any more, because personal data were removed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mmsflow.audience.history import queries_of
from mmsflow.campaign.amounts import AtMost
from mmsflow.campaign.load import LoadedCampaign
from mmsflow.errors import Finding

if TYPE_CHECKING:
    from mmsflow.ledger.purge import PurgedRun


def forgotten(
    loaded: LoadedCampaign, cap: AtMost | None, purged: list[PurgedRun], *, now: datetime, retain: timedelta | None
) -> list[Finding]:
    """An error for each thing asked that cannot be answered: nobody may get a message because something was forgotten.

    Args:
        cap: in force for the campaign.
        purged: the account's runs without their numbers.
        retain: how long numbers are kept; None where they are never removed by themselves.
    """
    findings = _names(loaded, purged)
    if cap is None:
        return findings
    place: tuple[str | int, ...] = ("at_most",) if loaded.campaign.at_most is not None else ()
    if why := short_memory(cap, retain):
        fix = "let the setting `retain` be longer, or the cap's time shorter"
        findings.append(loaded.finding(place, f"the cap {cap.text} cannot be kept: {why}", fix))
    late = [run.run for run in purged if run.ended_at > now - cap.within]
    if late:
        message = f"the cap {cap.text} cannot be judged: the personal data of {late[-1]} were removed before its time"
        fix = f"wait until {late[-1]} is older than that, or leave the cap out"
        findings.append(loaded.finding(place, message, fix))
    return findings


def _names(loaded: LoadedCampaign, purged: list[PurgedRun]) -> list[Finding]:
    by_name = {name: run for run in purged for name in (run.campaign, run.run)}
    findings = []
    for query, path in queries_of(loaded.campaign):
        for name in query.names:
            if name in by_name:
                run = by_name[name]
                message = (
                    f"who had a message of {name} is not known any more: the personal data of {run.run} "
                    f"were removed on {run.purged_at:%Y-%m-%d}"
                )
                fix = f"name runs of {name} that still have theirs; `mmsflow runs` lists them"
                findings.append(loaded.finding(path, message, fix))
    return findings


def short_memory(cap: AtMost, retain: timedelta | None) -> str:
    """Why a cap cannot be judged with a retention; empty where it can."""
    if retain is None or cap.within <= retain:
        return ""
    days = f"{retain / timedelta(days=1):g} days"
    return f"it looks back over {cap.text.partition(' in ')[2]}, but numbers are removed after {days} (`retain`)"
