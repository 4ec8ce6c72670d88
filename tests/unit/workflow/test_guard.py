"""A lost or restored ledger, and campaigns long past their time, do not send by themselves."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mmsflow.clock import ManualClock
from mmsflow.errors import LedgerError, PlanRefused
from mmsflow.ledger.model import PausedBy, RunInfo, RunState
from mmsflow.ledger.store import Ledger
from mmsflow.mms.status import MessageState
from mmsflow.workflow.blockers import refuse_blocked
from mmsflow.workflow.guard import (
    LONG_PAST,
    leave_marker,
    long_past,
    marker_blocker,
    marker_path,
    start_long_past,
)

from .campaign_desk import ACCOUNT, START, CampaignDesk


def guard(desk: CampaignDesk, ledger: Ledger | None = None, *, decided: bool = False, account: str = ACCOUNT) -> None:
    if decided:
        return
    blocker = marker_blocker(ledger or desk.ledger, account, "winter-sale", desk.campaign)
    refuse_blocked([blocker] if blocker else [])


def marker(desk: CampaignDesk) -> Path:
    return marker_path(desk.campaign, "winter-sale")


def taken(desk: CampaignDesk, run: RunInfo) -> RunInfo:
    run = desk.ledger.take_run(run.key)
    leave_marker(desk.ledger, run, desk.campaign)
    return run


def other_ledger(tmp_path: Path) -> Ledger:
    return Ledger.open(f"sqlite:///{tmp_path / 'other.db'}", clock=ManualClock(START))


def back_up(desk: CampaignDesk, tmp_path: Path) -> None:
    """Keep a copy of the ledger as it is now, which ``other_ledger`` opens."""
    desk.ledger.close()
    shutil.copy(desk.ledger.path, tmp_path / "other.db")
    desk.ledger = Ledger.open(f"sqlite:///{desk.ledger.path}", clock=desk.clock)


def test_the_first_run_and_the_ledger_that_sent_it_are_let_through(desk: CampaignDesk) -> None:
    guard(desk)
    run = taken(desk, desk.start())
    guard(desk)
    taken(desk, run)
    guard(desk)


def test_a_marker_holds_facts_in_a_stable_order_and_no_personal_data(desk: CampaignDesk) -> None:
    run = taken(desk, desk.start())
    assert marker(desk) == desk.workspace / "campaigns" / ".runs" / "winter-sale.json"
    text = marker(desk).read_text("utf-8")
    leave_marker(desk.ledger, run, desk.campaign)
    assert marker(desk).read_text("utf-8") == text
    assert json.loads(text) == {
        "version": 2,
        "campaign": "winter-sale",
        "accounts": {
            ACCOUNT: {
                "run": run.run,
                "ledger": desk.ledger.identity(),
                "fence": 1,
                "events": 1,
                "campaign_sha256": run.campaign_sha256,
            }
        },
    }
    assert not [path for path in marker(desk).parent.iterdir() if path != marker(desk)]


def test_a_fresh_or_lost_ledger_is_refused_until_a_person_decides(desk: CampaignDesk, tmp_path: Path) -> None:
    run = taken(desk, desk.start())
    with other_ledger(tmp_path) as fresh:
        with pytest.raises(PlanRefused, match=f"{run.run} was carried out with another ledger") as caught:
            guard(desk, fresh)
        assert "--adopt" in caught.value.advice
        assert "--again" in caught.value.advice
        guard(desk, fresh, decided=True)


def test_a_ledger_restored_from_before_the_run_is_refused(desk: CampaignDesk, tmp_path: Path) -> None:
    back_up(desk, tmp_path)
    taken(desk, desk.start())
    with other_ledger(tmp_path) as restored, pytest.raises(PlanRefused, match="does not hold"):
        guard(desk, restored)


def test_a_ledger_restored_from_before_the_run_was_taken_up_again_is_refused(
    desk: CampaignDesk, tmp_path: Path
) -> None:
    run = taken(desk, desk.start())
    back_up(desk, tmp_path)
    taken(desk, run)
    with other_ledger(tmp_path) as restored, pytest.raises(PlanRefused, match="taken up 2 times, here only 1"):
        guard(desk, restored)


def test_a_ledger_restored_from_the_middle_of_a_run_is_refused_once_the_run_has_come_to_rest(
    desk: CampaignDesk, tmp_path: Path
) -> None:
    run = taken(desk, desk.start())
    back_up(desk, tmp_path)
    desk.ledger.set_state(run.key, RunState.PAUSED, paused_by=PausedBy.QUOTA)
    leave_marker(desk.ledger, run, desk.campaign)
    guard(desk)
    with other_ledger(tmp_path) as restored, pytest.raises(PlanRefused, match="lacks the end of the history"):
        guard(desk, restored)


def test_an_adopted_ledger_is_the_one_from_then_on(desk: CampaignDesk, tmp_path: Path) -> None:
    taken(desk, desk.start())
    with other_ledger(tmp_path) as other:
        there = CampaignDesk(desk.workspace, other, desk.clock)
        taken(there, there.start())
        guard(there)
    with pytest.raises(PlanRefused, match="another ledger"):
        guard(desk)


def test_accounts_do_not_touch_each_other(desk: CampaignDesk, tmp_path: Path) -> None:
    run = taken(desk, desk.start())
    with other_ledger(tmp_path) as fresh:
        guard(desk, fresh, account="acme@gateway.example")
    elsewhere = replace(run, account="acme@gateway.example")
    leave_marker(desk.ledger, elsewhere, desk.campaign)
    assert set(json.loads(marker(desk).read_text())["accounts"]) == {ACCOUNT, "acme@gateway.example"}


def test_a_test_run_leaves_no_marker(desk: CampaignDesk) -> None:
    taken(desk, desk.start(test=True))
    assert not marker(desk).exists()


def test_going_on_with_an_older_run_does_not_hide_the_latest(desk: CampaignDesk) -> None:
    older = taken(desk, desk.start())
    newer = taken(desk, desk.start())
    taken(desk, older)
    assert newer.run in marker(desk).read_text()
    assert older.run not in marker(desk).read_text()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"accounts": []}',
        b'{"accounts": {"simulator": 1}}',
        b'{"accounts": {"simulator": {"run": "a"}}}',
        b'{"accounts": {"simulator": {"run":"a","ledger":"b","fence":"x","events":0,"campaign_sha256":""}}}',
        b"<<<<<<< HEAD\n{}\n=======\n",
        b"\xff\xfe",
        b"[" * 100_000,
        b" " * (2 << 20),
    ],
)
def test_a_marker_that_cannot_be_read_refuses_too_and_is_mended_by_a_decision(
    desk: CampaignDesk, content: bytes
) -> None:
    marker(desk).parent.mkdir()
    marker(desk).write_bytes(content)
    with pytest.raises(PlanRefused, match="cannot be read"):
        guard(desk)
    guard(desk, decided=True)
    taken(desk, desk.start())
    guard(desk)


def test_a_marker_that_cannot_be_written_stops_the_run_before_its_first_message(desk: CampaignDesk) -> None:
    marker(desk).parent.write_text("a file where the folder should be")
    run = desk.start()
    with pytest.raises(LedgerError, match="nothing was sent"):
        taken(desk, run)


def test_an_unfinished_run_goes_on_by_itself_for_a_week_and_then_only_after_a_person_confirms(
    desk: CampaignDesk,
) -> None:
    run = desk.start()
    assert long_past(desk.ledger, run, START + LONG_PAST) == ""
    assert "8 days ago" in long_past(desk.ledger, run, START + LONG_PAST + timedelta(days=1))


async def test_a_long_run_that_is_carried_out_again_and_again_is_not_long_past(desk: CampaignDesk) -> None:
    run = desk.start()
    await desk.clock.advance(20 * 86400)
    run = desk.settle(run, MessageState.ACCEPTED)
    current = desk.ledger.find_run(run.run)
    assert current is not None
    assert long_past(desk.ledger, current, START + timedelta(days=21)) == ""


def test_a_run_that_waits_for_a_start_far_ahead_is_not_long_past(desk: CampaignDesk) -> None:
    run = desk.start()
    later = replace(run, config={**run.config, "start": (START + timedelta(days=30)).isoformat()})
    assert long_past(desk.ledger, later, START + timedelta(days=31)) == ""
    assert long_past(desk.ledger, later, START + timedelta(days=38))


@pytest.mark.parametrize("by", [PausedBy.QUOTA, PausedBy.WINDOW])
def test_a_run_that_waits_for_the_quota_or_its_window_is_long_past_a_week_after_it_was_to_go_on(
    desk: CampaignDesk, by: PausedBy
) -> None:
    run, resumes = desk.start(), START + timedelta(days=20)
    desk.ledger.set_state(run.key, RunState.PAUSED, paused_by=by, reason="it waits", resumes_at=resumes)
    waiting = desk.ledger.find_run(run.run)
    assert waiting is not None
    assert long_past(desk.ledger, waiting, START + timedelta(days=9)) == ""
    assert long_past(desk.ledger, waiting, resumes + LONG_PAST) == ""
    assert long_past(desk.ledger, waiting, resumes + LONG_PAST + timedelta(days=1))
    desk.ledger.set_state(run.key, RunState.RUNNING)
    going = desk.ledger.find_run(run.run)
    assert going is not None
    assert long_past(desk.ledger, going, START + timedelta(days=9))


def test_what_is_past_its_deadline_needs_no_question_because_nothing_is_sent(desk: CampaignDesk) -> None:
    run = desk.start()
    over = replace(run, config={**run.config, "not_after": (START + timedelta(days=1)).isoformat()})
    assert long_past(desk.ledger, over, START + timedelta(days=30)) == ""


def test_a_new_run_of_a_campaign_whose_start_lies_far_back_says_so() -> None:
    assert start_long_past(None, START) == ""
    assert start_long_past(START, START + timedelta(days=6)) == ""
    assert "300 days ago" in start_long_past(START, START + timedelta(days=300))
