"""Pausing, cancelling and resolving: done by us where nobody holds the ledger, else by the process that does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace

import pytest
from sending_desk import Trouble

from mmsflow.engine.control import LiveRuns, do_request, heed_requests
from mmsflow.errors import LedgerError, RunHeld
from mmsflow.ledger.maybe_sent import Decision
from mmsflow.ledger.model import Outcome, PausedBy, RunInfo, RunState
from mmsflow.ledger.requests import GOOD_FOR, Action, Answer, Request, Spool
from mmsflow.ledger.store import Ledger, LedgerReader
from mmsflow.mms.status import Bucket, MessageState
from mmsflow.workflow.control import Done, have_done
from mmsflow.workflow.standing import standing_of

from .campaign_desk import ACCOUNT, CampaignDesk


def asked(desk: CampaignDesk, run: RunInfo, action: Action, *decisions: Decision) -> asyncio.Task[Done]:
    """What another process asks, which finds the ledger held as long as the desk has it open."""

    @contextmanager
    def open_ledger() -> Iterator[Ledger]:
        with Ledger.open(f"sqlite:///{desk.ledger.path}", command="pause", clock=desk.clock) as ledger:
            yield ledger

    wanted = Request(run.run, action, desk.clock.now(), decisions)
    return asyncio.ensure_future(have_done(desk.ledger.path, open_ledger, wanted, clock=desk.clock))


@asynccontextmanager
async def heeding(desk: CampaignDesk) -> AsyncIterator[None]:
    """The holder looks for requests, while it carries none of the desk's runs out."""
    task = asyncio.ensure_future(heed_requests(desk.ledger, desk.clock, LiveRuns()))
    yield
    task.cancel()


def found(desk: CampaignDesk, run: RunInfo) -> RunInfo:
    with LedgerReader.open(f"sqlite:///{desk.ledger.path}") as ledger:
        current = ledger.find_run(run.run)
    assert current is not None
    return current


async def done(desk: CampaignDesk, run: RunInfo, action: Action, *decisions: Decision) -> Done:
    """Asked where nobody holds the ledger."""
    desk.ledger.close()
    return await asked(desk, run, action, *decisions)


async def test_a_run_that_nobody_carries_out_is_paused_in_the_ledger(desk: CampaignDesk) -> None:
    run = desk.start()
    result = await done(desk, run, Action.PAUSE)
    assert not result.live
    assert "is paused" in result.answer.text
    assert (found(desk, run).state, found(desk, run).paused_by) == (RunState.PAUSED, PausedBy.USER)


async def test_a_paused_run_is_not_carried_on_by_run_but_names_resume(desk: CampaignDesk) -> None:
    run = desk.start()
    await done(desk, run, Action.PAUSE)
    with Ledger.open(f"sqlite:///{desk.ledger.path}") as ledger:
        refusal = standing_of(ledger, ACCOUNT, "winter-sale").refusal
    assert refusal is not None
    assert refusal.exit_code == 7
    assert f"mmsflow resume {run.run}" in refusal.advice


async def test_pausing_twice_is_pausing_once(desk: CampaignDesk) -> None:
    run = desk.start()
    await done(desk, run, Action.PAUSE)
    again = await done(desk, run, Action.PAUSE)
    assert not again.answer.refused
    assert "already" in again.answer.text


async def test_cancelling_ends_what_was_not_sent_and_only_that(desk: CampaignDesk) -> None:
    run = desk.settle(desk.start(), MessageState.ACCEPTED)
    result = await done(desk, run, Action.CANCEL)
    assert result.answer.changed == 1
    assert found(desk, run).state is RunState.CANCELLED
    with Ledger.open(f"sqlite:///{desk.ledger.path}") as ledger:
        counts = ledger.bucket_counts(run.key)
        (_, row) = list(ledger.report_rows(run.key))[:2]
    assert (counts[Bucket.NOT_SENT], counts[Bucket.ACCEPTED], counts[Bucket.PENDING]) == (1, 1, 0)
    assert (row.code, row.reason) == ("cancelled", "cancelled by a person before it was sent")


