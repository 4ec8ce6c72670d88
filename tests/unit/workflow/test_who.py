"""Who did something to a run: named in its history, by whichever way it was asked for."""

from __future__ import annotations

import json

import pytest

from mmsflow.engine.control import do_request
from mmsflow.ledger.maybe_sent import Decision
from mmsflow.ledger.model import PausedBy, RunInfo, RunState
from mmsflow.ledger.requests import Action, Request, Spool
from mmsflow.mms.status import MessageState
from mmsflow.workflow.history import run_as_json

from .campaign_desk import CampaignDesk


def ask(desk: CampaignDesk, run: RunInfo, action: Action, who: str, *decisions: Decision) -> None:
    said = do_request(desk.ledger, Request(run.run, action, desk.clock.now(), decisions, who=who))
    assert not said.refused


def history(desk: CampaignDesk, run: RunInfo) -> list[str]:
    return [event.reason for event in desk.ledger.run_events(run.key)]


def test_a_pause_names_who_paused(desk: CampaignDesk) -> None:
    run = desk.start()
    ask(desk, run, Action.PAUSE, "Ola")
    [now] = [each for each in desk.ledger.runs() if each.run == run.run]
    assert (now.state, now.paused_by, now.reason) == (RunState.PAUSED, PausedBy.USER, "paused by Ola")


def test_a_pause_by_nobody_known_says_a_person(desk: CampaignDesk) -> None:
    run = desk.start()
    ask(desk, run, Action.PAUSE, "")
    assert history(desk, run)[-1] == "paused by a person"


def test_a_cancel_names_who_asked_for_it(desk: CampaignDesk) -> None:
    run = desk.start()
    ask(desk, run, Action.CANCEL, "Ola")
    assert history(desk, run)[-1] == "Ola asked to cancel it"


def test_what_is_refused_leaves_no_name(desk: CampaignDesk) -> None:
    run = desk.start()
    ask(desk, run, Action.CANCEL, "Ola")
    before = history(desk, run)
    said = do_request(desk.ledger, Request(run.run, Action.CANCEL, desk.clock.now(), who="Ewa"))
    assert said.refused
    assert history(desk, run) == before


def test_whoever_settles_what_was_maybe_sent_is_named(desk: CampaignDesk) -> None:
    run = desk.start()
    taken = desk.ledger.take_run(run.key)
    first = desk.ledger.ready(run.key, now=desk.clock.now(), after=0, limit=1)[0].id
    desk.ledger.commit(run.key, taken.fence, outcomes=[], intents=[first], now=desk.clock.now(), period="p")
    desk.ledger.take_run(run.key)
    ask(desk, run, Action.RESOLVE, "Ola", Decision(first, 1, MessageState.NOT_SENT))
    assert history(desk, run)[-1] == "Ola said what became of what was maybe sent: 1 settled"


def test_who_began_a_run_is_in_its_history_and_in_its_json(desk: CampaignDesk) -> None:
    run = desk.start()
    assert run_as_json(desk.ledger, run, held=True)["begun_by"] is None
    desk.ledger.begun_by_hand(run.key, "Ola")
    assert history(desk, run)[-1] == "begun by Ola"
    assert run_as_json(desk.ledger, run, held=True)["begun_by"] == "Ola"


@pytest.mark.parametrize(("said", "read"), [("Ola Nowak", "Ola Nowak"), ("a\nb", "a b"), ("x" * 900, "x" * 200)])
def test_a_request_carries_the_name_on_one_line_and_bounded(desk: CampaignDesk, said: str, read: str) -> None:
    spool = Spool(desk.ledger.path)
    spool.post(Request("a-1", Action.PAUSE, desk.clock.now(), who=said))
    [taken] = spool.pending(desk.clock.now())
    assert taken.who == read


def test_a_request_of_an_older_version_is_nobodys(desk: CampaignDesk) -> None:
    spool = Spool(desk.ledger.path)
    name = spool.post(Request("a-1", Action.PAUSE, desk.clock.now(), who="Ola"))
    path = spool.folder / f"{name}.request"
    document = json.loads(path.read_text("utf-8"))
    del document["who"]
    path.write_text(json.dumps(document), "utf-8")
    [taken] = spool.pending(desk.clock.now())
    assert taken.who == ""
