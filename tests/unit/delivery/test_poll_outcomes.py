"""A question without an answer: when it is its id's own, when it is the account's, and what nobody may lose by it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sending_desk import START, Desk, PlantedGateway, after_a_crash, desk, drive, freeze, rules
from test_polling import accept_all

from mmsflow.delivery.poll_outcomes import SEVERAL, Blame, Suspicion, blame, judge, said
from mmsflow.engine.embedded import carry_out
from mmsflow.errors import GatewayRefused, GatewayUnavailable
from mmsflow.gateway.model import StatusReply
from mmsflow.ledger.model import DuePoll
from mmsflow.mms.status import read_delivery_status
from mmsflow.workflow.run import verdict

RETRIEVED = StatusReply(read_delivery_status("Retrieved"), http_status=200)
HOUR = timedelta(hours=1)

ANSWERS = {
    "connection reset": StatusReply(None, text="the connection was reset"),
    "a body nobody can read": StatusReply(None, http_status=200, text="the answer is no JSON (text/html, 12 bytes)"),
    "404": StatusReply(None, http_status=404, code=60, text="Resource not found"),
    "500": StatusReply(None, http_status=500, code=1, text="Internal error"),
    "503 with a time": StatusReply(None, http_status=503, text="busy", retry_after_seconds=600),
    "401": StatusReply(None, http_status=401, code=41, text="Invalid credentials"),
    "403": StatusReply(None, http_status=403, code=52, text="Forbidden user"),
    "429": StatusReply(None, http_status=429, text="slow down"),
}
GOOD, BAD = 300, 12


def bad_ids(where: str, bad: int = BAD) -> set[str]:
    numbers = {"first": range(1, bad + 1), "last": range(GOOD + 1, GOOD + bad + 1), "spread": range(1, 26 * bad, 26)}
    return {f"id-{number}" for number in numbers[where]}


def good_ones_asked_by(it: Desk, bad: set[str]) -> float:
    """Seconds from the first question until the last good id was asked about for the first time."""
    first: dict[str, float] = {}
    for moment, name in it.gateway.asked:
        first.setdefault(name, moment)
    assert len(first) == GOOD + len(bad)
    return max(moment for name, moment in first.items() if name not in bad) - min(first.values())


@pytest.mark.parametrize("where", ["first", "last", "spread"])
@pytest.mark.parametrize("kind", ANSWERS)
async def test_twelve_ids_that_fail_keep_nobody_waiting(tmp_path: Path, kind: str, where: str) -> None:
    bad = bad_ids(where)
    async with desk(tmp_path, GOOD + BAD, carried=rules(poll_until=HOUR)) as it:
        accept_all(it, GOOD + BAD, lambda _: 10)
        it.gateway.reply = lambda name: ANSWERS[kind] if name in bad else RETRIEVED
        ended = await it.carry_out()
        assert it.states == {"delivered": GOOD, "accepted": BAD}
        assert good_ones_asked_by(it, bad) < 10  # 312 questions at 50 a second take 6.2 s
        assert ended.unanswered == BAD
        error = verdict(it.ledger, it.run, ended)
        assert isinstance(error, GatewayUnavailable)
        assert "12 asked in vain" in error.message
        assert "not asked" not in error.message
        reasons = {row.reason for row in it.rows if row.bucket.value == "accepted"}
        assert all(said(ANSWERS[kind]) in reason and "in vain" in reason for reason in reasons)


@pytest.mark.parametrize("where", ["first", "spread"])
@pytest.mark.parametrize("bad_ones", [12, 60])
async def test_ids_that_are_never_answered_hold_their_place_for_a_moment_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, bad_ones: int
) -> None:
    bad = {f"id-{number}" for number in (range(1, bad_ones + 1) if where == "first" else range(1, 5 * bad_ones, 5))}
    ask = PlantedGateway.status

    async def status(gateway: PlantedGateway, name: str) -> StatusReply:
        if name not in bad:
            return await ask(gateway, name)
        gateway.asked.append((gateway._clock.monotonic(), name))
        await gateway._clock.sleep(60)
        return StatusReply(None, text="no whole reply within 60 s")

    monkeypatch.setattr(PlantedGateway, "status", status)
    async with desk(tmp_path, GOOD + bad_ones, carried=rules(poll_until=HOUR)) as it:
        accept_all(it, GOOD + bad_ones, lambda _: 10)
        it.gateway.reply = lambda _: RETRIEVED
        await it.carry_out()
        assert it.states == {"delivered": GOOD, "accepted": bad_ones}
        assert good_ones_asked_by(it, bad) < (16 if bad_ones == 12 else 90)


async def test_bad_ids_of_every_kind_together_keep_nobody_waiting(tmp_path: Path) -> None:
    kinds = list(ANSWERS.values())
    bad = bad_ids("first", 48)
    async with desk(tmp_path, GOOD + 48, carried=rules(poll_until=HOUR)) as it:
        accept_all(it, GOOD + 48, lambda _: 10)
        it.gateway.reply = lambda name: kinds[int(name[3:]) % len(kinds)] if name in bad else RETRIEVED
        await it.carry_out()
        assert it.states == {"delivered": GOOD, "accepted": 48}
        assert good_ones_asked_by(it, bad) < 20


@pytest.mark.parametrize("kind", [each for each in ANSWERS if each not in ("a body nobody can read", "404")])
async def test_what_all_ids_have_is_the_accounts_and_is_probed_by_single_questions(tmp_path: Path, kind: str) -> None:
    async with desk(tmp_path, GOOD, carried=rules(poll_until=HOUR)) as it:
        accept_all(it, GOOD, lambda _: 10)
        it.gateway.reply = lambda _: ANSWERS[kind] if it.clock.monotonic() < 900 else RETRIEVED
        if kind in ("401", "403"):
            with pytest.raises(GatewayRefused, match="does not let us ask"):
                await it.carry_out()
            assert len(it.gateway.asked) < 20
            return
        await it.carry_out()
        assert it.states == {"delivered": GOOD}
        early = [moment for moment, _ in it.gateway.asked if moment < 900]
        assert len(early) < 45


async def test_a_single_message_that_may_not_be_asked_about_ends_as_a_refusal_soon(tmp_path: Path) -> None:
    async with desk(tmp_path, 1) as it:
        accept_all(it, 1, lambda _: 10)
        it.gateway.reply = lambda _: ANSWERS["403"]
        with pytest.raises(GatewayRefused, match="Forbidden user"):
            await it.carry_out()
        assert it.clock.monotonic() < 60


async def test_asking_once_goes_past_ids_that_fail(tmp_path: Path) -> None:
    async with desk(tmp_path, GOOD) as it:
        accept_all(it, GOOD, lambda _: 10)
        it.gateway.reply = lambda name: ANSWERS["500"] if int(name[3:]) <= 40 else RETRIEVED
        await it.ask_once()
        assert it.states == {"delivered": GOOD - 40, "accepted": 40}


async def test_asking_a_dead_gateway_once_stops_and_says_how_far_it_came(tmp_path: Path) -> None:
    async with desk(tmp_path, GOOD) as it:
        accept_all(it, GOOD, lambda _: 10)
        it.gateway.reply = lambda _: ANSWERS["connection reset"]
        with pytest.raises(GatewayUnavailable, match=r"asked for \d+ of 300; the connection was reset"):
            await it.ask_once()
        assert len(it.gateway.asked) < 20


def dead_until(it: Desk, seconds: float) -> Callable[[str], StatusReply]:
    return lambda _: ANSWERS["connection reset"] if it.clock.monotonic() < seconds else RETRIEVED


async def test_a_gateway_that_comes_back_after_the_deadline_is_still_asked(tmp_path: Path) -> None:
    async with desk(tmp_path, 100, carried=rules(poll_until=timedelta(minutes=5))) as it:
        accept_all(it, 100, lambda _: 10)
        it.gateway.reply = dead_until(it, 330)
        ended = await it.carry_out()
        assert ended.unanswered == 0
        assert it.states == {"delivered": 100}


async def test_what_was_never_asked_is_told_apart_and_asked_by_the_next_process(tmp_path: Path) -> None:
    async with desk(tmp_path, 100, carried=rules(poll_until=timedelta(minutes=5))) as it:
        accept_all(it, 100, lambda _: 10)
        it.gateway.reply = dead_until(it, 100_000)
        ended = await it.carry_out()
        left = it.ledger.unanswered(it.run.key)
        assert left.asked + left.unasked == ended.unanswered == 100
        assert left.unasked > 50
        error = verdict(it.ledger, it.run, ended)
        assert error is not None
        assert f"{left.asked} asked in vain (last answers: {left.asked} × no answer)" in error.message
        assert f"{left.unasked} not asked" in error.message
        said_of = [row.reason for row in it.rows]
        assert sum("not asked until its deadline: the connection was reset" in reason for reason in said_of) == (
            left.unasked
        )
        async with after_a_crash(it, tmp_path / "restart") as restarted:
            restarted.gateway.reply = lambda _: RETRIEVED
            await restarted.carry_out()
            assert restarted.states == {"delivered": 100}


async def test_another_runs_bad_ids_do_not_keep_a_run_waiting(tmp_path: Path) -> None:
    """What all ids of one run have is not the account's as long as those of another run are answered."""
    async with desk(tmp_path, 100, carried=rules(poll_until=HOUR)) as it:
        accept_all(it, 100, lambda _: 10, "bad")
        other = replace(it, run=freeze(it.ledger, 100, rules(poll_until=HOUR), "other-1", campaign="other"))
        accept_all(other, 100, lambda _: 10, "good")
        it.gateway.reply = lambda name: ANSWERS["500"] if name.startswith("bad") else RETRIEVED
        engine = it.engine
        both = asyncio.gather(
            *(carry_out(engine, each.run, no_wait=False, observer=it.seen.append) for each in (it, other))
        )
        await drive(it.clock, both)
        assert other.states == {"delivered": 100}
        asked = [moment for moment, name in it.gateway.asked if name.startswith("good")]
        assert max(asked) - min(asked) < 30


