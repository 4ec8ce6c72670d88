"""``unknown: resend`` as people meet it: said in the plan, asked about with a number before a run goes on."""

from __future__ import annotations

import pytest

from mmsflow.cli import asking
from mmsflow.cli.commands.resume import confirm_resends
from mmsflow.errors import PlanRefused, UsageError
from mmsflow.ledger.model import RunInfo
from mmsflow.mms.status import MessageState
from mmsflow.workflow.standing import goes_on, has_work, resends_left, standing_of

from .campaign_desk import ACCOUNT, CAMPAIGN, CampaignDesk

UNKNOWN = MessageState.UNKNOWN


def maybe_sent(desk: CampaignDesk, rule: str) -> RunInfo:
    """A run of two messages whose process died: one of unknown fate, one accepted."""
    desk.campaign.write_text(CAMPAIGN + f"unknown: {rule}\n")
    run = desk.start()
    desk.settle(run, UNKNOWN, MessageState.REJECTED, killed=True)
    found = desk.ledger.find_run(run.run)
    assert found is not None
    return found


def test_the_plan_says_that_messages_may_arrive_twice(desk: CampaignDesk) -> None:
    desk.campaign.write_text(CAMPAIGN + "unknown: resend\n")
    prepared = desk.prepare()
    with prepared.draft:
        assert any("sent once more" in warning for warning in desk.plan(prepared).warnings)


def test_the_plan_names_the_canary(desk: CampaignDesk) -> None:
    desk.campaign.write_text(CAMPAIGN + "canary: {first: 50, wait: 30min, min_delivered: 80%}\n")
    prepared = desk.prepare()
    with prepared.draft:
        (note,) = desk.plan(prepared).warnings
    assert note == "the first 50 messages go alone; the rest waits up to 30min until 80% of them are delivered"


def test_a_run_with_messages_to_be_sent_once_more_is_not_finished(desk: CampaignDesk) -> None:
    run = maybe_sent(desk, "resend")
    assert resends_left(desk.ledger, run) == 1
    assert has_work(desk.ledger, run)
    assert goes_on(desk.ledger, run)
    assert standing_of(desk.ledger, ACCOUNT, "winter-sale").goes_on


def test_what_a_dead_process_left_on_the_wire_counts_as_well(desk: CampaignDesk) -> None:
    desk.campaign.write_text(CAMPAIGN + "unknown: resend\n")
    run = desk.ledger.take_run(desk.start().key)
    ids = [message.id for message in desk.ledger.ready(run.key, now=desk.clock.now(), after=0, limit=9)]
    desk.ledger.commit(run.key, run.fence, outcomes=[], intents=ids, now=desk.clock.now(), period="")
    assert resends_left(desk.ledger, run) == 2


def test_without_the_rule_there_is_nothing_to_ask(desk: CampaignDesk) -> None:
    run = maybe_sent(desk, "hold")
    assert resends_left(desk.ledger, run) == 0
    confirm_resends(desk.ledger, run, yes=False)


def test_nothing_is_sent_once_more_where_nobody_can_be_asked(
    desk: CampaignDesk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = maybe_sent(desk, "resend")
    monkeypatch.setattr(asking, "can_ask", lambda: False)
    with pytest.raises(UsageError, match="no terminal"):
        confirm_resends(desk.ledger, run, yes=False)
    assert "1 message was maybe sent" in capsys.readouterr().err
    confirm_resends(desk.ledger, run, yes=True)


@pytest.mark.parametrize("answer", [True, False])
def test_a_person_is_asked_with_the_number_of_messages(
    desk: CampaignDesk, monkeypatch: pytest.MonkeyPatch, answer: bool
) -> None:
    run = maybe_sent(desk, "resend")
    monkeypatch.setattr(asking, "can_ask", lambda: True)
    monkeypatch.setattr(asking, "confirm", lambda _: answer)
    if answer:
        confirm_resends(desk.ledger, run, yes=False)
        return
    with pytest.raises(PlanRefused, match="left as it is"):
        confirm_resends(desk.ledger, run, yes=False)