async def test_what_a_dead_process_left_on_the_wire_is_maybe_sent_and_not_cancelled(desk: CampaignDesk) -> None:
    run = desk.ledger.take_run(desk.start().key)
    (first, _) = desk.ledger.ready(run.key, now=desk.clock.now(), after=0, limit=2)
    desk.ledger.commit(run.key, run.fence, outcomes=[], intents=[first.id], now=desk.clock.now(), period="")
    await done(desk, run, Action.CANCEL)
    with Ledger.open(f"sqlite:///{desk.ledger.path}") as ledger:
        counts = ledger.bucket_counts(run.key)
    assert (counts[Bucket.MAYBE_SENT], counts[Bucket.NOT_SENT]) == (1, 1)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("nth", [1, 2, 3])
async def test_a_cancel_of_a_paused_run_that_is_cut_short_leaves_it_paused_or_cancelled(
    desk: CampaignDesk, nth: int, when: str
) -> None:
    run = desk.start()
    desk.ledger.set_state(run.key, RunState.PAUSED, paused_by=PausedBy.USER, reason="paused by a person")
    Trouble(desk.ledger, of={nth: when})
    with suppress(LedgerError):
        do_request(desk.ledger, Request(run.run, Action.CANCEL, desk.clock.now()))
    now = found(desk, run)
    left = desk.ledger.state_counts(run.key)[MessageState.READY]
    assert (now.state, now.paused_by, left > 0) in {
        (RunState.PAUSED, PausedBy.USER, True),
        (RunState.CANCELLED, PausedBy.NOBODY, False),
    }


async def test_what_the_evidence_journal_knows_of_a_dead_process_is_kept_by_a_cancel(desk: CampaignDesk) -> None:
    run = desk.ledger.take_run(desk.start().key)
    (first, _) = desk.ledger.ready(run.key, now=desk.clock.now(), after=0, limit=2)
    desk.ledger.commit(run.key, run.fence, outcomes=[], intents=[first.id], now=desk.clock.now(), period="")
    desk.ledger.evidence.prepare(desk.ledger.identity())
    outcome = Outcome(first.id, 1, MessageState.ACCEPTED, desk.clock.now(), gateway_id="id-1")
    desk.ledger.evidence.append(run.key, run.fence, "", [outcome])
    await done(desk, run, Action.CANCEL)
    with Ledger.open(f"sqlite:///{desk.ledger.path}") as ledger:
        counts = ledger.bucket_counts(run.key)
    assert (counts[Bucket.ACCEPTED], counts[Bucket.NOT_SENT]) == (1, 1)


@pytest.mark.parametrize("action", [Action.PAUSE, Action.CANCEL])
async def test_a_finished_run_can_be_neither_paused_nor_cancelled(desk: CampaignDesk, action: Action) -> None:
    run = desk.settle(desk.start(), MessageState.REJECTED, MessageState.REJECTED)
    result = await done(desk, run, action)
    assert result.answer.refused
    assert found(desk, run).state is RunState.DONE


async def test_a_run_that_is_gone_is_said_to_be(desk: CampaignDesk) -> None:
    result = await done(desk, replace(desk.start(), run="nobody-1"), Action.PAUSE)
    assert result.answer.refused
    assert "no run nobody-1" in result.answer.text


async def test_the_process_that_holds_the_ledger_does_it_within_two_seconds(desk: CampaignDesk) -> None:
    run = desk.start()
    async with heeding(desk):
        asking = asked(desk, run, Action.PAUSE)
        await desk.clock.advance(1)
        result = await asking
    assert result.live
    assert found(desk, run).paused_by is PausedBy.USER
    assert not list(Spool(desk.ledger.path).folder.iterdir())


