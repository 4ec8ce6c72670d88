"""The folder in which people leave what they ask of a run."""

from __future__ import annotations

import os
import pwd
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mmsflow.errors import LedgerError
from mmsflow.ledger.maybe_sent import Decision
from mmsflow.ledger.ownership import user_name
from mmsflow.ledger.requests import GOOD_FOR, Action, Answer, Request, Spool
from mmsflow.mms.status import MessageState

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
PAUSE = Request("winter-sale-20261201-1", Action.PAUSE, NOW)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "ledger.db")


def files(spool: Spool) -> list[Path]:
    return sorted(spool.folder.iterdir())


def test_a_request_arrives_as_it_was_posted_and_is_given_once(spool: Spool) -> None:
    decisions = (Decision(7, 1, MessageState.READY), Decision(8, 2, MessageState.NOT_SENT))
    name = spool.post(Request("winter-sale-20261201-1", Action.RESOLVE, NOW, decisions))
    assert spool.pending(NOW) == [Request("winter-sale-20261201-1", Action.RESOLVE, NOW, decisions, name)]
    assert spool.pending(NOW) == []


def test_requests_are_given_in_the_order_in_which_they_were_posted(spool: Spool) -> None:
    for seconds, action in ((2, Action.RESUME), (1, Action.PAUSE), (3, Action.CANCEL)):
        spool.post(Request("a", action, NOW + timedelta(seconds=seconds)))
    given = [request.action for request in spool.pending(NOW + timedelta(seconds=3))]
    assert given == [Action.PAUSE, Action.RESUME, Action.CANCEL]


def test_an_answer_comes_back_once_and_nothing_is_left(spool: Spool) -> None:
    name = spool.post(PAUSE)
    (request,) = spool.pending(NOW)
    assert spool.answer(name) is None
    answer = Answer("it is paused", "resume lifts it", changed=3)
    spool.done(request, answer)
    assert spool.answer(name) == answer
    assert files(spool) == []


def test_a_request_is_void_after_its_time_so_that_nobody_pauses_a_run_next_week(spool: Spool) -> None:
    spool.post(PAUSE)
    assert spool.pending(NOW + GOOD_FOR + timedelta(seconds=1)) == []
    assert files(spool) == []


def test_a_request_can_be_taken_back_until_somebody_is_at_it(spool: Spool) -> None:
    first, second = spool.post(PAUSE), spool.post(PAUSE)
    assert spool.withdraw(first)
    (request,) = spool.pending(NOW)
    assert request.id == second
    assert not spool.withdraw(second)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'{"run": "a"}', b'{"run":"a","action":"dance","decisions":[]}', b"\xff"]
)
def test_what_is_no_request_is_cleared_away(spool: Spool, content: bytes) -> None:
    name = spool.post(PAUSE)
    (spool.folder / f"{name}.request").write_bytes(content)
    assert spool.pending(NOW) == []
    assert files(spool) == []


def test_what_was_left_behind_is_cleared_away_and_fresh_answers_are_not(spool: Spool) -> None:
    name = spool.post(PAUSE)
    (request,) = spool.pending(NOW)
    spool.done(request, Answer("done"))
    (spool.folder / "notes.txt").write_text("what somebody else put there")
    (spool.folder / f"{'9' * 20}-1-ab.request").write_text("{}")
    assert spool.pending(NOW + timedelta(minutes=1)) == []
    assert [path.name for path in files(spool)] == [f"{name}.answer"]
    spool.pending(NOW + timedelta(hours=2))
    assert files(spool) == []


def test_an_answer_that_cannot_be_read_is_a_refusal(spool: Spool) -> None:
    name = spool.post(PAUSE)
    (spool.folder / f"{name}.answer").write_text('{"text"')
    answer = spool.answer(name)
    assert answer is not None
    assert answer.refused


def test_requests_and_their_folder_are_for_the_owner_alone(spool: Spool) -> None:
    spool.post(PAUSE)
    assert stat.S_IMODE(spool.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in files(spool)} == {0o600}


def test_a_folder_that_cannot_be_used_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "ledger.db")
    spool.folder.write_text("a file where the folder should be")
    with pytest.raises(LedgerError, match="cannot be used") as caught:
        spool.post(PAUSE)
    assert caught.value.advice


def of_another_user(path: Path, monkeypatch: pytest.MonkeyPatch, uid: int) -> None:
    """The file is that user's, as far as anybody can see."""
    path.touch()
    stat_of = os.stat

    def seen(which: Any, **kwargs: Any) -> os.stat_result:
        found = stat_of(which, **kwargs)
        return os.stat_result((*found[:4], uid, *found[5:10])) if which == path else found

    monkeypatch.setattr(os, "stat", seen)


@pytest.mark.parametrize("there", [False, True])
def test_who_is_not_the_ledgers_owner_leaves_nothing_there_and_is_told_as_whom_to_ask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    ledger = tmp_path / "ledger.db"
    spool = Spool(ledger)
    if there:
        spool.folder.mkdir()
    of_another_user(ledger, monkeypatch, os.geteuid() + 1)
    owner = user_name(os.geteuid() + 1)
    with pytest.raises(LedgerError, match=f"is {owner}'s") as caught:
        spool.post(PAUSE)
    assert "sudo -u" in caught.value.advice
    assert owner in caught.value.advice
    assert spool.folder.exists() is there
    assert not there or files(spool) == []


def test_a_folder_of_the_owner_does_not_take_what_another_user_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = tmp_path / "ledger.db"
    spool = Spool(ledger)
    spool.folder.mkdir()
    of_another_user(ledger, monkeypatch, os.geteuid() + 1)
    of_another_user(spool.folder, monkeypatch, os.geteuid() + 1)
    with pytest.raises(LedgerError, match="could not read"):
        spool.post(PAUSE)
    assert files(spool) == []


def test_a_user_without_a_name_is_named_as_sudo_takes_it() -> None:
    assert user_name(os.geteuid()) == pwd.getpwuid(os.geteuid()).pw_name
    assert user_name(2**31 - 7) == f"#{2**31 - 7}"


def test_without_any_request_there_is_no_folder_and_nothing_to_do(spool: Spool) -> None:
    assert spool.pending(NOW) == []
    assert not spool.folder.exists()
