"""The calendar of a whole workspace: every scheduled time and every unfinished run against one quota."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

from mmsflow.campaign.model import Campaign
from mmsflow.campaign.recurrence import due_times
from mmsflow.delivery.rules import RunRules
from mmsflow.errors import Finding, InvalidInput
from mmsflow.gateway.model import QuotaReply
from mmsflow.ledger.model import RunInfo
from mmsflow.ledger.store import LedgerReader
from mmsflow.mms.status import unsent_of
from mmsflow.plan.agenda import Appointment, SharedQuota
from mmsflow.plan.agenda_view import ByHand, Held, Outlook, Waiting
from mmsflow.plan.calendar import SendingCalendar
from mmsflow.plan.flow import foresee
from mmsflow.plan.holidays import is_polish_holiday
from mmsflow.plan.model import QuotaForecast
from mmsflow.plan.quota import QuotaRules, ResetRules, forecast
from mmsflow.workflow.openings import Openings
from mmsflow.workflow.pace import pace_of_account
from mmsflow.workflow.pending import asked_about, pending_of
from mmsflow.workflow.planning import run_rules
from mmsflow.workflow.prepare import Prepared

MOST_OF_ONE = 100  # scheduled times of one campaign; beyond them a calendar says nothing new


@dataclass(frozen=True, slots=True)
class Sized:
    """A campaign of the workspace and how many messages it would have now."""

    file: str
    campaign: Campaign
    messages: int


def sized(paths: Iterable[Path], prepare_one: Callable[[Path], Prepared]) -> tuple[list[Sized], list[Finding]]:
    """Every campaign with its size, and the first error of each file that is wrong.

    Args:
        prepare_one: reads a campaign file and renders its messages.
    """
    good: list[Sized] = []
    faulty: list[Finding] = []
    names: dict[str, str] = {}
    for path in paths:
        try:
            prepared = prepare_one(path)
        except InvalidInput as error:
            faulty.append(error.findings[0])
            continue
        with prepared.draft:
            campaign, file = prepared.loaded.campaign, prepared.loaded.shown_path
            if (other := names.setdefault(campaign.campaign, file)) != file:
                what = f"the campaign name {campaign.campaign} is also that of {other}"
                faulty.append(prepared.loaded.finding(("campaign",), what, "give it a name of its own"))
            else:
                good.append(Sized(file, campaign, prepared.draft.messages))
    return good, faulty


def _quota_seen(
    reply: QuotaReply, ledger: LedgerReader, account: str, resets: ResetRules, now: datetime
) -> QuotaForecast:
    earlier = [reading.reset_on for reading in ledger.quota_readings(account) if reading.reset_on]
    return forecast(
        reply.used,
        reply.available,
        reply.reset_on,
        now=now,
        rules=QuotaRules(),
        resets=resets,
        earlier_resets=earlier,
    )


def look_ahead(
    campaigns: list[Sized],
    faulty: list[Finding],
    reply: QuotaReply,
    ledger: LedgerReader,
    *,
    account: str,
    resets: ResetRules,
    per_second: float | None,
    now: datetime,
    days: int,
) -> Outlook:
    """What the coming days hold.

    Args:
        campaigns, faulty: from ``sized``.
        reply: the gateway's counter, read just now.
        per_second: the account's `rate`; None without, so that earlier runs must show how fast it goes.
        days: how far to look, at least 1.
    """
    until = now + timedelta(days=days)
    seen = _quota_seen(reply, ledger, account, resets, now)
    begun = ledger.posts_of_campaigns(account, reply.period)
    pace = pace_of_account(ledger, account, per_second)
    shared = _shared(seen, resets, pace.per_second, campaigns, begun)
    going_on, held = _unfinished(ledger, account, reply.period, now)
    scheduled, left_out = _scheduled(campaigns, now, until)
    come, waiting = _come(campaigns, ledger, account, now, resets.zone)
    return Outlook(
        account=account,
        days=days,
        until=until,
        quota=seen,
        agenda=foresee([*going_on, *come, *scheduled], shared, now),
        by_hand=tuple(_by_hand(campaigns)),
        held=tuple(held),
        awaiting_approval=frozenset(
            each.campaign.campaign for each in campaigns if each.campaign.approval == "required"
        ),
        faulty=tuple(faulty),
        waiting=tuple(waiting),
        left_out=left_out,
        pace=pace,
    )


def _shared(
    seen: QuotaForecast,
    resets: ResetRules,
    per_second: float | None,
    campaigns: Iterable[Sized],
    begun: Mapping[str, int],
) -> SharedQuota:
    return SharedQuota(
        used=seen.used,
        available=seen.available,
        resets_at=seen.resets_at,
        period=seen.period,
        zone=resets.zone,
        per_second=per_second,
        guaranteed={each.campaign.campaign: each.campaign.quota.guaranteed for each in campaigns},
        begun=begun,
    )


def _by_hand(campaigns: Iterable[Sized]) -> Iterable[ByHand]:
    for each in campaigns:
        schedule = each.campaign.schedule
        if schedule.start_instant is None and schedule.every is None:
            yield ByHand(each.file, each.campaign.campaign, each.messages)


def _scheduled(campaigns: Iterable[Sized], now: datetime, until: datetime) -> tuple[list[Appointment], int]:
    found: list[Appointment] = []
    left_out = 0
    for each in campaigns:
        schedule, openings = each.campaign.schedule, Openings(each.campaign)
        dues = [due for due in islice(due_times(schedule, now), 100 * MOST_OF_ONE) if due <= until]
        left_out += max(0, len(dues) - MOST_OF_ONE)
        for due in dues[:MOST_OF_ONE]:
            rules = run_rules(each.campaign, now, due=due)
            made = _appointment(each.campaign.campaign, rules, each.messages, grace=schedule.grace)
            found.append(replace(made, closed=openings.stays_closed(due)))
    return found, left_out


def _come(
    campaigns: Iterable[Sized], ledger: LedgerReader, account: str, now: datetime, zone: ZoneInfo
) -> tuple[list[Appointment], list[Waiting]]:
    """Times that have come and have no run yet: those that the daemon begins, and those that wait for a person."""
    come, waiting, known = [], [], set()
    for each in campaigns:
        campaign = each.campaign
        known.add(campaign.campaign)
        pending = pending_of(ledger, account, campaign, now)
        if pending is not None and pending.until is not None:
            rules = run_rules(campaign, now, due=pending.due)
            made = _appointment(campaign.campaign, rules, each.messages, grace=pending.until - now)
            come.append(replace(made, begins=now, due=pending.due))
        elif pending is not None:
            own = ZoneInfo(campaign.schedule.timezone)
            waiting.append(Waiting(campaign.campaign, pending.due, each.messages, own))
    asked = asked_about(ledger, account)
    return come, waiting + [Waiting(name, due, None, zone) for name, due in asked if name not in known]


def _unfinished(ledger: LedgerReader, account: str, period: str, now: datetime) -> tuple[list[Appointment], list[Held]]:
    going_on, held = [], []
    for run in ledger.runs(account=account, tests=False, unfinished=True):
        counts = ledger.state_counts(run.key)
        unsent = unsent_of(counts)
        if not unsent:
            continue
        if run.paused_by.needs_person:
            held.append(Held(run.run, unsent, run.reason))
            continue
        rules, ours = RunRules.from_config(run.config), ledger.posts_in_period(account, period, run.key)
        going_on.append(_appointment(run.campaign, rules, unsent, run=run, now=now, ours=ours))
    return going_on, held


def _appointment(
    campaign: str,
    rules: RunRules,
    messages: int,
    *,
    run: RunInfo | None = None,
    now: datetime | None = None,
    ours: int = 0,
    grace: timedelta | None = None,
) -> Appointment:
    return Appointment(
        campaign=campaign,
        run=run.run if run else "",
        begins=max(rules.start, now) if now else rules.start,
        messages=messages,
        calendar=SendingCalendar(rules.windows, ZoneInfo(rules.timezone), is_polish_holiday),
        not_after=rules.not_after,
        per_second=rules.per_second,
        rules=rules.quota,
        priority=rules.priority,
        weight=rules.weight,
        ours=ours,
        grace=grace,
    )
