"""Forecasts rest on what is known of the account's pace: its setting, else an earlier run, else nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from mmsflow.gateway.model import QuotaReply
from mmsflow.ledger.model import Outcome, RunInfo
from mmsflow.ledger.store import LedgerReader
from mmsflow.mms.status import MessageState
from mmsflow.plan.agenda_view import Outlook, outlook_as_json, outlook_as_text
from mmsflow.plan.explain import plan_as_json, plan_as_text
from mmsflow.plan.model import Plan
from mmsflow.plan.pace import UNKNOWN, Basis, Pace
from mmsflow.plan.quota import ResetRules
from mmsflow.settings import Settings
from mmsflow.workflow.agenda import look_ahead, sized
from mmsflow.workflow.guarantees import campaign_files
from mmsflow.workflow.pace import pace_of_account
from mmsflow.workflow.planning import plan_campaign
from mmsflow.workflow.prepare import prepare
from mmsflow.workflow.run import freeze

from .campaign_desk import ACCOUNT, CAMPAIGN, START, CampaignDesk

WARSAW = ZoneInfo("Europe/Warsaw")
RESETS = ResetRules(time(0), WARSAW)
REPLY = QuotaReply(0, 100_000, date(2026, 12, 2), "")


def campaign(desk: CampaignDesk, name: str, count: int, more: str = "") -> None:
    rows = "".join(f"+48501{number:06d},Ola,Radom\n" for number in range(count))
    desk.write(f"lists/{name}.csv", f"number,name,city\n{rows}")
    text = CAMPAIGN.replace("winter-sale", name).replace("lists/a.csv", f"lists/{name}.csv")
    desk.write(f"campaigns/{name}.yaml", text + more)


def went(
    desk: CampaignDesk, name: str, count: int, per_second: float, more: str = "", *, sent: int | None = None
) -> RunInfo:
    """A run of a campaign whose messages were submitted at a steady pace, four at a time."""
    campaign(desk, name, count, more)
    prepared = prepare(desk.workspace / f"campaigns/{name}.yaml", desk.workspace)
    with prepared.draft:
        made = desk.plan(prepared, 100_000)
        run = freeze(prepared, made, desk.ledger, workspace=desk.workspace, now=START)
    run = desk.ledger.take_run(run.key)
    ids = [each.id for each in desk.ledger.ready(run.key, now=START, after=0, limit=count)][:sent]
    for first in range(0, len(ids), 4):
        now = START + timedelta(seconds=first / per_second)
        desk.ledger.commit(run.key, run.fence, outcomes=[], intents=ids[first : first + 4], now=now, period="")
    outcomes = [Outcome(each, 1, MessageState.ACCEPTED, START, gateway_id=f"g-{each}") for each in ids]
    desk.ledger.commit(run.key, run.fence, outcomes=outcomes, intents=[], now=START, period="")
    return run


def outlook(desk: CampaignDesk, rate: float | None = None) -> Outlook:
    campaigns, faulty = sized(campaign_files(desk.workspace), lambda path: prepare(path, desk.workspace))
    now = desk.clock.now()
    settings = Settings(workspace=desk.workspace, gateway="simulator", rate=rate)
    return look_ahead(campaigns, faulty, REPLY, desk.ledger, settings=settings, resets=RESETS, now=now, days=3)


def plan(desk: CampaignDesk, name: str, rate: float | None = None) -> Plan:
    prepared = prepare(desk.workspace / f"campaigns/{name}.yaml", desk.workspace)
    with prepared.draft:
        return plan_campaign(
            prepared, REPLY, desk.ledger, account=ACCOUNT, resets=RESETS, now=desk.clock.now(), rate=rate
        )


def test_the_setting_counts_before_what_earlier_runs_show(desk: CampaignDesk) -> None:
    run = went(desk, "offer", 120, 38)
    assert pace_of_account(desk.ledger, ACCOUNT, 5.0) == Pace(5.0, Basis.ACCOUNT)
    shown = pace_of_account(desk.ledger, ACCOUNT, None)
    assert (shown.basis, shown.run) == (Basis.RUN, run.run)
    assert shown.per_second == pytest.approx(38, rel=0.1)


def test_the_newest_run_that_shows_a_pace_counts(desk: CampaignDesk) -> None:
    went(desk, "slower", 120, 10)
    offer = went(desk, "offer", 120, 38)
    went(desk, "few", 40, 1)
    went(desk, "hardly-begun", 200, 1, sent=40)
    went(desk, "held-back", 120, 2, "rate: 2/s\n")
    assert pace_of_account(desk.ledger, ACCOUNT, None).run == offer.run


def test_another_account_shows_nothing(desk: CampaignDesk) -> None:
    went(desk, "offer", 120, 38)
    assert pace_of_account(desk.ledger, "another", None) == UNKNOWN


def test_of_a_long_run_only_its_first_messages_are_read(desk: CampaignDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    went(desk, "offer", 300, 38)
    read: list[int] = []
    real = LedgerReader.first_submissions

    def counted(self: LedgerReader, key: int, count: int) -> list[datetime]:
        found = real(self, key, min(count, 200))
        read.append(len(found))
        assert count <= 2_000
        return found

    monkeypatch.setattr(LedgerReader, "first_submissions", counted)
    assert pace_of_account(desk.ledger, ACCOUNT, None).per_second == pytest.approx(38, rel=0.1)
    assert read == [200]


def test_the_calendar_sends_a_campaign_without_a_rate_as_fast_as_an_earlier_run_went(desk: CampaignDesk) -> None:
    run = went(desk, "offer", 120, 0.1)
    campaign(desk, "xmas", 72, 'schedule: {start: "2026-12-01 15:00"}\n')
    found = outlook(desk)
    [xmas] = [each for each in found.agenda.foreseen if each.appointment.campaign == "xmas"]
    assert xmas.finishes_at is not None
    took = xmas.finishes_at - datetime(2026, 12, 1, 14, tzinfo=UTC)
    assert timedelta(minutes=11) < took < timedelta(minutes=13)
    assert f"pace  about 0.1/s, as {run.run} went" in outlook_as_text(found, WARSAW)
    document = outlook_as_json(found, WARSAW)
    pace = document["pace"]
    assert isinstance(pace, dict)
    assert (pace["basis"], pace["run"], pace["per_second"]) == ("run", run.run, 0.1)


def test_campaigns_that_send_at_the_same_time_share_that_pace(desk: CampaignDesk) -> None:
    went(desk, "offer", 120, 0.1)
    for name in ("xmas", "advent"):
        campaign(desk, name, 36, 'schedule: {start: "2026-12-01 15:00"}\n')
    ends = [each.finishes_at for each in outlook(desk).agenda.foreseen if each.appointment.campaign != "offer"]
    for end in ends:
        assert end is not None
        assert timedelta(minutes=11) < end - datetime(2026, 12, 1, 14, tzinfo=UTC) < timedelta(minutes=13)


def test_the_calendar_says_where_nothing_is_known_of_the_pace(desk: CampaignDesk) -> None:
    campaign(desk, "xmas", 72, 'schedule: {start: "2026-12-01 15:00"}\n')
    campaign(desk, "paced", 60, 'schedule: {start: "2026-12-01 16:00"}\nrate: 1/s\n')
    found = outlook(desk)
    text = outlook_as_text(found, WARSAW)
    assert "Tue 2026-12-01 15:00 CET or later" in text
    assert "Tue 2026-12-01 16:01 CET or later" not in text
    assert "pace  not known: no `rate` is set, and no earlier run shows" in text
    document = outlook_as_json(found, WARSAW)
    entries = document["agenda"]
    assert isinstance(entries, list)
    assert [(each["campaign"], each["pace_known"]) for each in entries] == [("xmas", False), ("paced", True)]


def test_a_calendar_of_campaigns_with_rates_needs_no_pace_of_the_account(desk: CampaignDesk) -> None:
    campaign(desk, "paced", 60, 'schedule: {start: "2026-12-01 16:00"}\nrate: 1/s\n')
    assert "pace" not in outlook_as_text(outlook(desk), WARSAW).replace("paced", "")


def test_a_plan_forecasts_its_end_at_the_pace_that_is_known_and_says_which(desk: CampaignDesk) -> None:
    campaign(desk, "xmas", 60)
    unknown = plan(desk, "xmas")
    assert "not known" in plan_as_text(unknown, WARSAW)
    assert unknown.finishes_at == unknown.starts_at
    set_ = plan(desk, "xmas", 0.5)
    assert set_.finishes_at == START + timedelta(minutes=2)
    assert "pace  0.5/s, the account's `rate`" in plan_as_text(set_, WARSAW)
    run = went(desk, "offer", 120, 0.1)
    shown = plan(desk, "xmas")
    assert shown.finishes_at is not None
    assert timedelta(minutes=9) < shown.finishes_at - START < timedelta(minutes=11)
    assert f"pace  about 0.1/s, as {run.run} went" in plan_as_text(shown, WARSAW)
    pace = plan_as_json(shown, WARSAW)["pace"]
    assert isinstance(pace, dict)
    assert (pace["basis"], pace["run"]) == ("run", run.run)


def test_a_campaigns_own_rate_is_its_pace_and_needs_no_word(desk: CampaignDesk) -> None:
    went(desk, "offer", 120, 38)
    campaign(desk, "xmas", 60, "rate: 1/s\n")
    made = plan(desk, "xmas")
    assert made.finishes_at == START + timedelta(minutes=1)
    assert "pace" not in plan_as_text(made, WARSAW)


def test_at_a_known_pace_a_window_that_is_too_short_is_seen_before(desk: CampaignDesk) -> None:
    went(desk, "offer", 120, 0.1)
    window = '{days: mon-sun, hours: "09:00-09:05"}'
    campaign(desk, "xmas", 60, f"schedule: {{window: {window}}}\n")
    assert plan(desk, "xmas").waves[0].size == pytest.approx(30, abs=3)
