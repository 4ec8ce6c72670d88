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
from mmsflow.plan.agenda_view import Blocked, ByHand, Held, Outlook, Skip, Waiting
from mmsflow.plan.calendar import SendingCalendar
from mmsflow.plan.flow import foresee
from mmsflow.plan.holidays import is_polish_holiday
from mmsflow.plan.model import QuotaForecast
from mmsflow.plan.quota import QuotaRules, ResetRules, forecast
from mmsflow.settings import Settings
from mmsflow.workflow.blockers import blockers_of_file
from mmsflow.workflow.blocking import Blocker
from mmsflow.workflow.occurrence_facts import asked_about, pending_of
from mmsflow.workflow.openings import Openings
from mmsflow.workflow.pace import pace_of_account
from mmsflow.workflow.planning import run_rules
from mmsflow.workflow.prepare import Prepared
from mmsflow.workflow.situation import watched_since, why_not_by_itself
from mmsflow.workflow.standing import sent_before
from mmsflow.workflow.stopping import stop_blocker

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
    settings: Settings,
    resets: ResetRules,
    now: datetime,
    days: int,
) -> Outlook:
    """Foresee what the coming days hold, as the daemon decides it.

    Args:
        campaigns, faulty: from ``sized``.
        reply: the gateway's counter, read just now.
        settings: name the account, and its `rate`; without one, earlier runs must show how fast it goes.
        days: how far to look, at least 1.
    """
    account, until = settings.account, now + timedelta(days=days)
    seen = _quota_seen(reply, ledger, account, resets, now)
    begun = ledger.posts_of_campaigns(account, reply.period)
    pace = pace_of_account(ledger, account, settings.rate)
    shared = _shared(seen, resets, pace.per_second, campaigns, begun)
    going_on, held = _unfinished(ledger, settings, reply.period, now)
    blocked = _blocked(campaigns, ledger, settings, held)
    stopped = {each.campaign for each in blocked}
    free = [each for each in campaigns if each.campaign.campaign not in stopped]
    over = _sent_before(free, ledger, account, now)
    scheduled, left_out = _scheduled([each for each in free if each.campaign.campaign not in over], now, until)
    come = _come(campaigns, ledger, account, now, resets.zone)
    mine = [made for made in come.begins if made.campaign not in stopped]
    return Outlook(
        account=account,
        days=days,
        until=until,
        quota=seen,
        agenda=foresee([*going_on, *mine, *scheduled], shared, now),
        by_hand=tuple(_by_hand(campaigns)),
        held=tuple(held),
        awaiting_approval=frozenset(
            each.campaign.campaign for each in campaigns if each.campaign.approval == "required"
        ),
        faulty=tuple(faulty),
        waiting=tuple(come.waiting),
        skipped=(*come.skipped, *over.values()),
        blocked=tuple(blocked),
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


@dataclass(frozen=True, slots=True)
class _Come:
    """Times that have come and have no run yet: begun by the daemon, waiting for a person, or skipped."""

    begins: list[Appointment]
    waiting: list[Waiting]
    skipped: list[Skip]


def _come(campaigns: Iterable[Sized], ledger: LedgerReader, account: str, now: datetime, zone: ZoneInfo) -> _Come:
    found, known, since = _Come([], [], []), set(), watched_since(ledger, now)
    for each in campaigns:
        campaign, own = each.campaign, ZoneInfo(each.campaign.schedule.timezone)
        known.add(campaign.campaign)
        pending = pending_of(ledger, account, campaign, now, watched_since=since)
        if pending is None:
            continue
        if pending.skipped:
            found.skipped.append(Skip(campaign.campaign, pending.due, pending.skipped, own))
        elif pending.until is None:
            found.waiting.append(Waiting(campaign.campaign, pending.due, each.messages, own))
        else:
            rules = run_rules(campaign, now, due=pending.due)
            made = _appointment(campaign.campaign, rules, each.messages, grace=pending.until - now)
            found.begins.append(replace(made, begins=now, due=pending.due))
    asked = asked_about(ledger, account)
    found.waiting.extend(Waiting(name, due, None, zone) for name, due in asked if name not in known)
    return found


def _sent_before(campaigns: Iterable[Sized], ledger: LedgerReader, account: str, now: datetime) -> dict[str, Skip]:
    """The campaigns without recurrence whose one time is still to come, and which have had their one run already."""
    found = {}
    for each in campaigns:
        name, schedule = each.campaign.campaign, each.campaign.schedule
        start = schedule.start_instant
        if schedule.every is not None or start is None or start <= now:
            continue
        if runs := ledger.runs(account=account, campaign=name, tests=False, limit=1):
            found[name] = Skip(name, start, sent_before(runs[0]), ZoneInfo(schedule.timezone))
    return found


def _blocked(
    campaigns: Iterable[Sized], ledger: LedgerReader, settings: Settings, held: Iterable[Held]
) -> list[Blocked]:
    """The campaigns of which the daemon begins nothing before a person has decided."""
    found = []
    unfinished = {each.campaign: each for each in held}
    for each in campaigns:
        name = each.campaign.campaign
        blockers = blockers_of_file(ledger, settings, name, settings.workspace / each.file)
        if (earlier := unfinished.get(name)) is not None:
            why = f"{earlier.run} has unsent messages and does not go on by itself: {earlier.reason}"
            fix = f"`mmsflow resume {earlier.run}` goes on with it, `mmsflow cancel {earlier.run}` ends it"
            blockers.append(Blocker("earlier_run_unfinished", why, fix))
        found += [Blocked(name, each.messages, b.cause, b.message, b.fix) for b in blockers[:1]]
    return found


def _unfinished(
    ledger: LedgerReader, settings: Settings, period: str, now: datetime
) -> tuple[list[Appointment], list[Held]]:
    going_on, held, account = [], [], settings.account
    stopped = stop_blocker(ledger, settings.quota_timezone)
    for run in ledger.runs(account=account, tests=False, unfinished=True):
        unsent = unsent_of(ledger.state_counts(run.key))
        if not unsent:
            continue
        if blocker := why_not_by_itself(ledger, settings, run, now) or stopped:
            held.append(Held(run.run, run.campaign, unsent, blocker.message))
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
