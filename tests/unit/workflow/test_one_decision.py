"""What the calendar and `plan` say of a scheduled time is what the daemon decides: one rule, asked in two ways."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path

import pytest

from mmsflow.campaign.load import load_campaign
from mmsflow.daemon.catalogue import Version
from mmsflow.daemon.timetable import Timetable
from mmsflow.ledger.model import PausedBy, RunState
from mmsflow.ledger.operation import Approval, NewNotice, NoticeKind
from mmsflow.mms.status import MessageState
from mmsflow.settings import Settings
from mmsflow.workflow.occurrence_facts import Pending, approval_notice, pending_of
from mmsflow.workflow.occurrences import Verdict, Waits
from mmsflow.workflow.prospect import prospect_of
from mmsflow.workflow.run import freeze
from mmsflow.workflow.situation import situation_of
from mmsflow.workflow.start import Wish, decide_start

from .campaign_desk import ACCOUNT, CAMPAIGN, START, CampaignDesk

DUE = START - timedelta(hours=1)  # 08:00 in Warsaw
SCHEDULES = {
    "daily": "every: '0 8 * * *', grace: 2h",
    "daily, skips what it missed": "every: '0 8 * * *', grace: 2h, missed: skip",
    "daily, with a deadline": "every: '0 8 * * *', grace: 2h, not_after: 30min",
    "daily, its window has closed": "every: '0 8 * * *', grace: 2h, window: {hours: '08:00-08:30'}",
    "once": "start: '2026-12-01 08:00', grace: 2h",
    "once, late": "start: '2026-12-01 08:00', grace: 30min",
    "once, skips what it missed": "start: '2026-12-01 08:00', grace: 2h, missed: skip",
}
HISTORIES = ("no run", "an unfinished run", "a paused run", "a finished run", "a run for this time")
ASKED = ("nothing", "approval asked for", "approved")
WATCHED = ("never", "until the time before", "until this one", "still")


@dataclass(frozen=True)
class Scene:
    schedule: str
    history: str
    asked: str
    watched: str


SCENES = [
    scene
    for scene in (Scene(*each) for each in product(SCHEDULES, HISTORIES, ASKED, WATCHED))
    if scene.asked == "nothing" or scene.history in {"no run", "an unfinished run"}
]


def begin(desk: CampaignDesk, due: datetime | None) -> None:
    with (prepared := desk.prepare()).draft:
        run = freeze(
            prepared, desk.plan(prepared), desk.ledger, workspace=desk.workspace, now=desk.clock.now(), due=due
        )
    desk.settle(run, MessageState.REJECTED, MessageState.REJECTED)


def set_up(desk: CampaignDesk, scene: Scene) -> None:
    recurring = "every" in SCHEDULES[scene.schedule]
    if scene.watched in {"until the time before", "still"}:
        desk.ledger.account_for(ACCOUNT, "winter-sale", DUE - timedelta(minutes=1))
    if scene.watched == "until this one":
        desk.ledger.account_for(ACCOUNT, "winter-sale", DUE)
    desk.write("campaigns/a.yaml", CAMPAIGN)  # runs are made as if at once; the schedule is looked at afterwards
    match scene.history:
        case "an unfinished run" | "a paused run":
            run = desk.start()
            if scene.history == "a paused run":
                desk.ledger.set_state(run.key, RunState.PAUSED, paused_by=PausedBy.USER)
        case "a finished run":
            begin(desk, DUE - timedelta(days=1) if recurring else None)
        case "a run for this time":
            begin(desk, DUE)
    if scene.asked != "nothing":
        detail = {"due": DUE.isoformat()}
        name, person = approval_notice("winter-sale", DUE), NoticeKind.NEEDS_PERSON
        desk.ledger.tell(NewNotice(name, person, ACCOUNT, "winter-sale", "", "waits for approval", detail=detail))
    if scene.asked == "approved":
        desk.ledger.approve(ACCOUNT, "winter-sale", Approval("0" * 64, desk.clock.now(), "Ewa", {}))


def daemon_says(desk: CampaignDesk, version: Version, scene: Scene) -> Verdict:
    """What a daemon decides at its first look after a start now, or one that watched when the time came."""
    since = DUE - timedelta(hours=1) if scene.watched == "still" else desk.clock.now()
    timetable = Timetable.watch(desk.ledger, ACCOUNT, version, since)
    if scene.asked != "nothing":
        timetable.asked_before(DUE, desk.ledger.notices(ACCOUNT, 1, prefix="approval/")[0].at)
        timetable.unanswered = True
    return timetable.look(desk.ledger, desk.clock.now())


def in_a_word(verdict: Verdict) -> str:
    if verdict.begin is not None or verdict.waits is Waits.EARLIER_RUN:
        return "begin"
    if verdict.waits is Waits.APPROVAL:
        return "approval"
    return "skip" if verdict.skips else "nothing"


def shown(pending: Pending | None) -> str:
    if pending is None:
        return "nothing"
    return "skip" if pending.skipped else "begin" if pending.until else "approval"


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_calendar_and_the_daemon_agree(schedule: str, tmp_path: Path) -> None:
    for number, scene in enumerate(each for each in SCENES if each.schedule == schedule):
        with CampaignDesk.made(tmp_path / str(number)) as desk:
            set_up(desk, scene)
            desk.write("campaigns/a.yaml", f"{CAMPAIGN}schedule: {{{SCHEDULES[schedule]}}}\n")
            loaded = load_campaign(desk.campaign, desk.workspace)
            version = Version(loaded, desk.clock.now())
            verdict, now = daemon_says(desk, version, scene), desk.clock.now()
            since = DUE - timedelta(hours=1) if scene.watched == "still" else now
            pending = pending_of(desk.ledger, ACCOUNT, loaded.campaign, now, watched_since=since)
            sent_before = any(skip.code == "sent_before" for skip in verdict.skips)
            expected = "nothing" if sent_before else in_a_word(verdict)
            assert (scene, shown(pending)) == (scene, expected)
            if verdict.skips and pending is not None:
                assert pending.skipped == verdict.skips[-1].reason


@pytest.mark.parametrize("history", HISTORIES)
@pytest.mark.parametrize("schedule", ["daily", "once"])
def test_the_plan_shows_the_decision_that_run_acts_on(schedule: str, history: str, desk: CampaignDesk) -> None:
    set_up(desk, Scene(schedule, history, "nothing", "until the time before"))
    desk.write("campaigns/a.yaml", f"{CAMPAIGN}schedule: {{{SCHEDULES[schedule]}}}\n")
    campaign = load_campaign(desk.campaign, desk.workspace).campaign
    settings = Settings(workspace=desk.workspace, gateway="simulator")
    now = desk.clock.now()
    prospect = prospect_of(desk.ledger, settings, campaign, desk.campaign, now)
    acted = decide_start(situation_of(desk.ledger, settings, campaign, desk.campaign, now, wish=Wish.RUN))
    assert type(prospect.decision) is type(acted)
    assert str(prospect.decision) == str(acted)
