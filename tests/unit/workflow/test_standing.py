"""What `run FILE` means now, and how a command ends."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from mmsflow.delivery.halt import Halt
from mmsflow.delivery.rules import RunRules
from mmsflow.engine.embedded import Ended
from mmsflow.errors import GatewayRefused, InvalidInput, LedgerError, PlanRefused, RunUnfinished, UsageError
from mmsflow.ledger.model import PausedBy, RunInfo, RunState
from mmsflow.mms.status import MessageState
from mmsflow.workflow.history import find_run, run_as_json, stories_as_json
from mmsflow.workflow.prepare import prepare
from mmsflow.workflow.run import freeze, report_run, verdict
from mmsflow.workflow.standing import changed_inputs, next_run_id, standing_of
from mmsflow.workflow.trial import addressed_to

from .campaign_desk import ACCOUNT, CAMPAIGN, CampaignDesk

ACCEPTED, UNKNOWN, REJECTED = MessageState.ACCEPTED, MessageState.UNKNOWN, MessageState.REJECTED


def stands(desk: CampaignDesk, account: str = ACCOUNT) -> tuple[bool, int | None]:
    """(goes on, exit code of the refusal)."""
    standing = standing_of(desk.ledger, account, "winter-sale")
    return standing.goes_on, standing.refusal.exit_code if standing.refusal else None


def test_without_a_run_there_is_nothing_in_the_way(desk: CampaignDesk) -> None:
    assert standing_of(desk.ledger, ACCOUNT, "winter-sale").run is None
    assert stands(desk) == (False, None)


def test_an_unfinished_run_is_gone_on_with(desk: CampaignDesk) -> None:
    run = desk.start()
    assert stands(desk) == (True, None)
    desk.settle(run, ACCEPTED)
    assert stands(desk) == (True, None)


def test_outstanding_delivery_reports_are_work(desk: CampaignDesk) -> None:
    desk.settle(desk.start(), ACCEPTED, ACCEPTED, poll=True)
    assert stands(desk) == (True, None)


def test_a_run_whose_end_was_not_written_down_is_gone_on_with(desk: CampaignDesk) -> None:
    desk.settle(desk.start(), ACCEPTED, REJECTED, killed=True)
    assert stands(desk) == (True, None)


def test_a_finished_run_is_refused_and_names_the_two_ways_on(desk: CampaignDesk) -> None:
    desk.settle(desk.start(), ACCEPTED, REJECTED)
    assert stands(desk) == (False, 6)
    refusal = standing_of(desk.ledger, ACCOUNT, "winter-sale").refusal
    assert refusal is not None
    assert "--again" in refusal.advice
    assert "--top-up" in refusal.advice


def test_a_run_with_only_maybe_sent_messages_left_sends_nothing(desk: CampaignDesk) -> None:
    desk.settle(desk.start(), ACCEPTED, UNKNOWN)
    assert stands(desk) == (False, 7)


def test_a_run_paused_by_a_person_stays_paused(desk: CampaignDesk) -> None:
    run = desk.start()
    desk.ledger.set_state(run.key, RunState.PAUSED, paused_by=PausedBy.USER)
    assert stands(desk) == (False, 7)
    desk.ledger.set_state(run.key, RunState.PAUSED, paused_by=PausedBy.QUOTA)
    assert stands(desk) == (True, None)


def test_tests_and_other_accounts_do_not_count(desk: CampaignDesk) -> None:
    desk.start(test=True)
    assert stands(desk) == (False, None)
    desk.start()
    assert stands(desk, "me@gateway.example") == (False, None)


def test_run_ids_are_short_readable_and_counted(desk: CampaignDesk) -> None:
    desk.settle(desk.start(), REJECTED, REJECTED)
    assert desk.start().run == "winter-sale-20261201-2"
    assert desk.start(test=True).run == "winter-sale-test-1"
    assert next_run_id(desk.ledger, "winter-sale", "20261202", test=False) == "winter-sale-20261202-1"


async def test_the_day_of_a_run_id_is_the_campaigns_local_day(desk: CampaignDesk) -> None:
    await desk.clock.advance(15.5 * 3600)
    assert desk.start().run == "winter-sale-20261202-1"


def test_changed_and_missing_inputs_are_named(desk: CampaignDesk) -> None:
    run = desk.start()
    assert changed_inputs(desk.ledger, run, desk.workspace) == []
    desk.write("lists/a.csv", "number\n")
    (desk.workspace / "media/note.txt").unlink()
    assert changed_inputs(desk.ledger, run, desk.workspace) == ["lists/a.csv has changed", "media/note.txt is gone"]


def test_a_campaign_file_outside_the_workspace_is_found_again(desk: CampaignDesk, tmp_path: Path) -> None:
    outside = tmp_path / "elsewhere.yaml"
    outside.write_text(CAMPAIGN)
    desk.campaign.unlink()
    with (prepared := prepare(outside, desk.workspace)).draft:
        run = freeze(prepared, desk.plan(prepared), desk.ledger, workspace=desk.workspace, now=desk.clock.now())
    assert changed_inputs(desk.ledger, run, desk.workspace) == []
    outside.write_text(CAMPAIGN + "\n")
    assert changed_inputs(desk.ledger, run, desk.workspace) == [f"{outside} has changed"]


def test_a_test_goes_to_the_handsets_named_with_the_content_of_a_row(desk: CampaignDesk) -> None:
    with (prepared := desk.prepare()).draft:
        for row, subject in ((None, "Ola, hello"), (3, "Jan, hello")):
            with (test := addressed_to(prepared, ["+48790000001", "+48790000002"], row)).draft as draft:
                messages = list(draft.stored_messages())
                assert [message.msisdn for message in messages] == ["+48790000001", "+48790000002"]
                assert {message.subject for message in messages} == {subject}
                assert test.digest != prepared.digest
        with pytest.raises(InvalidInput, match="1 error"):
            addressed_to(prepared, ["+48790000001"], 99)


def test_a_test_goes_out_at_once_whatever_the_schedule_says(desk: CampaignDesk) -> None:
    text = CAMPAIGN + "schedule: {start: 2026-12-24 09:00, not_after: 2026-12-24 19:00}\n"
    desk.write("campaigns/a.yaml", text)
    with (prepared := desk.prepare()).draft, (test := addressed_to(prepared, ["+48790000001"], None)).draft:
        plan = desk.plan(test)
        run = freeze(test, plan, desk.ledger, workspace=desk.workspace, now=desk.clock.now(), test=True)
    rules = RunRules.from_config(run.config)
    assert (plan.starts_at, rules.start, rules.not_after) == (desk.clock.now(), desk.clock.now(), None)


def test_a_deadline_in_the_past_is_refused_before_anything_is_frozen(desk: CampaignDesk) -> None:
    desk.write("campaigns/a.yaml", CAMPAIGN + "schedule: {not_after: 2026-11-24 19:00}\n")
    with (prepared := desk.prepare()).draft, pytest.raises(PlanRefused, match="has passed"):
        desk.plan(prepared)


def test_frozen_rules_are_read_back_as_they_were(desk: CampaignDesk) -> None:
    extra = "rate: 30/min\nquota: {reserve: 3, share: 50%}\nretry: {attempts: 2}\npoll: {until: 2h}\n"
    desk.write("campaigns/a.yaml", CAMPAIGN + extra)
    rules = RunRules.from_config(desk.start().config)
    assert (rules.per_second, rules.quota.reserve, rules.quota.share) == (0.5, 3, 0.5)
    assert (rules.attempts, rules.poll_until) == (2, timedelta(hours=2))
    with pytest.raises(LedgerError, match="cannot be read"):
        RunRules.from_config({"start": "never"})


def ended(
    desk: CampaignDesk, run: RunInfo, *, halt: Halt | None = None, signal: bool = False, unanswered: int = 0
) -> int:
    error = verdict(desk.ledger, run, Ended(halt, signal, unanswered))
    return error.exit_code if error else 0


def test_a_command_ends_with_0_only_when_all_is_done_as_asked(desk: CampaignDesk) -> None:
    run = desk.start()
    assert ended(desk, run, signal=True) == 130
    assert ended(desk, run, halt=Halt(PausedBy.QUOTA, RunUnfinished("quota"))) == 7
    assert ended(desk, run, halt=Halt(PausedBy.CREDENTIALS, GatewayRefused("no"))) == 4
    desk.settle(run, ACCEPTED, ACCEPTED)
    assert ended(desk, run) == 0
    assert ended(desk, run, signal=True) == 0
    assert ended(desk, run, unanswered=2) == 5


def test_maybe_sent_messages_end_with_7_interrupted_or_not(desk: CampaignDesk) -> None:
    run = desk.start()
    desk.settle(run, ACCEPTED, UNKNOWN)
    assert ended(desk, run) == ended(desk, run, signal=True) == 7


def test_an_interrupted_run_says_how_it_goes_on(desk: CampaignDesk) -> None:
    run = desk.start()
    error = verdict(desk.ledger, run, Ended(None, interrupted=True))
    assert error is not None
    assert f"`mmsflow run campaigns/a.yaml` goes on with {run.run}" in error.advice


def test_the_report_is_written_in_the_formats_asked_for_and_adds_up(desk: CampaignDesk) -> None:
    desk.write("campaigns/a.yaml", CAMPAIGN + "report: {formats: [csv]}\n")
    run = desk.start()
    desk.settle(run, ACCEPTED)
    paths = report_run(desk.ledger, run, desk.workspace, now=desk.clock.now())
    assert (paths.html, paths.json) == (None, None)
    assert paths.csv == desk.workspace / "reports" / run.run / "report.csv"
    rows = list(csv.DictReader(paths.csv.read_text("utf-8-sig").splitlines()))
    assert [row["bucket"] for row in rows] == ["accepted", "pending", "duplicate", "invalid"]


def test_a_status_document_has_the_promised_shape(desk: CampaignDesk) -> None:
    run = desk.start()
    document = run_as_json(desk.ledger, run, held=False)
    assert {"run", "campaign", "state", "buckets", "waves"} <= document.keys()
    assert document["state"] == "interrupted"
    assert run_as_json(desk.ledger, run, held=True)["state"] == "planned"
    assert document["created_at"] == "2026-12-01T09:00:00+01:00"
    assert document["due_at"] is None, "a person began it, without a scheduled time"
    on_time = replace(run, due_at=run.created_at - timedelta(minutes=1))
    assert run_as_json(desk.ledger, on_time, held=False)["due_at"] == "2026-12-01T08:59:00+01:00"


def test_a_run_that_is_not_there_names_near_ones(desk: CampaignDesk) -> None:
    run = desk.start()
    assert find_run(desk.ledger, run.run).key == run.key
    with pytest.raises(UsageError) as refused:
        find_run(desk.ledger, "winter")
    assert run.run in refused.value.advice


def test_one_recipients_story_is_told_over_all_runs(desk: CampaignDesk) -> None:
    desk.settle(desk.start(), REJECTED, REJECTED)
    desk.start()
    story = stories_as_json(desk.ledger, "501 000 101")
    assert story["number"] == "+48501000101"
    assert isinstance(story["stories"], list)
    assert [told["run"] for told in story["stories"]] == ["winter-sale-20261201-2", "winter-sale-20261201-1"]
    with pytest.raises(UsageError, match="no number"):
        stories_as_json(desk.ledger, "12")