def test_of_whom_each_answer_is() -> None:
    assert [blame(each) for each in ANSWERS.values()] == [
        Blame.SHARED,
        Blame.MESSAGE,
        Blame.MESSAGE,
        *[Blame.SHARED] * 5,
    ]
    assert blame(RETRIEVED) is Blame.NOBODY
    assert blame(StatusReply(None, http_status=401, text="no token", not_asked=True)) is Blame.ACCOUNT


def test_one_id_alone_never_makes_a_suspicion() -> None:
    suspicion = Suspicion()
    answers = [(1, "500"), (2, "connection reset")] * 50 + [(number, "500") for number in range(3, SEVERAL + 1)]
    shared = []
    for number, kind in answers:
        suspicion.note(number, ANSWERS[kind])
        shared.append(suspicion.is_shared)
    suspicion.note(99, RETRIEVED)
    assert [*shared, suspicion.is_shared] == [*[False] * 100, True, False]


def test_the_time_that_an_answer_asks_for_is_its_ids_own_up_to_a_quarter_of_an_hour() -> None:
    poll = DuePoll(1, "id-1", START, 1, "")
    for asked, waits in ((600.0, 600), (10.0**9, 900)):
        reply = StatusReply(None, http_status=503, retry_after_seconds=asked)
        result = judge(poll, reply, now=START + timedelta(seconds=10), until=72 * HOUR, grace=HOUR)
        assert result.next_poll_at == START + timedelta(seconds=10 + waits)
