"""Settling what was maybe sent: exactly what a person was shown is done, and nothing that came later."""

from __future__ import annotations

import re

from mmsflow.ledger.requests import Action
from mmsflow.mms.status import MessageState

from . import scene
from .client import Client
from .desk import Served

PATH = f"/runs/{scene.DOUBTFUL}/maybe-sent"


def mark_in(page: str) -> str:
    found = re.search(r'name="confirmed" value="([0-9a-f]+)"', page)
    assert found
    return found[1]


def uncertain(served_page: Served) -> list[tuple[int, int]]:
    with served_page.desk.reading() as ledger:
        run = ledger.find_run(scene.DOUBTFUL)
        assert run is not None
        return [(doubt.id, doubt.attempt) for doubt in ledger.maybe_sent(run.key)]


def test_more_or_other_messages_than_were_shown_are_shown_again_first(owner: Client, served_page: Served) -> None:
    first, *rest = uncertain(served_page)
    assert len(rest) == 2
    asked = owner.post(PATH, {"all": "not_sent"})
    assert (asked.status, "<dd>3</dd>" in asked.text) == (200, True)
    before = mark_in(asked.text)

    one = owner.post(PATH, {f"m-{first[0]}-{first[1]}": "sent"})
    assert owner.post(PATH, {f"m-{first[0]}-{first[1]}": "sent", "confirmed": mark_in(one.text)}).status == 303
    assert uncertain(served_page) == rest

    again = owner.post(PATH, {"all": "not_sent", "confirmed": before})
    assert again.status == 200
    assert "Nothing was done yet" in again.text
    assert "<dd>2</dd>" in again.text
    assert uncertain(served_page) == rest

    assert owner.post(PATH, {"all": "not_sent", "confirmed": mark_in(again.text)}).status == 303
    assert uncertain(served_page) == []
    done = [request for request in served_page.desk.asked if request.action is Action.RESOLVE][-1]
    assert {(decision.id, decision.attempt) for decision in done.decisions} == set(rest)
    assert {decision.state for decision in done.decisions} == {MessageState.NOT_SENT}


def test_a_word_that_was_never_shown_confirms_nothing(owner: Client, served_page: Served) -> None:
    asked = len(served_page.desk.asked)
    for word in ("yes", "", "0" * 64):
        assert owner.post(PATH, {"all": "sent", "confirmed": word}).status in {200, 303}
    assert len(served_page.desk.asked) == asked
