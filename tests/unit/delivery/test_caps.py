"""The frequency cap at the moment of sending, and the suppression list over what is sent once more."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from sending_desk import Desk, desk, freeze, number, rules

from mmsflow.audience.consent import Refusals
from mmsflow.audience.sources import SourcePlan, plan_sources
from mmsflow.campaign.amounts import read_at_most
from mmsflow.campaign.sources import CsvSource
from mmsflow.campaign.templating import Templates
from mmsflow.delivery.rules import RunRules
from mmsflow.gateway.model import Evidence, OutgoingMessage, Wire
from mmsflow.ledger.model import Outcome, Refusal, RunInfo
from mmsflow.mms.status import MessageState

ONCE_A_DAY = rules(at_most=read_at_most("1 in 1 day"))


def others(it: Desk, sent: int, name: str, but: frozenset[str] = frozenset()) -> RunInfo:
    """Another run on the account that has sent to the first so many people now, but to some."""
    run = it.ledger.take_run(freeze(it.ledger, sent, rules(), name).key)
    now = it.clock.now()
    ready = it.ledger.ready(run.key, now=now, after=0, limit=sent)
    ids = [message.id for message in ready if message.msisdn not in but]
    it.ledger.commit(run.key, run.fence, outcomes=[], intents=ids, now=now, period="")
    outcomes = [Outcome(each, 1, MessageState.ACCEPTED, now, gateway_id=f"{name}-{each}") for each in ids]
    it.ledger.commit(run.key, run.fence, outcomes=outcomes, intents=[], now=now, period="")
    return run


def plan_of_a_list(folder: Path) -> SourcePlan:
    (folder / "no.csv").write_text("number\n")
    (plan,) = plan_sources([CsvSource.model_validate({"csv": "no.csv"})], folder, Templates(folder))
    return plan


async def test_whom_another_campaign_has_sent_to_since_the_plan_gets_nothing_now(tmp_path: Path) -> None:
    async with desk(tmp_path, 6, carried=ONCE_A_DAY) as it:
        others(it, 2, "other-1")
        await it.carry_out()
        assert it.states == {"delivered": 4, "suppressed": 2}
        assert {row.reason for row in it.rows if row.code == "at_most"} == {
            "had 1 message in the last 1 day, the cap is 1 in 1 day"
        }
        assert not it.received.keys() & {number(1), number(2)}


async def test_the_time_of_a_cap_slides_and_a_cap_of_two_lets_the_second_through(tmp_path: Path) -> None:
    async with desk(tmp_path, 3, carried=ONCE_A_DAY) as it:
        others(it, 3, "other-1")
        await it.clock.advance(timedelta(days=1, seconds=1).total_seconds())
        await it.carry_out()
        assert it.states == {"delivered": 3}
    (tmp_path / "two").mkdir()
    async with desk(tmp_path / "two", 3, carried=rules(at_most=read_at_most("2 in 1 day"))) as it:
        others(it, 3, "other-1")
        others(it, 1, "other-2")
        await it.carry_out()
        assert it.states == {"delivered": 2, "suppressed": 1}


async def test_while_no_other_run_sends_each_message_is_looked_up_once_however_slow_the_pace(tmp_path: Path) -> None:
    async with desk(tmp_path, 20, carried=rules(at_most=read_at_most("1 in 1 day"), per_second=2)) as it:
        looked_up: list[str] = []
        real = it.ledger.recent_counts

        def counting(account: str, numbers: list[str], *rest: object, **more: object) -> dict[str, int]:
            looked_up.extend(numbers)
            return real(account, numbers, *rest, **more)  # type: ignore[arg-type]

        it.ledger.recent_counts = counting  # type: ignore[assignment, method-assign]
        await it.carry_out()
        assert it.states == {"delivered": 20}
        assert sorted(looked_up) == sorted(number(n) for n in range(1, 21))


async def test_many_who_get_nothing_are_set_aside_in_blocks_and_others_have_their_turn_in_between(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path, 1200, carried=ONCE_A_DAY) as it:
        others(it, 1199, "other-1")
        turns, blocks = [0], []
        real = it.ledger.suppress

        def counting(key: int, refusals: Sequence[Refusal]) -> list[int]:
            blocks.append((turns[0], len(refusals)))
            return real(key, refusals)

        async def turn() -> None:
            while True:
                turns[0] += 1
                await asyncio.sleep(0)

        it.ledger.suppress = counting  # type: ignore[method-assign]
        turning = asyncio.ensure_future(turn())
        await it.carry_out()
        turning.cancel()
        assert it.states == {"delivered": 1, "suppressed": 1199}
        assert [size for _, size in blocks] == [500, 500, 199]
        assert len({seen for seen, _ in blocks}) == 3


async def test_whose_turn_has_not_come_is_judged_when_it_has(tmp_path: Path) -> None:
    async with desk(tmp_path, 4, in_flight=1, carried=replace(ONCE_A_DAY, per_second=0.01)) as it:
        others(it, 4, "other-1", but=frozenset({number(2), number(3)}))
        await it.clock.advance(timedelta(days=1, seconds=-50).total_seconds())
        await it.carry_out()
        assert it.states == {"delivered": 3, "suppressed": 1}
        assert number(1) not in it.received


async def test_who_was_suppressed_meanwhile_is_not_sent_to_once_more(tmp_path: Path) -> None:
    async with desk(tmp_path, 3, carried=rules(resend_unknown=True)) as it:
        suppressed: dict[int, int] = {}
        # The mapping grows while the run goes on, as the list does when it is read again.
        plans = (plan_of_a_list(tmp_path),)
        it.read_refusals = lambda: Refusals({}, {}, (), (), tmp_path, {}, suppressed, plans)
        lost: list[str] = []

        def evidence(message: OutgoingMessage) -> Evidence | None:
            if message.msisdn != number(2) or lost:
                return None
            lost.append(message.msisdn)
            suppressed[int(number(2)[3:])] = 1
            return Evidence(Wire.BEGUN, text="no reply")

        it.gateway.evidence = evidence
        await it.carry_out()
        assert it.states == {"delivered": 2, "suppressed": 1}


def test_a_cap_is_frozen_with_the_run_and_old_runs_have_none() -> None:
    config = ONCE_A_DAY.as_config()
    assert RunRules.from_config(config) == ONCE_A_DAY
    del config["at_most"]
    assert RunRules.from_config(config).at_most is None
