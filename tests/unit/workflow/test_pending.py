"""What a calendar shows of times that have come: who begins them, and what they wait for, as the ledger knows it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mmsflow.campaign.load import load_campaign
from mmsflow.ledger.operation import Approval, NewNotice, NoticeKind, Skipped
from mmsflow.mms.status import MessageState
from mmsflow.plan.agenda_view import Outlook, outlook_as_json, outlook_as_text
from mmsflow.workflow.occurrence_facts import Pending, approval_notice, pending_of
from mmsflow.workflow.run import freeze

from .campaign_desk import ACCOUNT, CAMPAIGN, START, CampaignDesk
from .test_agenda import WARSAW, outlook

REJECTED = MessageState.REJECTED
TODAY = START - timedelta(hours=1)  # 08:00 in Warsaw; an hour ago
DAILY = "schedule: {every: '0 8 * * *', grace: 2h}\n"
APPROVED = f"{DAILY}approval: required\n"


def found(desk: CampaignDesk, more: str) -> Pending | None:
    desk.write("campaigns/a.yaml", CAMPAIGN + more)
    campaign = load_campaign(desk.campaign, desk.workspace).campaign
    return pending_of(desk.ledger, ACCOUNT, campaign, desk.clock.now(), watched_since=desk.clock.now())


def watch(desk: CampaignDesk) -> None:
    desk.ledger.account_for(ACCOUNT, "winter-sale", TODAY - timedelta(minutes=1))


def ask(desk: CampaignDesk) -> None:
    detail = {"due": TODAY.isoformat()}
    name, person = approval_notice("winter-sale", TODAY), NoticeKind.NEEDS_PERSON
    assert desk.ledger.tell(NewNotice(name, person, ACCOUNT, "winter-sale", "", "waits for approval", detail=detail))


def say_yes(desk: CampaignDesk) -> None:
    desk.ledger.approve(ACCOUNT, "winter-sale", Approval("0" * 64, desk.clock.now(), "Ewa", {}))


async def pass_hours(desk: CampaignDesk, hours: float) -> None:
    await desk.clock.advance(hours * 3600)


def test_a_campaign_that_no_daemon_follows_has_nothing_that_begins_by_itself(desk: CampaignDesk) -> None:
    assert found(desk, DAILY) is None


async def test_a_time_is_begun_until_its_grace_is_over(desk: CampaignDesk) -> None:
    watch(desk)
    assert found(desk, DAILY) == Pending(TODAY, TODAY + timedelta(hours=2))
    await pass_hours(desk, 1.01)
    assert found(desk, DAILY) == Pending(TODAY, None, "nobody was there to begin it, and its grace is over")


@pytest.mark.parametrize("how", ["begun", "skipped", "its deadline has passed", "its window has closed"])
def test_a_time_that_is_over_is_not_pending(desk: CampaignDesk, how: str) -> None:
    watch(desk)
    more = {
        "its deadline has passed": DAILY.replace("grace", "not_after: 30min, grace"),
        "its window has closed": DAILY.replace("grace", "window: {hours: '08:00-09:00'}, grace"),
    }.get(how, DAILY)
    if how == "begun":
        found(desk, more)
        with (prepared := desk.prepare()).draft:
            freeze(prepared, desk.plan(prepared), desk.ledger, workspace=desk.workspace, now=START, due=TODAY)
    if how == "skipped":
        desk.ledger.account_for(ACCOUNT, "winter-sale", TODAY, [Skipped(TODAY, START, "refused", "nobody is left")])
    pending = found(desk, more)
    assert pending is None or (pending.until is None and pending.skipped), "the calendar says that it is skipped"
    assert (pending is None) is (how in {"begun", "skipped"})


def test_the_calendar_shows_as_skipped_what_the_daemon_skips_because_nobody_was_there(desk: CampaignDesk) -> None:
    watch(desk)
    skips = DAILY.replace("grace", "missed: skip, grace")
    made, text = shown(desk, skips)
    (skip,) = made.skipped
    assert (skip.due, "the campaign says `missed: skip`" in skip.reason) == (TODAY, True)
    assert [each.appointment.begins for each in made.agenda.foreseen] == [TODAY + timedelta(days=1)]
    assert "is skipped" in text
    assert outlook_as_json(made, WARSAW)["skipped"] == [
        {"campaign": "winter-sale", "due_at": "2026-12-01T08:00:00+01:00", "reason": skip.reason}
    ]


async def test_a_time_that_waits_for_approval_waits_beyond_its_grace_once_a_person_was_asked(
    desk: CampaignDesk,
) -> None:
    watch(desk)
    assert found(desk, APPROVED) == Pending(TODAY, None)
    await pass_hours(desk, 5)
    late = found(desk, APPROVED)
    assert late is not None
    assert late.skipped, "the daemon was not there to ask, and its grace is over"
    ask(desk)
    assert found(desk, APPROVED) == Pending(TODAY, None)
    say_yes(desk)
    assert found(desk, APPROVED) == Pending(TODAY, desk.clock.now() + timedelta(hours=2)), "counted from the yes"


def shown(desk: CampaignDesk, more: str) -> tuple[Outlook, str]:
    desk.write("campaigns/a.yaml", CAMPAIGN + more)
    made = outlook(desk, days=1)
    return made, outlook_as_text(made, WARSAW)


def test_the_calendar_names_what_waits_for_approval_apart(desk: CampaignDesk) -> None:
    watch(desk)
    ask(desk)
    made, text = shown(desk, APPROVED)
    assert "Tue 2026-12-01 08:00 CET  winter-sale           2  waits for approval" in text
    assert [each.appointment.begins for each in made.agenda.foreseen] == [TODAY + timedelta(days=1)]
    assert outlook_as_json(made, WARSAW)["waiting"] == [
        {
            "campaign": "winter-sale",
            "due_at": "2026-12-01T08:00:00+01:00",
            "messages": 2,
            "waits_for": "approval",
        }
    ]


def test_the_calendar_has_what_the_daemon_begins_now_before_the_next_time(desk: CampaignDesk) -> None:
    watch(desk)
    made, text = shown(desk, DAILY)
    now, tomorrow = made.agenda.foreseen
    assert (now.appointment.begins, now.appointment.due, now.first) == (START, TODAY, START)
    assert tomorrow.appointment.begins == TODAY + timedelta(days=1)
    assert "now " in text
    assert "due Tue 2026-12-01 08:00 CET" in text


def test_a_time_that_has_come_waits_for_the_unfinished_run_before_it(desk: CampaignDesk) -> None:
    run = desk.start()
    watch(desk)
    made, _ = shown(desk, DAILY)
    first, second, _ = made.agenda.foreseen
    assert first.appointment.run == run.run
    assert (second.appointment.name, second.first) == ("winter-sale of 2026-12-01 08:00", START)
    assert first.first == START


def test_a_question_about_a_campaign_whose_file_is_broken_is_not_left_out(desk: CampaignDesk) -> None:
    watch(desk)
    ask(desk)
    made, text = shown(desk, "priority: Urgent\n")
    assert [(each.campaign, each.messages) for each in made.waiting] == [("winter-sale", None)]
    assert "waits for approval" in text
