"""Which scheduled time of a recurring campaign is carried out now, and what stands in its way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mmsflow.campaign.load import load_campaign
from mmsflow.campaign.model import Campaign
from mmsflow.errors import LedgerError
from mmsflow.ledger.model import PausedBy, RunInfo, RunState
from mmsflow.ledger.operation import Skipped
from mmsflow.mms.status import MessageState
from mmsflow.workflow.occurrence_facts import Occasion, occasion_of
from mmsflow.workflow.run import freeze
from mmsflow.workflow.standing import standing_of
from mmsflow.workflow.start import Refuse, ReportOnly, Situation, decide_start

from .campaign_desk import ACCOUNT, CAMPAIGN, START, CampaignDesk

ACCEPTED, REJECTED, UNKNOWN = MessageState.ACCEPTED, MessageState.REJECTED, MessageState.UNKNOWN
DAILY = "schedule: {every: '0 8 * * *'}\n"
TODAY = START - timedelta(hours=1)  # 08:00 in Warsaw
DAY = timedelta(days=1)


def campaign_with(desk: CampaignDesk, schedule: str) -> Campaign:
    desk.write("campaigns/a.yaml", CAMPAIGN + schedule)
    return load_campaign(desk.campaign, desk.workspace).campaign


def now_of(desk: CampaignDesk, campaign: Campaign) -> Occasion:
    occasion = occasion_of(desk.ledger, ACCOUNT, campaign, desk.clock.now())
    assert occasion is not None
    return occasion


def begin(desk: CampaignDesk, due: datetime | None) -> RunInfo:
    with (prepared := desk.prepare()).draft:
        plan = desk.plan(prepared)
        now = desk.clock.now()
        return freeze(prepared, plan, desk.ledger, workspace=desk.workspace, now=now, due=due)


def refused(desk: CampaignDesk, campaign: Campaign) -> tuple[int, str]:
    """(exit code, message); ``(0, "")`` where a run may begin."""
    decision = decide_start(
        Situation(
            campaign="winter-sale",
            timezone="Europe/Warsaw",
            standing=standing_of(desk.ledger, ACCOUNT, "winter-sale"),
            occasion=now_of(desk, campaign),
            blockers=(),
            recurring=True,
        )
    )
    refusal = decision.refusal if isinstance(decision, Refuse | ReportOnly) else None
    return (refusal.exit_code, refusal.message) if refusal else (0, "")


def test_a_campaign_without_recurrence_has_no_occasions(desk: CampaignDesk) -> None:
    campaign = campaign_with(desk, "")
    assert occasion_of(desk.ledger, ACCOUNT, campaign, START) is None


def test_the_latest_time_without_a_run_is_due_and_earlier_ones_are_not_caught_up_with(desk: CampaignDesk) -> None:
    campaign = campaign_with(desk, DAILY)
    assert now_of(desk, campaign) == Occasion(TODAY, "", TODAY + DAY)
    assert refused(desk, campaign) == (0, "")


def test_a_time_that_has_its_run_is_not_due_again_and_the_next_one_is_named_in_local_time(desk: CampaignDesk) -> None:
    campaign = campaign_with(desk, DAILY)
    run = desk.settle(begin(desk, TODAY), REJECTED, REJECTED)
    code, message = refused(desk, campaign)
    assert code == 6
    assert f"has its run, {run.run}" in message
    assert message.endswith("the next time is Wed 2026-12-02 08:00 CET")
    with pytest.raises(LedgerError):
        begin(desk, TODAY)


async def test_the_next_day_is_due_whatever_was_maybe_sent_the_day_before(desk: CampaignDesk) -> None:
    campaign = campaign_with(desk, DAILY)
    desk.settle(begin(desk, TODAY), ACCEPTED, UNKNOWN)
    assert refused(desk, campaign)[0] == 7, "until then a person is told of it first"
    await desk.clock.advance(DAY.total_seconds())
    assert now_of(desk, campaign).due == TODAY + DAY
    assert refused(desk, campaign) == (0, "")


async def test_what_a_person_has_paused_keeps_later_times_from_beginning(desk: CampaignDesk) -> None:
    campaign = campaign_with(desk, DAILY)
    run = begin(desk, TODAY)
    desk.ledger.set_state(run.key, RunState.PAUSED, paused_by=PausedBy.USER)
    await desk.clock.advance(DAY.total_seconds())
    code, message = refused(desk, campaign)
    assert (code, message) == (7, f"{run.run} was paused by a person")


def test_a_run_by_hand_takes_no_scheduled_time_away(desk: CampaignDesk) -> None:
    campaign = campaign_with(desk, DAILY)
    desk.settle(begin(desk, None), REJECTED, REJECTED)
    assert now_of(desk, campaign).due == TODAY


def test_a_time_whose_deadline_has_passed_is_over(desk: CampaignDesk) -> None:
    over = campaign_with(desk, "schedule: {every: '0 8 * * *', not_after: 1h}\n")
    assert now_of(desk, over).due is None
    assert "`schedule.not_after` of Tue 2026-12-01 08:00 CET has passed" in refused(desk, over)[1]
    assert now_of(desk, campaign_with(desk, "schedule: {every: '0 8 * * *', not_after: 61min}\n")).due == TODAY


def test_before_the_first_and_after_the_last_time_nothing_is_due(desk: CampaignDesk) -> None:
    early = campaign_with(desk, "schedule: {every: '0 8 * * *', start: 2026-12-24 00:00}\n")
    assert refused(desk, early) == (
        6,
        "nothing of winter-sale is due: its first time has not come yet; the next time is Thu 2026-12-24 08:00 CET",
    )
    last = campaign_with(desk, "schedule: {every: '0 8 * * *', until: 2026-12-01 12:00}\n")
    desk.settle(begin(desk, TODAY), REJECTED, REJECTED)
    assert refused(desk, last)[1].endswith("no time comes after it")


def test_a_time_that_was_skipped_may_still_be_begun_by_a_person_who_is_told_why_it_was(desk: CampaignDesk) -> None:
    campaign = campaign_with(desk, DAILY)
    skip = Skipped(TODAY, START, "missed", "nobody was there")
    desk.ledger.account_for(ACCOUNT, "winter-sale", START, [skip])
    assert now_of(desk, campaign) == Occasion(TODAY, "", TODAY + DAY, "nobody was there")


FRIDAY = datetime(2026, 12, 18, 8, tzinfo=UTC)  # 09:00 in Warsaw
WORKING_DAYS = "schedule: {every: '0 9 * * mon-fri', grace: 48h, window: {days: mon-fri, hours: '09:00-20:00'}}\n"


async def at(desk: CampaignDesk, moment: datetime) -> None:
    await desk.clock.advance((moment - desk.clock.now()).total_seconds())


async def test_a_time_that_can_only_be_sent_together_with_the_next_one_is_not_carried_out(desk: CampaignDesk) -> None:
    campaign = campaign_with(desk, WORKING_DAYS)
    await at(desk, FRIDAY + timedelta(hours=10, minutes=59))
    assert now_of(desk, campaign).due == FRIDAY
    await at(desk, FRIDAY + timedelta(hours=11))
    assert now_of(desk, campaign) == Occasion(
        None,
        "Fri 2026-12-18 09:00 CET cannot be sent any more: its window stays closed until the next time",
        FRIDAY + 3 * DAY,
    )
    skip = Skipped(FRIDAY, FRIDAY, "missed", "nobody was there")
    desk.ledger.account_for(ACCOUNT, "winter-sale", FRIDAY, [skip])
    assert now_of(desk, campaign).due is None, "whatever became of it before"


async def test_the_next_time_that_is_named_is_one_that_can_be_sent(desk: CampaignDesk) -> None:
    campaign = campaign_with(desk, WORKING_DAYS.replace("hours:", "holidays: skip, hours:"))
    await at(desk, datetime(2026, 12, 23, 12, tzinfo=UTC))
    assert now_of(desk, campaign).upcoming == datetime(2026, 12, 28, 8, tzinfo=UTC)


def test_the_first_run_of_all_takes_no_time_that_is_past_its_grace(desk: CampaignDesk) -> None:
    early = campaign_with(desk, "schedule: {every: '0 8 * * *', grace: 59min}\n")
    assert now_of(desk, early).due is None
    assert "is more than its grace (59min) ago, and it has had no run yet" in refused(desk, early)[1]
    desk.settle(begin(desk, None), REJECTED, REJECTED)
    assert now_of(desk, early).due is None, "a run that is for no scheduled time says nothing of these"
    desk.settle(begin(desk, TODAY - DAY), REJECTED, REJECTED)
    assert now_of(desk, early).due == TODAY, "it is in use by now, and that time was not carried out"


def test_a_time_before_the_daemon_knew_of_it_was_meant_by_nobody(desk: CampaignDesk) -> None:
    campaign = campaign_with(desk, DAILY)
    desk.ledger.account_for(ACCOUNT, "winter-sale", TODAY - timedelta(minutes=1))
    assert now_of(desk, campaign).due == TODAY, "it came after that"
    desk.ledger.account_for(ACCOUNT, "winter-sale", TODAY)
    assert (now_of(desk, campaign).due, "came before the daemon knew of it" in refused(desk, campaign)[1]) == (
        None,
        True,
    )


def test_a_time_before_that_of_the_latest_run_is_not_gone_back_to(desk: CampaignDesk) -> None:
    run = desk.settle(begin(desk, TODAY), REJECTED, REJECTED)
    moved = campaign_with(desk, "schedule: {every: '30 7 * * *', grace: 3h}\n")
    assert now_of(desk, moved).why_not.endswith(f"comes before that of its latest run, {run.run}")