async def test_a_run_that_the_holder_does_not_carry_out_cannot_be_resumed_there(desk: CampaignDesk) -> None:
    run = desk.start()
    async with heeding(desk):
        asking = asked(desk, run, Action.RESUME)
        await desk.clock.advance(1)
    assert (await asking).answer.refused


async def test_a_person_decides_while_another_process_holds_the_ledger(desk: CampaignDesk) -> None:
    run = desk.settle(desk.start(), MessageState.UNKNOWN, MessageState.UNKNOWN)
    first, second = desk.ledger.maybe_sent(run.key)
    decisions = [Decision(first.id, 1, MessageState.READY), Decision(second.id, 7, MessageState.NOT_SENT)]
    async with heeding(desk):
        asking = asked(desk, run, Action.RESOLVE, *decisions)
        await desk.clock.advance(1)
    answer = (await asking).answer
    assert answer.changed == 1
    assert "1 were settled otherwise" in answer.text
    assert desk.ledger.state_counts(run.key)[MessageState.READY] == 1


async def test_nothing_of_a_cancelled_run_is_sent_again_also_when_it_was_cancelled_meanwhile(
    desk: CampaignDesk,
) -> None:
    run = desk.settle(desk.start(), MessageState.UNKNOWN)
    (doubt,) = desk.ledger.maybe_sent(run.key)
    async with heeding(desk):
        for action, decisions in (
            (Action.CANCEL, ()),
            (Action.RESOLVE, (Decision(doubt.id, doubt.attempt, MessageState.READY),)),
        ):
            asking = asked(desk, run, action, *decisions)
            await desk.clock.advance(1)
            answer = (await asking).answer
    assert answer.refused
    assert "cancelled" in answer.text
    assert desk.ledger.state_counts(run.key)[MessageState.UNKNOWN] == 1


async def test_a_holder_that_ends_without_an_answer_leaves_it_to_whoever_asked(desk: CampaignDesk) -> None:
    run = desk.start()
    asking = asked(desk, run, Action.PAUSE)
    await desk.clock.advance(1)
    assert not asking.done()
    desk.ledger.close()
    await desk.clock.advance(1)
    result = await asking
    assert not result.live
    assert found(desk, run).paused_by is PausedBy.USER
    assert not list(Spool(desk.ledger.path).folder.iterdir())


async def test_a_holder_that_never_answers_is_named_and_nothing_waits_for_it_later(desk: CampaignDesk) -> None:
    run = desk.start()
    asking = asked(desk, run, Action.PAUSE)
    await desk.clock.advance(GOOD_FOR.total_seconds() + 1)
    with pytest.raises(RunHeld, match="does not answer; nothing was changed"):
        await asking
    async with heeding(desk):
        await desk.clock.advance(2)
    assert found(desk, run).paused_by is PausedBy.NOBODY


async def test_a_request_that_fails_leaves_the_others_done_and_the_trouble_told(desk: CampaignDesk) -> None:
    first, second = desk.start(), desk.start()
    spool, said = Spool(desk.ledger.path), list[LedgerError]()
    names = [spool.post(Request(run.run, Action.PAUSE, desk.clock.now())) for run in (first, second)]

    def reply(request: Request) -> Answer:
        if request.run == first.run:
            raise LedgerError("the disk is full")
        return Answer("done")

    task = asyncio.ensure_future(heed_requests(desk.ledger, desk.clock, LiveRuns(), reply=reply, trouble=said.append))
    await desk.clock.advance(1)
    task.cancel()
    assert [spool.answer(name) for name in names] == [None, Answer("done")]
    assert [error.message for error in said] == ["the disk is full"]
    assert spool.is_taken(names[0])

    again = asyncio.ensure_future(heed_requests(desk.ledger, desk.clock, LiveRuns()))
    await desk.clock.advance(1)
    again.cancel()
    assert not spool.is_taken(names[0]), "whoever asked an earlier holder need not wait any more"
