"""A person's pause stands, whatever the run or another one meets meanwhile; what still holds is met when it is lifted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from sending_desk import Inline, drive
from sharing_desk import Street, street

from mmsflow.audience.consent import Refusals
from mmsflow.engine.control import answer
from mmsflow.engine.embedded import Ended, carry_out
from mmsflow.errors import Finding, InvalidInput, LedgerError
from mmsflow.gateway.model import Evidence, StatusReply, Wire
from mmsflow.ledger.model import PausedBy, RunInfo, RunState
from mmsflow.ledger.requests import Action, Answer, Request
from mmsflow.mms.status import MessageState

MOVED = Evidence(Wire.ANSWERED, http_status=302, text="moved")
UNAUTHORISED = Evidence(Wire.ANSWERED, http_status=401, text="Unauthorized")
REJECTED = Evidence(Wire.ANSWERED, http_status=400, code=1, text="bad sender")
A_PERSON = (RunState.PAUSED, PausedBy.USER)


@pytest.fixture(autouse=True)
async def no_threads() -> None:
    asyncio.get_running_loop().set_default_executor(Inline(max_workers=1))


def ask(it: Street, run: RunInfo, action: Action) -> Answer:
    return answer(it.ledger, Request(run.run, action, it.clock.now()), it.engine.live)


def standing(it: Street, run: RunInfo) -> tuple[RunState, PausedBy]:
    return it.now(run).state, it.now(run).paused_by


def carried(it: Street, run: RunInfo, read: Callable[[], Refusals] | None = None) -> asyncio.Task[Ended]:
    return asyncio.ensure_future(carry_out(it.engine, run, no_wait=False, observer=lambda _: None, read_refusals=read))


@pytest.mark.parametrize("refusal", [MOVED, UNAUTHORISED])
async def test_a_refusal_that_another_run_meets_leaves_a_run_paused_by_a_person_where_it_is(
    tmp_path: Path, refusal: Evidence
) -> None:
    with street(tmp_path) as it:
        held, other = it.run("held", 8, per_second=1.0), it.run("other", 8, per_second=1.0)
        work, others = carried(it, held), carried(it, other)
        await it.passing(2, others)
        assert not ask(it, held, Action.PAUSE).refused
        await it.passing(3, others)
        it.gateway.evidence = lambda _: refusal
        assert (await drive(it.clock, others)).halt is not None
        before = it.sent()["held"]
        await it.passing(600, work)
        assert standing(it, held) == A_PERSON
        assert not work.done()
        assert it.sent()["held"] == before
        # Whoever lets it go learns of the refusal if it is still there, and is not told of one that has passed.
        ask(it, held, Action.RESUME)
        assert (await drive(it.clock, work)).halt is not None
        assert standing(it, held)[1] is it.now(other).paused_by
        it.gateway.evidence = lambda _: None
        assert (await drive(it.clock, carried(it, held))).halt is None
        assert it.ledger.state_counts(held.key)[MessageState.READY] == 0


async def test_a_refusal_that_has_passed_when_the_pause_is_lifted_stops_nothing(tmp_path: Path) -> None:
    with street(tmp_path) as it:
        held, other = it.run("held", 8, per_second=1.0), it.run("other", 8, per_second=1.0)
        work, others = carried(it, held), carried(it, other)
        await it.passing(2, others)
        ask(it, held, Action.PAUSE)
        it.gateway.evidence = lambda _: MOVED
        await drive(it.clock, others)
        it.gateway.evidence = lambda _: None
        ask(it, held, Action.RESUME)
        assert (await drive(it.clock, work)).halt is None
        assert it.accepted(held) == 8


async def test_a_refusal_of_what_was_on_the_wire_when_a_person_paused_the_run_leaves_it_paused(tmp_path: Path) -> None:
    with street(tmp_path, latency=5.0) as it:
        run = it.run("run", 8)
        work = carried(it, run)
        await it.passing(1, work)
        ask(it, run, Action.PAUSE)
        it.gateway.evidence = lambda _: MOVED
        await it.passing(60, work)
        assert standing(it, run) == A_PERSON
        assert it.sent()["run"] == 4
        it.gateway.evidence = lambda _: None
        ask(it, run, Action.RESUME)
        assert (await drive(it.clock, work)).halt is None
        assert it.accepted(run) == 4  # the fate of the others is not known


async def test_a_breaker_that_trips_after_a_person_paused_the_run_counts_when_the_pause_is_lifted(
    tmp_path: Path,
) -> None:
    with street(tmp_path, latency=5.0, in_flight=5) as it:
        run = it.run("run", 12)
        it.gateway.evidence = lambda _: REJECTED
        work = carried(it, run)
        await it.passing(1, work)
        ask(it, run, Action.PAUSE)
        await it.passing(60, work)
        assert standing(it, run) == A_PERSON
        ask(it, run, Action.RESUME)
        await drive(it.clock, work)
        assert standing(it, run) == (RunState.PAUSED, PausedBy.BREAKER)
        assert it.sent()["run"] == 5


async def test_a_run_that_is_held_behind_its_breaker_can_be_cancelled(tmp_path: Path) -> None:
    with street(tmp_path, latency=5.0, in_flight=5) as it:
        run = it.run("run", 12)
        it.gateway.evidence = lambda _: REJECTED
        work = carried(it, run)
        await it.passing(1, work)
        ask(it, run, Action.PAUSE)
        await it.passing(60, work)
        assert not ask(it, run, Action.CANCEL).refused
        assert (await drive(it.clock, work)).halt is None
        assert it.now(run).state is RunState.CANCELLED


async def test_a_pause_while_the_last_requests_before_a_halt_land_is_a_persons(tmp_path: Path) -> None:
    with street(tmp_path, latency=5.0) as it:
        run = it.run("run", 12, per_second=1.0)
        work = carried(it, run)
        await it.passing(4, work)
        it.gateway.evidence = lambda _: MOVED
        await it.passing(5.5, work)  # the first of four has been refused, three are on the wire
        ask(it, run, Action.PAUSE)
        assert (await drive(it.clock, work)).halt is not None
        assert standing(it, run) == A_PERSON
        assert "moved" in it.ledger.run_events(run.key)[-1].reason


async def test_a_list_that_cannot_be_read_while_a_person_holds_the_run_is_read_again_when_it_goes_on(
    tmp_path: Path,
) -> None:
    broken = [True]

    def read() -> Refusals:
        if broken[0]:
            raise InvalidInput([Finding("lists/no.csv", 1, 1, "cannot be read", "mend it")])
        return Refusals({}, {}, (), (), tmp_path, {})

    with street(tmp_path) as it:
        run = it.run("run", 4)
        work = carried(it, run, read)
        await it.passing(0.2, work)
        ask(it, run, Action.PAUSE)
        await it.passing(60, work)
        assert standing(it, run) == A_PERSON
        broken[0] = False
        ask(it, run, Action.RESUME)
        assert (await drive(it.clock, work)).halt is None
        assert it.accepted(run) == 4


async def test_a_ledger_that_fails_leaves_a_persons_pause_alone(tmp_path: Path) -> None:
    def broken(*_: object, **__: object) -> list[int]:
        raise LedgerError("the ledger is damaged")

    with street(tmp_path, latency=5.0) as it:
        run = it.run("run", 8)
        work = carried(it, run)
        await it.passing(1, work)
        ask(it, run, Action.PAUSE)
        it.ledger.commit = broken  # type: ignore[method-assign]
        with pytest.raises(LedgerError):
            await drive(it.clock, work)
        assert standing(it, run) == A_PERSON
        assert "damaged" in it.ledger.run_events(run.key)[-1].reason


@pytest.mark.parametrize("cancels", [False, True])
async def test_a_run_that_has_just_been_halted_is_cancelled_at_once_and_resumed_by_no_word_that_nobody_hears(
    tmp_path: Path, cancels: bool
) -> None:
    with street(tmp_path) as it:
        run = it.run("run", 100, per_second=1.0, report=True)
        slow, asking, asked = asyncio.Event(), asyncio.Event(), it.gateway.status

        async def status(gateway_id: str) -> StatusReply:
            asking.set()
            await slow.wait()
            return await asked(gateway_id)

        it.gateway.status = status  # type: ignore[method-assign]
        it.gateway.evidence = lambda _: MOVED if asking.is_set() else None
        work = carried(it, run)
        for quarter in range(1, 360):
            await it.passing(quarter / 4, work)
            if standing(it, run) == (RunState.PAUSED, PausedBy.GATEWAY):
                break
        assert standing(it, run) == (RunState.PAUSED, PausedBy.GATEWAY)
        assert not work.done()  # a question for a report is still under way
        ask(it, run, Action.PAUSE)
        assert ask(it, run, Action.RESUME).refused
        assert standing(it, run) == A_PERSON
        if cancels:
            assert ask(it, run, Action.CANCEL).changed > 0
        slow.set()
        await drive(it.clock, work)
        assert (it.ledger.state_counts(run.key)[MessageState.READY] > 0) is not cancels
        assert it.now(run).state is (RunState.CANCELLED if cancels else RunState.PAUSED)
        assert it.violations == []
