"""A plan against the quota as the gateway has it now."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from mmsflow.campaign.model import Campaign
from mmsflow.delivery.rules import RunRules
from mmsflow.gateway.model import QuotaReply
from mmsflow.ledger.store import LedgerReader
from mmsflow.plan.assemble import Timing, make_plan
from mmsflow.plan.model import Plan
from mmsflow.plan.quota import QuotaRules, ResetRules, forecast
from mmsflow.workflow.prepare import Prepared


def run_rules(campaign: Campaign, now: datetime) -> RunRules:
    """The campaign's rules as a run freezes them; ``start: now`` becomes this instant."""
    return RunRules(
        start=campaign.schedule.start_instant or now,
        not_after=campaign.schedule.not_after_instant,
        per_second=campaign.rate.per_second if campaign.rate else None,
        quota=QuotaRules(campaign.quota.reserve, campaign.quota.share),
        attempts=campaign.retry.attempts,
        poll_until=campaign.poll.until,
        timezone=campaign.schedule.timezone,
        formats=campaign.report.formats,
    )


def plan_campaign(
    prepared: Prepared,
    reply: QuotaReply,
    history: LedgerReader,
    *,
    account: str,
    resets: ResetRules,
    now: datetime,
) -> Plan:
    """Cut the prepared campaign into waves.

    Args:
        prepared: from ``prepare``.
        reply: the gateway's counter, read just now.
        history: earlier readings teach the period's length.
        account: whose quota it is.

    Raises:
        PlanRefused: the quota never permits a message, or the deadline has passed.
    """
    rules = run_rules(prepared.loaded.campaign, now)
    earlier = [reading.reset_on for reading in history.quota_readings(account) if reading.reset_on]
    quota = forecast(
        reply.used,
        reply.available,
        reply.reset_on,
        now=now,
        rules=rules.quota,
        resets=resets,
        earlier_resets=earlier,
    )
    timing = Timing(
        now=now,
        start=max(now, rules.start),
        not_after=rules.not_after,
        per_second=rules.per_second,
        zone=ZoneInfo(rules.timezone),
        reset_zone=resets.zone,
    )
    return make_plan(
        prepared.draft,
        campaign=prepared.loaded.campaign.campaign,
        account=account,
        digest=prepared.digest,
        quota=quota,
        timing=timing,
        warnings=prepared.warnings,
    )
