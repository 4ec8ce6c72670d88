"""When a person is asked about accounts: other names, client ids, and what a ledger or only a marker knows of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert

from mmsflow.account import counts_in
from mmsflow.answers_file import keep_answer
from mmsflow.errors import PlanRefused
from mmsflow.known_accounts import Answer, KnownAccounts, Relation
from mmsflow.ledger.model import NewRun, RunInfo, WaveRecord
from mmsflow.ledger.schema import lost_runs
from mmsflow.ledger.store import Ledger
from mmsflow.message.model import PlannedMessage
from mmsflow.secret import Secret
from mmsflow.settings import Settings
from mmsflow.workflow.guard import leave_marker, marked_runs
from mmsflow.workflow.other_account import (
    OtherRun,
    account_question,
    answer_question,
    is_client_new,
    runs_elsewhere,
    unanswered,
)

NOW = datetime(2026, 12, 1, 8, tzinfo=UTC)
HOST = "gw.example"
MINE = f"orange@{HOST}"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "campaigns").mkdir()
    values = {"gateway": "orange", "gateway_url": f"https://{HOST}", "client_id": "me", "client_secret": Secret("x")}
    return Settings(workspace=tmp_path, **values)  # type: ignore[arg-type]


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Ledger]:
    with Ledger.open(settings.ledger_url) as ledger:
        ledger.names_of = lambda account: settings.known_accounts.names_of(account)
        yield ledger


def file_of(settings: Settings) -> Path:
    return settings.workspace / "campaigns" / "offer.yaml"


def freeze(ledger: Ledger, account: str, run: str, **more: object) -> RunInfo:
    new = NewRun(
        run=run,
        campaign="offer",
        account=account,
        occurrence=run,
        test=False,
        campaign_file="campaigns/offer.yaml",
        campaign_sha256="ab" * 32,
        plan_sha256="cd" * 32,
        git_commit="",
        git_clean=True,
        sender="ACME",
        priority="Normal",
        delivery_report=True,
        config={},
        created_at=NOW,
        rows=1,
        waves=[WaveRecord(1, NOW, 1)],
    )
    message = PlannedMessage(1, "lists/people.csv", 2, "+48501000000", "Kod", ())
    return ledger.freeze_run(replace(new, **more), [(message, 1)], [])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("account", "other", "counts"),
    [
        (MINE, MINE, False),
        (MINE, "main", True),
        ("main", "second", True),
        (MINE, "me@gw.example", True),
        (MINE, "simulator", False),
        ("simulator", MINE, False),
        (MINE, "main (test)", False),
        ("main (test)", MINE, False),
        ("main (test)", "simulator@gw.example", False),
        # Off this machine the profile's name is no proof that it is a simulator.
        (MINE, "simulator@gw.example", True),
        ("simulator@gw.example", "main", True),
        ("simulator@a.example", "simulator@b.example", True),
        ("main", "simulator@127.0.0.1:8460", False),
        (MINE, "simulator@[::1]:8460", False),
        ("simulator@localhost:1", "simulator@localhost:2", False),
        # On it, the profile's name alone tells these two apart.
        ("orange@127.0.0.1:8460", "simulator@127.0.0.1:8460", True),
        ("simulator@localhost", "orange@localhost", True),
        ("orange@localhost:1", "simulator@localhost:2", False),
    ],
)
def test_which_accounts_may_matter_to_which(account: str, other: str, counts: bool) -> None:
    assert counts_in(account, other) is counts
    asked = unanswered(KnownAccounts(), account, [OtherRun(other, "offer-1", "this ledger")])
    assert [each.account for each in asked] == ([other] if counts else [])


def test_what_has_been_answered_is_not_asked_and_a_chain_of_answers_holds() -> None:
    same, apart = Relation.SAME, Relation.SEPARATE
    known = KnownAccounts([Answer("a", "b", same), Answer("b", MINE, same), Answer("c", "a", apart)])
    runs = [OtherRun(name, f"{name}-1", "this ledger") for name in ("a", "b", "c", "d", MINE)]
    assert [each.account for each in unanswered(known, MINE, runs)] == ["d"]


@pytest.mark.parametrize(
    ("client", "seen", "rotated", "new"),
    [
        ("x", {"x"}, (), False),
        ("x", {"y"}, (), True),
        ("x", {"y"}, ("x",), False),
        ("x", set(), (), False),
        ("", {"y"}, (), False),
    ],
)
def test_a_client_id_is_asked_about_where_others_are_known_and_it_is_not(
    client: str, seen: set[str], rotated: tuple[str, ...], new: bool
) -> None:
    assert is_client_new(client, seen, rotated) is new


def test_a_run_under_another_account_blocks_until_it_is_answered(ledger: Ledger, settings: Settings) -> None:
    freeze(ledger, "main", "offer-1")
    question = account_question(ledger, settings, "offer", file_of(settings))
    (blocker,) = question.blockers()
    assert blocker.cause == "other_account"
    assert "offer-1 under main" in blocker.message
    assert MINE in blocker.message
    with pytest.raises(PlanRefused):
        answer_question(question, settings, "rotated", asked=question.digest, who="Ola")
    with pytest.raises(PlanRefused):
        answer_question(question, settings, "same", asked="another", who="Ola")
    answer_question(question, settings, "same", asked=question.digest, who="Ola")
    assert not account_question(ledger, settings, "offer", file_of(settings)).blockers()
    assert [run.run for run in ledger.runs(account=MINE)] == ["offer-1"]


def test_another_campaign_and_tests_are_not_asked_about(ledger: Ledger, settings: Settings) -> None:
    freeze(ledger, "main", "offer-test-1", test=True)
    freeze(ledger, "main", "other-1", campaign="other")
    assert not account_question(ledger, settings, "offer", file_of(settings)).blockers()


def test_a_new_client_id_blocks_only_an_account_that_nobody_has_named(ledger: Ledger, settings: Settings) -> None:
    freeze(ledger, MINE, "offer-1", client=ledger.client_fingerprint("somebody"))
    (blocker,) = account_question(ledger, settings, "offer", file_of(settings)).blockers()
    assert blocker.cause == "client_id_new"
    known = replace(settings, client_id="somebody")
    assert not account_question(ledger, known, "offer", file_of(settings)).blockers()
    keep_answer(settings.workspace / "mmsflow.toml", Answer(MINE, "main", Relation.SAME))
    named = replace(settings, named_account="main")
    assert not account_question(ledger, named, "offer", file_of(settings)).blockers()


def test_what_only_a_marker_or_a_witness_knows_is_asked_about(ledger: Ledger, settings: Settings) -> None:
    marker = {"run": "offer-9", "ledger": "0" * 32, "fence": 1, "events": 3, "campaign_sha256": ""}
    path = settings.workspace / "campaigns" / ".runs" / "offer.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"version": 2, "campaign": "offer", "accounts": {"marked": marker}}))
    with ledger._database.write() as connection:
        values = {"run": "offer-8", "campaign": "offer", "account": "lost", "begun": 3, "at": 1}
        connection.execute(insert(lost_runs), values)
    found = {each.account: each.run for each in runs_elsewhere(ledger, "offer", file_of(settings))}
    assert found == {"marked": "offer-9", "lost": "offer-8"}
    (blocker,) = account_question(ledger, settings, "offer", file_of(settings)).blockers()
    assert blocker.cause == "other_account"


def test_of_a_marker_s_run_that_the_ledger_holds_the_ledger_says_the_account(
    ledger: Ledger, settings: Settings
) -> None:
    run = freeze(ledger, MINE, "offer-1")
    marker = {"run": run.run, "ledger": ledger.identity(), "fence": 0, "events": 0, "campaign_sha256": ""}
    accounts = {"a@gw.example": marker, "b@gw.example": marker | {"run": "offer-0", "ledger": "0" * 32}}
    path = settings.workspace / "campaigns" / ".runs" / "offer.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"campaign": "offer", "accounts": accounts}))
    found = {each.account for each in runs_elsewhere(ledger, "offer", file_of(settings))}
    assert found == {MINE, "b@gw.example"}


def test_a_marker_under_an_account_s_other_name_is_followed_by_the_next_run_s(
    ledger: Ledger, settings: Settings
) -> None:
    older = freeze(ledger, "main", "offer-1")
    leave_marker(ledger, older, file_of(settings))
    stranger = freeze(ledger, "second contract", "offer-2")
    leave_marker(ledger, stranger, file_of(settings))
    keep_answer(settings.workspace / "mmsflow.toml", Answer("main", MINE, Relation.SAME))
    leave_marker(ledger, freeze(ledger, MINE, "offer-3"), file_of(settings))
    leave_marker(ledger, older, file_of(settings))  # it comes to rest late
    marked = {account: marker.run for account, marker in marked_runs(file_of(settings), "offer").items()}
    assert marked == {MINE: "offer-3", "second contract": "offer-2"}


def test_times_that_one_name_accounted_for_are_accounted_for_under_the_other(
    ledger: Ledger, settings: Settings
) -> None:
    later, earlier = datetime(2026, 12, 2, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
    ledger.account_for("main", "offer", later, schedule="of before")
    ledger.account_for("separate", "offer", later, schedule="of another contract")
    assert ledger.accounted_until(MINE, "offer") is None
    keep_answer(settings.workspace / "mmsflow.toml", Answer("main", MINE, Relation.SAME))
    assert ledger.accounted_until(MINE, "offer") == later
    ledger.account_for(MINE, "offer", earlier, schedule="new")
    assert ledger.accounted_until(MINE, "offer") == later
    assert {ledger.accounted_schedule(name, "offer") for name in ("main", MINE)} == {"new"}
    assert ledger.accounted_schedule("separate", "offer") == "of another contract"


def test_a_lost_run_under_one_name_is_followed_by_a_run_under_the_other(ledger: Ledger, settings: Settings) -> None:
    with ledger._database.write() as connection:
        values = {"run": "offer-8", "campaign": "offer", "account": "main", "begun": 3, "at": 1}
        connection.execute(insert(lost_runs), values)
    assert not ledger.lost_runs(MINE, "offer")
    keep_answer(settings.workspace / "mmsflow.toml", Answer("main", MINE, Relation.SAME))
    assert [lost.run for lost in ledger.lost_runs(MINE, "offer")] == ["offer-8"]
    freeze(ledger, MINE, "offer-9")
    assert not ledger.lost_runs(MINE, "offer")
