"""What a person says about messages that were maybe sent, and how it becomes decisions."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from mmsflow.errors import PlanRefused, UsageError
from mmsflow.ledger.model import Outcome, RunInfo, RunState
from mmsflow.mms.status import MessageState
from mmsflow.workflow.resolve import choose, doubts_as_json, refuse_resend

from .campaign_desk import START, CampaignDesk

OLA, JAN = "+48501000101", "+48601000102"
SENT, NOT_SENT, RESEND = MessageState.UNDETERMINED, MessageState.NOT_SENT, MessageState.READY


@pytest.fixture
def run(desk: CampaignDesk) -> RunInfo:
    """Ola's and Jan's messages were maybe sent."""
    return desk.settle(desk.start(), MessageState.UNKNOWN, MessageState.ACCEPTED_NOID)


def said(desk: CampaignDesk, run: RunInfo, **options: list[str]) -> dict[str, MessageState]:
    empty: dict[str, list[str]] = {"sent": [], "not_sent": [], "resend": []}
    decisions = choose(desk.ledger, run, **(empty | options))
    numbers = {doubt.id: doubt.number for doubt in desk.ledger.maybe_sent(run.key)}
    return {numbers[decision.id]: decision.state for decision in decisions}


def test_a_number_is_settled_as_typed(desk: CampaignDesk, run: RunInfo) -> None:
    assert said(desk, run, sent=["501 000 101"]) == {OLA: SENT}
    assert said(desk, run, not_sent=["+48 601-000-102"]) == {JAN: NOT_SENT}
    assert said(desk, run, resend=["501000101,601000102"]) == {OLA: RESEND, JAN: RESEND}


def test_all_means_all_that_nothing_else_was_said_of(desk: CampaignDesk, run: RunInfo) -> None:
    assert said(desk, run, sent=["all"]) == {OLA: SENT, JAN: SENT}
    assert said(desk, run, sent=["ALL"], resend=[OLA]) == {OLA: RESEND, JAN: SENT}


def test_two_things_cannot_be_said_of_one_number(desk: CampaignDesk, run: RunInfo) -> None:
    with pytest.raises(UsageError, match="…101"):
        said(desk, run, sent=[OLA], resend=["501000101"])
    with pytest.raises(UsageError, match="all"):
        said(desk, run, sent=["all"], not_sent=["all"])


def test_a_number_that_was_not_maybe_sent_stops_everything_and_is_masked(desk: CampaignDesk, run: RunInfo) -> None:
    with pytest.raises(UsageError) as caught:
        said(desk, run, sent=[OLA], not_sent=["+48501999888"])
    assert "…888" in caught.value.message
    assert "501999" not in caught.value.message


def test_what_is_no_number_is_said_so(desk: CampaignDesk, run: RunInfo) -> None:
    with pytest.raises(UsageError, match="is no number"):
        said(desk, run, sent=["everybody"])


def test_nothing_of_a_cancelled_or_expired_run_is_sent_again(run: RunInfo) -> None:
    refuse_resend(run, START)
    with pytest.raises(PlanRefused, match="cancelled"):
        refuse_resend(replace(run, state=RunState.CANCELLED), START)
    with pytest.raises(PlanRefused, match="deadline"):
        refuse_resend(replace(run, state=RunState.EXPIRED), START)
    over = replace(run, config={**run.config, "not_after": (START + timedelta(hours=1)).isoformat()})
    with pytest.raises(PlanRefused, match="deadline"):
        refuse_resend(over, START + timedelta(hours=1))


def test_the_list_has_all_evidence_and_masks_the_number_also_where_the_operator_repeats_it(
    desk: CampaignDesk,
) -> None:
    run = desk.ledger.take_run(desk.start().key)
    (first, *_) = desk.ledger.ready(run.key, now=START, after=0, limit=1)
    desk.ledger.commit(run.key, run.fence, outcomes=[], intents=[first.id], now=START, period="")
    detail = {"http": 500, "body": '{"address": "tel:+48501000101"}', "wire": "answered"}
    outcome = Outcome(first.id, 1, MessageState.UNKNOWN, START, detail=detail)
    desk.ledger.commit(run.key, run.fence, outcomes=[outcome], intents=[], now=START, period="")
    document = doubts_as_json(run, desk.ledger.maybe_sent(run.key, evidence=True), show_numbers=False)
    text = json.dumps(document)
    assert "501000101" not in text
    assert '"http": 500' in text
    (doubt,) = json.loads(text)["maybe_sent"]
    assert [step["to"] for step in doubt["history"]] == ["sending", "unknown"]
    assert doubt["history"][1]["evidence"]["body"] == '{"address": "tel:…101"}'
    full = doubts_as_json(run, desk.ledger.maybe_sent(run.key, evidence=True), show_numbers=True)
    assert "tel:+48501000101" in json.dumps(full)
