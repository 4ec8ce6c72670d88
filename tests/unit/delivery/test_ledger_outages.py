"""The ledger cannot be written while a run goes on: nothing is begun, nothing that was seen is lost."""

from __future__ import annotations

import asyncio
import os
import signal
from itertools import pairwise
from pathlib import Path

import pytest
from sending_desk import Desk, Trouble, advance, after_a_crash, desk, drive, number, rules, settle, until

from mmsflow.engine.embedded import Ended
from mmsflow.errors import LedgerUnavailable
from mmsflow.gateway.model import Evidence, OutgoingMessage, Wire
from mmsflow.ledger.model import RunState
from mmsflow.mms.status import MessageState

LOST = Evidence(Wire.BEGUN, text="no reply")
UNREACHABLE = Evidence(Wire.NOT_BEGUN, text="connection refused")


async def on_the_wire(it: Desk) -> asyncio.Task[Ended]:
    """The run is carried out and its first requests wait for their replies."""
    it.gateway.hold = asyncio.Event()
    task = asyncio.ensure_future(it.carrying_out())
    await settle(task)
    assert it.gateway.on_wire == it.in_flight
    return task


def replies_come(it: Desk) -> None:
    assert it.gateway.hold is not None
    it.gateway.hold.set()


async def test_while_the_ledger_is_out_nothing_is_begun_and_afterwards_it_goes_on_by_itself(tmp_path: Path) -> None:
    async with desk(tmp_path, 12) as it:
        trouble = Trouble(it.ledger)
        task = await on_the_wire(it)
        trouble.lasts = True
        replies_come(it)
        await until(it, task, 30)
        assert len(it.gateway.sent) == it.in_flight
        assert "no room left; nothing is sent until it can be written again" in it.seen[-1].notice
        trouble.lasts = False
        ended = await drive(it.clock, task)
        assert (ended.halt, it.states) == (None, {"delivered": 12})
        assert set(it.received.values()) == {1}
        assert it.seen[-1].notice == ""
        assert it.violations == []


async def test_an_outage_is_tried_again_after_growing_pauses_of_five_seconds_at_most(tmp_path: Path) -> None:
    async with desk(tmp_path, 3, in_flight=2) as it:
        trouble = Trouble(it.ledger)
        task = await on_the_wire(it)
        trouble.lasts = True
        replies_come(it)
        await settle(task)
        tried: list[float] = []
        while it.clock.monotonic() < 300:
            before = trouble.count
            await advance(it.clock, task)
            tried += [it.clock.monotonic()] * (trouble.count > before)
        waits = [after - before for before, after in pairwise(tried[2:])]
        assert max(waits) <= 5.1
        trouble.lasts = False
        await drive(it.clock, task)
        assert it.states == {"delivered": 3}


@pytest.mark.parametrize("how", ["before", "after"])
@pytest.mark.parametrize("nth", range(1, 10))
async def test_a_commit_that_fails_before_or_after_it_became_durable_loses_and_repeats_nothing(
    tmp_path: Path, nth: int, how: str
) -> None:
    async with desk(tmp_path, 7, in_flight=2) as it:
        # Counted from the first step after the run was taken.
        it.gateway.evidence = lambda _: UNREACHABLE if it.clock.monotonic() < 0.01 else None
        trouble = Trouble(it.ledger, of={nth + 1: how})
        ended = await it.carry_out()
        assert trouble.count > nth
        assert ended.halt is None
        assert it.states == {"delivered": 7}
        assert set(it.received.values()) == {1}
        assert it.violations == []
        assert it.seen[-1].unsent == 0


@pytest.mark.parametrize("how", ["before", "after"])
async def test_an_intent_that_could_not_be_written_is_no_request(tmp_path: Path, how: str) -> None:
    async with desk(tmp_path, 2) as it:
        begun: list[str] = []

        def sent(message: OutgoingMessage) -> None:
            begun.append(message.msisdn)
            assert it.in_state(MessageState.SENDING) == 2

        it.gateway.before = sent
        Trouble(it.ledger, of={3: how})  # 1 takes the run, 2 keeps the quota's reading
        await it.carry_out()
        assert begun == [number(1), number(2)]


async def test_what_was_seen_before_a_crash_within_an_outage_is_known_to_the_next_process(tmp_path: Path) -> None:
    async with desk(tmp_path, 12) as it:
        trouble = Trouble(it.ledger)
        task = await on_the_wire(it)
        seen = {number(1): LOST, number(2): UNREACHABLE}
        it.gateway.evidence = lambda message: seen.get(message.msisdn)
        trouble.lasts = True
        replies_come(it)
        await until(it, task, 2)
        async with after_a_crash(it, tmp_path / "copy") as again:
            again.gateway.evidence = lambda _: None
            taken = again.ledger.take_run(it.run.key)
            assert again.states == {"ready": 9, "accepted": 2, "unknown": 1}
            assert taken.fence == 2
            await again.carry_out()
            assert again.states == {"delivered": 11, "unknown": 1}
            assert max(again.received.values()) == 1
            assert again.violations == []
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_without_the_journal_they_would_be_maybe_sent(tmp_path: Path) -> None:
    async with desk(tmp_path, 12) as it:
        trouble = Trouble(it.ledger)
        task = await on_the_wire(it)
        trouble.lasts = True
        replies_come(it)
        await until(it, task, 2)
        it.ledger.evidence.clear()
        async with after_a_crash(it, tmp_path / "copy") as again:
            again.ledger.take_run(it.run.key)
            assert again.states == {"ready": 8, "unknown": 4}
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_journal_that_fails_too_leaves_what_was_seen_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError(5, "Input/output error")

    async with desk(tmp_path, 6) as it:
        trouble = Trouble(it.ledger)
        task = await on_the_wire(it)
        monkeypatch.setattr(it.ledger.evidence, "append", broken)
        trouble.lasts = True
        replies_come(it)
        await until(it, task, 20)
        trouble.lasts = False
        await drive(it.clock, task)
        assert it.states == {"delivered": 6}
        assert set(it.received.values()) == {1}


