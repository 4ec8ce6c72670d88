"""The calendar of a workspace, and what its campaign files guarantee."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from mmsflow.cli.commands.agenda import agenda
from mmsflow.gateway.model import QuotaReply
from mmsflow.ledger.model import PausedBy, RunState
from mmsflow.mms.status import MessageState
from mmsflow.plan.agenda_view import Outlook, outlook_as_json, outlook_as_text
from mmsflow.plan.quota import ResetRules
from mmsflow.settings import Settings
from mmsflow.workflow.agenda import look_ahead, sized
from mmsflow.workflow.guarantees import campaign_files, guaranteed_in
from mmsflow.workflow.planning import plan_campaign
from mmsflow.workflow.prepare import prepare
from mmsflow.workflow.run import freeze

from .campaign_desk import ACCOUNT, CAMPAIGN, START, CampaignDesk

WARSAW = ZoneInfo("Europe/Warsaw")
RESETS = ResetRules(time(0), WARSAW)
REPLY = QuotaReply(0, 3, date(2026, 12, 2), "")


def campaign(desk: CampaignDesk, name: str, more: str) -> Path:
    text = CAMPAIGN.replace("campaign: winter-sale", f"campaign: {name}")
    return desk.write(f"campaigns/{name}.yaml", text + more)


def outlook(desk: CampaignDesk, days: int = 14) -> Outlook:
    paths = campaign_files(desk.workspace)
    campaigns, faulty = sized(paths, lambda path: prepare(path, desk.workspace))
    return look_ahead(
        campaigns,
        faulty,
        REPLY,
        desk.ledger,
        settings=Settings(workspace=desk.workspace, gateway="simulator"),
        resets=RESETS,
        now=desk.clock.now(),
        days=days,
    )


def test_scheduled_times_and_unfinished_runs_share_one_quota_and_campaigns_by_hand_stand_below(
    desk: CampaignDesk,
) -> None:
    campaign(desk, "xmas", 'schedule: {start: "2026-12-01 15:00"}\n')
    run = desk.start()
    found = outlook(desk)
    going_on, scheduled = found.agenda.foreseen
    assert (going_on.appointment.run, going_on.appointment.messages) == (run.run, 2)
    assert [wave.size for wave in going_on.waves] == [2]
    assert scheduled.appointment.begins == datetime(2026, 12, 1, 14, tzinfo=UTC)
    assert [wave.size for wave in scheduled.waves] == [1, 1]
    assert [(each.campaign, each.messages) for each in found.by_hand] == [("winter-sale", 2)]
    text = outlook_as_text(found, WARSAW)
    assert f"{run.run} (unfinished)" in text
    assert "the quota until 2026-12-02 00:00 does not reach: 1 messages of xmas of 2026-12-01 15:00" in text


async def test_a_time_whose_window_stays_closed_until_the_next_is_named_and_sends_nothing(desk: CampaignDesk) -> None:
    await desk.clock.advance((datetime(2026, 12, 23, 12, tzinfo=UTC) - desk.clock.now()).total_seconds())
    window = "{days: mon-fri, hours: '09:00-17:00', holidays: skip}"
    campaign(desk, "daily", f"schedule: {{every: '0 9 * * mon-fri', window: {window}}}\n")
    found = outlook(desk, days=6)
    assert [(each.appointment.begins.day, len(each.waves), each.is_skipped) for each in found.agenda.foreseen] == [
        (24, 0, True),
        (25, 0, True),
        (28, 1, False),
        (29, 1, False),
    ]
    assert not any("2026-12-24" in warning or "2026-12-25" in warning for warning in found.agenda.warnings)
    rows = [line for line in outlook_as_text(found, WARSAW).splitlines() if "09:00 CET" in line]
    named = ["its window stays closed until the next time" in row for row in rows]
    assert named == [True, True, False, False]
    entries = outlook_as_json(found, WARSAW)["agenda"]
    assert isinstance(entries, list)
    assert [entry["closed"] for entry in entries] == [True, True, False, False]


def test_what_is_further_ahead_than_asked_for_is_not_shown(desk: CampaignDesk) -> None:
    campaign(desk, "xmas", 'schedule: {start: "2026-12-20 15:00"}\n')
    assert outlook(desk, days=14).agenda.foreseen == ()
    assert len(outlook(desk, days=30).agenda.foreseen) == 1


def test_a_run_that_needs_a_person_is_shown_apart_and_takes_no_quota(desk: CampaignDesk) -> None:
    run = desk.start()
    desk.ledger.set_state(run.key, RunState.PAUSED, paused_by=PausedBy.USER, reason="paused by a person")
    found = outlook(desk)
    assert found.agenda.foreseen == ()
    assert [(each.run, each.messages, each.reason) for each in found.held] == [(run.run, 2, "paused by a person")]


def test_a_finished_run_is_not_in_the_calendar(desk: CampaignDesk) -> None:
    desk.settle(desk.start(), MessageState.ACCEPTED, MessageState.ACCEPTED)
    assert outlook(desk).agenda.foreseen == ()


def test_a_faulty_file_is_named_with_its_place_and_the_rest_is_shown(desk: CampaignDesk) -> None:
    campaign(desk, "xmas", 'schedule: {start: "2026-12-01 15:00"}\n')
    campaign(desk, "broken", "priority: Urgent\n")
    document = outlook_as_json(outlook(desk), WARSAW)
    entries, errors = document["agenda"], document["errors"]
    assert isinstance(entries, list)
    assert isinstance(errors, list)
    assert [(each["campaign"], each["begins_at"]) for each in entries] == [("xmas", "2026-12-01T15:00:00+01:00")]
    assert [(each["file"], each["line"]) for each in errors] == [("campaigns/broken.yaml", 12)]


def test_of_two_files_with_one_name_the_second_is_faulty(desk: CampaignDesk) -> None:
    desk.write("campaigns/b.yaml", CAMPAIGN)
    [finding] = outlook(desk).faulty
    assert "winter-sale is also that of campaigns/a.yaml" in finding.message


def test_guarantees_come_from_good_files_only(desk: CampaignDesk) -> None:
    campaign(desk, "alerts", "quota: {guaranteed: 40}\n")
    campaign(desk, "faulty", "quota: {guaranteed: 50}\npriority: Urgent\n")
    campaign(desk, "plain", "quota: {reserve: 5}\n")
    assert guaranteed_in(desk.workspace) == {"alerts": 40}


@pytest.mark.parametrize(("begun", "left"), [(0, 2), (1, 1)])
def test_a_plan_leaves_to_others_what_they_are_guaranteed_and_have_not_used(
    desk: CampaignDesk, begun: int, left: int
) -> None:
    prepared = desk.prepare()
    with prepared.draft:
        if begun:
            alerts = prepare(campaign(desk, "alerts", "quota: {guaranteed: 2}\n"), desk.workspace)
            with alerts.draft:
                plan = desk.plan(alerts)
                run = freeze(alerts, plan, desk.ledger, workspace=desk.workspace, now=START)
            run = desk.ledger.take_run(run.key)
            ready = desk.ledger.ready(run.key, now=START, after=0, limit=begun)
            ids, day = [each.id for each in ready], "2026-12-02"
            desk.ledger.commit(run.key, run.fence, outcomes=[], intents=ids, now=START, period=day)
        plan = plan_campaign(
            prepared, REPLY, desk.ledger, account=ACCOUNT, resets=RESETS, now=START, guaranteed={"alerts": 2}
        )
    assert (plan.quota.left_to_others, plan.quota.permitted_now) == (left, 3 - left)
    assert plan.quota.permitted_later == 1


def test_the_command_shows_the_rest_before_it_ends_with_the_code_for_faulty_files(
    desk: CampaignDesk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    soon = datetime.now(WARSAW) + timedelta(days=2)
    campaign(desk, "xmas", f'schedule: {{start: "{soon:%Y-%m-%d} 12:00"}}\n')
    campaign(desk, "broken", "priority: Urgent\n")
    monkeypatch.chdir(desk.workspace)
    monkeypatch.setenv("MMSFLOW_GATEWAY", "simulator")
    assert agenda(14, as_json=False) == 3
    shown = capsys.readouterr()
    assert "xmas" in shown.out
    assert "campaigns/broken.yaml:12" in shown.err
    assert "a daemon that knows an earlier, good version of such a file keeps that in force" in shown.err
    assert agenda(1, as_json=True) == 3
    assert json.loads(capsys.readouterr().out)["agenda"] == []
