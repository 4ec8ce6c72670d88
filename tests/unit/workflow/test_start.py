"""What `run FILE` does now: every situation as a row, the same for whoever asks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mmsflow.errors import PlanRefused, RunUnfinished
from mmsflow.ledger.model import PausedBy, RunInfo
from mmsflow.workflow.blocking import Blocker
from mmsflow.workflow.occurrence_facts import Occasion
from mmsflow.workflow.standing import Standing
from mmsflow.workflow.start import Continue, Refuse, ReportOnly, Situation, Start, Wish, decide_start

from .campaign_desk import CampaignDesk

NINE = datetime(2026, 12, 1, 8, tzinfo=UTC)
BLOCKER = Blocker("other_account", "another account has sent it", "say which")
FINISHED = PlanRefused("finished", cause="run_finished")
PAUSED = RunUnfinished("paused", cause="paused_by_person")
MAYBE = RunUnfinished("maybe sent", cause="maybe_sent")
DUE = Occasion(NINE, "", None, "missed")
NOT_DUE = Occasion(None, "it has its run", None)

NONE = "none"
SENDING, POLLING, DONE, HELD, UNCERTAIN = "sending", "polling", "done", "held", "uncertain"


@pytest.fixture
def run(desk: CampaignDesk) -> RunInfo:
    return desk.start()


def standing(kind: str, run: RunInfo) -> Standing:
    return {
        NONE: Standing(None, goes_on=False, refusal=None),
        SENDING: Standing(run, goes_on=True, refusal=None, unsent=True, sends=True),
        POLLING: Standing(run, goes_on=True, refusal=None),
        DONE: Standing(run, goes_on=False, refusal=FINISHED),
        HELD: Standing(replace(run, paused_by=PausedBy.USER), goes_on=False, refusal=PAUSED, unsent=True),
        UNCERTAIN: Standing(run, goes_on=False, refusal=MAYBE),
    }[kind]


def situation(kind: str, run: RunInfo, **changes: object) -> Situation:
    usual = Situation(
        campaign="news", timezone="Europe/Warsaw", standing=standing(kind, run), occasion=None, blockers=()
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def said(decision: object) -> str:
    """The decision in a word, with what it refuses for."""
    match decision:
        case Start(due):
            return "start for its time" if due else "start"
        case Continue():
            return "continue"
        case ReportOnly(_, refusal):
            return f"report: {refusal.cause}"
        case Refuse(refusal):
            return f"refuse: {refusal.cause}"
    raise AssertionError(decision)


PLAIN = {
    # latest run: (run, --top-up, --again, a saved plan, by itself)
    NONE: ("start", "start", "start", "start", "start"),
    SENDING: ("continue", *["refuse: earlier_run_unfinished"] * 3, "refuse: sent_before"),
    POLLING: ("continue", "start", "start", "refuse: earlier_run_unfinished", "refuse: sent_before"),
    DONE: ("report: run_finished", "start", "start", "report: run_finished", "refuse: sent_before"),
    HELD: (*["report: paused_by_person"] * 4, "refuse: sent_before"),
    UNCERTAIN: ("report: maybe_sent", "start", "start", "report: maybe_sent", "refuse: sent_before"),
}
WISHES = (Wish.RUN, Wish.TOP_UP, Wish.AGAIN, Wish.SAVED_PLAN, Wish.BY_ITSELF)


@pytest.mark.parametrize("kind", PLAIN)
def test_a_campaign_without_recurrence(kind: str, run: RunInfo) -> None:
    found = [said(decide_start(situation(kind, run, wish=wish))) for wish in WISHES]
    assert found == list(PLAIN[kind])


RECURRING = {
    # latest run: (a time is due, none is due)
    NONE: ("start for its time", "refuse: nothing_due"),
    SENDING: ("continue", "continue"),
    POLLING: ("start for its time", "continue"),
    DONE: ("start for its time", "report: nothing_due"),
    HELD: ("report: paused_by_person", "report: paused_by_person"),
    UNCERTAIN: ("start for its time", "report: maybe_sent"),
}


@pytest.mark.parametrize("kind", RECURRING)
def test_a_recurring_campaign(kind: str, run: RunInfo) -> None:
    found = [said(decide_start(situation(kind, run, occasion=each, recurring=True))) for each in (DUE, NOT_DUE)]
    assert found == list(RECURRING[kind])
    by_itself = decide_start(situation(kind, run, wish=Wish.BY_ITSELF, recurring=True))
    assert said(by_itself) == "start", "whether its time may begin was decided before"


@pytest.mark.parametrize("wish", WISHES)
@pytest.mark.parametrize("occasion", [None, DUE, NOT_DUE])
@pytest.mark.parametrize("kind", PLAIN)
def test_a_blocker_stops_all_that_sends_and_nothing_else(
    kind: str, occasion: Occasion | None, wish: Wish, run: RunInfo
) -> None:
    free = situation(kind, run, occasion=occasion, wish=wish, recurring=occasion is not None)
    blocked = decide_start(replace(free, blockers=(BLOCKER,)))
    usual = decide_start(free)
    if isinstance(usual, Start) or (isinstance(usual, Continue) and free.standing.sends):
        assert said(blocked) == "refuse: other_account"
    else:
        assert said(blocked) == said(usual)


def test_a_skipped_time_that_is_made_up_for_says_why_it_was_skipped(run: RunInfo) -> None:
    decision = decide_start(situation(NONE, run, occasion=DUE, recurring=True))
    assert decision == Start(NINE, "missed")