async def test_a_request_that_was_never_begun_is_not_in_the_journal(tmp_path: Path) -> None:
    """Its number may be borne by a later attempt; were it there, a replay could take that one for unsent."""
    async with desk(tmp_path, 4) as it:
        trouble = Trouble(it.ledger, of={3: "before"})
        task = asyncio.ensure_future(it.carrying_out())
        await settle(task)
        assert trouble.count >= 3
        trouble.lasts = True
        await until(it, task, 10)
        assert it.gateway.sent == []
        assert it.ledger.evidence.path.read_bytes().strip(b"\0") == b""
        trouble.lasts = False
        await drive(it.clock, task)
        assert it.states == {"delivered": 4}


async def test_a_signal_during_an_outage_ends_the_process_within_a_bounded_time(tmp_path: Path) -> None:
    async with desk(tmp_path, 12) as it:
        trouble = Trouble(it.ledger)
        task = await on_the_wire(it)
        trouble.lasts = True
        replies_come(it)
        await until(it, task, 40)
        signalled = it.clock.monotonic()
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(LedgerUnavailable, match="no room left"):
            await drive(it.clock, task)
        assert it.clock.monotonic() - signalled <= 20
        async with after_a_crash(it, tmp_path / "copy") as again:
            again.ledger.take_run(it.run.key)
            assert again.states == {"ready": 8, "accepted": 4}


async def test_without_waiting_an_outage_ends_the_command_after_a_few_tries(tmp_path: Path) -> None:
    async with desk(tmp_path, 12) as it:
        Trouble(it.ledger, of=dict.fromkeys(range(3, 1000), "before"))
        with pytest.raises(LedgerUnavailable):
            await it.carry_out(no_wait=True)
        assert it.clock.monotonic() < 30
        assert it.gateway.sent == []


async def test_a_full_disk_stops_before_the_request_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    async with desk(tmp_path, 60, in_flight=8, carried=rules(per_second=8)) as it:
        task = asyncio.ensure_future(it.carrying_out())
        await until(it, task, 2)
        connection = it.ledger._database._connection
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        connection.commit()
        while "no room left" not in it.seen[-1].notice:
            assert not task.done()
            await advance(it.clock, task)
        begun = len(it.gateway.sent)
        await until(it, task, it.clock.monotonic() + 60)
        assert len(it.gateway.sent) == begun < 60
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
        connection.commit()
        ended = await drive(it.clock, task)
        assert (ended.halt, it.states) == (None, {"delivered": 60})
        assert set(it.received.values()) == {1}
        assert it.violations == []


async def test_a_breaker_that_trips_within_an_outage_still_waits_for_the_ledger(tmp_path: Path) -> None:
    async with desk(tmp_path, 12) as it:
        it.gateway.evidence = lambda _: Evidence(Wire.ANSWERED, http_status=404)
        trouble = Trouble(it.ledger)
        task = await on_the_wire(it)
        trouble.lasts = True
        replies_come(it)
        await until(it, task, 20)
        trouble.lasts = False
        ended = await drive(it.clock, task)
        assert ended.halt is not None
        assert it.states == {"ready": 12}
        assert it.now.state is RunState.PAUSED


async def test_answers_about_delivery_that_could_not_be_kept_are_asked_for_again(tmp_path: Path) -> None:
    async with desk(tmp_path, 5) as it:
        await it.carry_out(no_wait=True)
        trouble = Trouble(it.ledger)
        task = asyncio.ensure_future(it.carrying_out())
        while not it.gateway.asked:
            await advance(it.clock, task)
        trouble.lasts = True
        await until(it, task, it.clock.monotonic() + 60)
        trouble.lasts = False
        await drive(it.clock, task)
        assert it.states == {"delivered": 5}
        assert it.violations == []


async def test_a_cancel_that_became_durable_although_its_commit_failed_ends_the_run(tmp_path: Path) -> None:
    async with desk(tmp_path, 12) as it:
        task = await on_the_wire(it)
        # The sender was never told: whoever cancelled got an error, and the ledger holds what it says it does not.
        it.ledger.end_unsent(it.run.key, "cancelled by a person before it was sent", "cancelled")
        replies_come(it)
        await until(it, task, 60)
        assert task.done(), "no finished request will ever wake it"
        ended = task.result()
        assert (ended.halt, it.states) == (None, {"delivered": 4, "not_sent": 8})
        found = it.ledger.find_run(it.run.run)
        assert found is not None
        assert found.state is RunState.CANCELLED
        assert len(it.gateway.sent) == 4
