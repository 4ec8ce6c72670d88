"""A plan against the quota as the gateway has it now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from types import MappingProxyType
from zoneinfo import ZoneInfo

from mmsflow.campaign.amounts import AtMost, duration_text
from mmsflow.campaign.model import Campaign
from mmsflow.campaign.schedule import Window
from mmsflow.delivery.doubt import DEFAULT_SHARE
from mmsflow.delivery.rules import RunRules
from mmsflow.delivery.thresholds import Canary, StopIf
from mmsflow.gateway.model import QuotaReply
from mmsflow.ledger.store import LedgerReader
from mmsflow.plan.assemble import Timing, make_plan
from mmsflow.plan.calendar import WindowRule
from mmsflow.plan.model import Plan
from mmsflow.plan.pace import Pace
from mmsflow.plan.quota import QuotaRules, ResetRules, forecast, unused
from mmsflow.workflow.pace import pace_of_account
from mmsflow.workflow.prepare import Prepared


def run_rules(
    campaign: Campaign, now: datetime, *, test: bool = False, cap: AtMost | None = None, due: datetime | None = None
) -> RunRules:
    """The campaign's rules as a run freezes them; ``start: now``, and any start of a test, becomes this instant.

    Args:
        due: the scheduled time that the run is for, aware; None for a run by hand.
        cap: the frequency cap in force, the campaign's own or the workspace's.
    """
    start = now if test else due or campaign.schedule.start_instant or now
    return RunRules(
        start=start,
        not_after=None if test else campaign.schedule.deadline(start),
        per_second=campaign.rate.per_second if campaign.rate else None,
        quota=QuotaRules(campaign.quota.reserve, campaign.quota.share),
        attempts=campaign.retry.attempts,
        poll_until=campaign.poll.until,
        timezone=campaign.schedule.timezone,
        formats=campaign.report.formats,
        canary=_canary(campaign) if not test else None,
        stop_if=_stop_if(campaign) if not test else None,
        doubtful=campaign.stop_if.doubtful_share if campaign.stop_if else DEFAULT_SHARE,
        resend_unknown=campaign.unknown == "resend" and not test,
        at_most=cap if not test else None,
        windows=() if test else tuple(window_rule(window) for window in campaign.windows),
        priority=campaign.turn.priority,
        weight=campaign.turn.weight,
        guaranteed=campaign.quota.guaranteed,
    )


def _stop_if(campaign: Campaign) -> StopIf | None:
    rule = campaign.stop_if
    if rule is None or rule.failed is None or rule.after is None:
        return None
    return StopIf(rule.failed, rule.after)


def window_rule(window: Window) -> WindowRule:
    """A window of the campaign file as the calendar takes it."""
    return WindowRule(
        days=window.days,
        hours=tuple((span.start_minute, span.end_minute) for span in window.hours),
        skips_holidays=window.holidays == "skip",
        closed=frozenset(window.closed),
    )


def _canary(campaign: Campaign) -> Canary | None:
    rule = campaign.canary
    return Canary(rule.first, rule.wait, rule.min_delivered) if rule else None


def plan_campaign(
    prepared: Prepared,
    reply: QuotaReply,
    history: LedgerReader,
    *,
    account: str,
    resets: ResetRules,
    now: datetime,
    due: datetime | None = None,
    guaranteed: Mapping[str, int] = MappingProxyType({}),
    rate: float | None = None,
) -> Plan:
    """Cut the prepared campaign into waves.

    Args:
        prepared: from ``prepare``.
        reply: the gateway's counter, read just now.
        history: earlier readings teach the period's length, earlier runs the pace of ``account``.
        due: as ``run_rules`` has it.
        guaranteed: by campaign, requests of each period that others leave to it; this one's own file stands over it.
        rate: the account's own, submissions a second; None without.

    Raises:
        PlanRefused: the quota never permits a message, or the deadline has passed.
    """
    rules = run_rules(prepared.loaded.campaign, now, test=prepared.test, cap=prepared.cap, due=due)
    name = prepared.loaded.campaign.campaign
    promised = {**guaranteed, name: rules.guaranteed}
    begun = history.posts_of_campaigns(account, reply.period)
    quota = forecast(
        reply.used,
        reply.available,
        reply.reset_on,
        now=now,
        rules=rules.quota,
        resets=resets,
        earlier_resets=_earlier_resets(history, account),
        guaranteed=unused(promised, begun, name),
        guaranteed_later=unused(promised, {}, name),
    )
    return make_plan(
        prepared.draft,
        campaign=name,
        account=account,
        digest=prepared.digest,
        quota=quota,
        timing=_timing(rules, resets, now, due, pace_of_account(history, account, rate)),
        warnings=(*prepared.warnings, *_notes(rules)),
        arms=prepared.arms,
    )


def _earlier_resets(history: LedgerReader, account: str) -> list[date]:
    return [reading.reset_on for reading in history.quota_readings(account) if reading.reset_on]


def _timing(rules: RunRules, resets: ResetRules, now: datetime, due: datetime | None, account: Pace) -> Timing:
    return Timing(
        now=now,
        start=max(now, rules.start),
        not_after=rules.not_after,
        zone=ZoneInfo(rules.timezone),
        reset_zone=resets.zone,
        pace=account.within(rules.per_second),
        calendar=rules.calendar,
        due=due,
    )


def _notes(rules: RunRules) -> list[str]:
    notes = []
    if rule := rules.canary:
        notes.append(
            f"the first {rule.first} messages go alone; the rest waits up to {duration_text(rule.wait)} until "
            f"{rule.min_delivered:.0%} of them are delivered"
        )
    if rules.resend_unknown:
        notes.append("a message of unknown fate is sent once more (`unknown: resend`), so it may arrive twice")
    return notes
