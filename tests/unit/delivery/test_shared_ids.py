"""One id of the gateway for several messages: no status of it moves any of them, and people are told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sending_desk import Desk, audited, desk, freeze, number, rules

from mmsflow.delivery.shared_ids import MOST_SHARED, too_many_shared
from mmsflow.errors import RunUnfinished
from mmsflow.gateway.model import Evidence, OutgoingMessage, StatusReply, Wire
from mmsflow.ledger.model import PausedBy, RunState
from mmsflow.mms.status import read_delivery_status
from mmsflow.workflow.run import verdict

RETRIEVED = StatusReply(read_delivery_status("Retrieved"), http_status=200)
SHARED = "shared_id"


def ids(it: Desk, given: dict[int, str]) -> None:
    """The gateway gives these ids to the numbered messages, an own one to all others; every status is ``Retrieved``."""

    def evidence(message: OutgoingMessage) -> Evidence:
        own = int(message.msisdn[-6:])
        return Evidence(Wire.ANSWERED, http_status=200, gateway_id=given.get(own, f"own-{own}"))

    it.gateway.evidence = evidence
    it.gateway.reply = lambda _: RETRIEVED


def fates(it: Desk) -> list[tuple[str, str]]:
    return [(row.bucket.value, row.code) for row in it.rows]


@pytest.mark.parametrize("in_flight", [1, 4])
async def test_messages_with_one_id_are_told_nobodys_fate(tmp_path: Path, in_flight: int) -> None:
    async with desk(tmp_path, 6, in_flight=in_flight) as it:
        ids(it, {2: "same", 5: "same"})
        ended = await it.carry_out()
        assert [number for number, fate in enumerate(fates(it), 1) if fate == ("undetermined", SHARED)] == [2, 5]
        assert it.states == {"delivered": 4, "undetermined": 2}
        assert "same" not in {name for _, name in it.gateway.asked}
        assert {k: n for k, n in it.seen[-1].buckets.items() if n} == {
            k: n for k, n in it.ledger.bucket_counts(it.run.key).items() if n
        }
        error = verdict(it.ledger, it.run, ended)
        assert isinstance(error, RunUnfinished)
        assert (error.cause, error.message[:23]) == ("shared_ids", "2 messages have an id t")


async def test_a_gateway_that_goes_on_with_it_stops_the_run(tmp_path: Path) -> None:
    async with desk(tmp_path, 100, in_flight=4) as it:
        ids(it, dict.fromkeys(range(1, 101), "same"))
        ended = await it.carry_out()
        assert ended.halt is not None
        assert ended.halt.error.cause == "shared_ids"
        assert (it.now.state, it.now.paused_by) == (RunState.PAUSED, PausedBy.BREAKER)
        assert len(it.gateway.sent) <= MOST_SHARED + 2 * it.in_flight
        assert it.states["undetermined"] == len(it.gateway.sent)
        assert "delivered" not in it.states


async def test_an_id_of_an_earlier_run_of_the_account_counts_and_the_status_told_before_stands(tmp_path: Path) -> None:
    async with desk(tmp_path, 3) as it:
        ids(it, {})
        await it.carry_out()
        assert it.states == {"delivered": 3}
        later = replace(it, run=freeze(it.ledger, 3, rules(), "later-1", campaign="later"), seen=[])
        ids(it, {1: "own-2", 3: "OWN-3"})
        await later.carry_out()
        assert it.states == {"delivered": 3}
        assert fates(later)[0] == ("undetermined", SHARED)
        assert [fate for fate, _ in fates(later)[1:]] == ["undetermined", "delivered"]  # own-2 again, and OWN-3
        assert audited(tmp_path, later.run) == []


async def test_an_id_that_an_open_message_of_another_run_has_holds_both(tmp_path: Path) -> None:
    async with desk(tmp_path, 1) as it:
        ids(it, {1: "same"})
        await it.carry_out(no_wait=True)
        assert it.states == {"accepted": 1}
        later = replace(it, run=freeze(it.ledger, 2, rules(), "later-1", campaign="later"), seen=[])
        ids(it, {2: "same"})
        await later.carry_out()
        assert it.states == {"undetermined": 1}
        assert later.states == {"delivered": 1, "undetermined": 1}


async def test_without_reports_they_stay_accepted_and_are_counted_all_the_same(tmp_path: Path) -> None:
    async with desk(tmp_path, 4, report=False) as it:
        ids(it, {1: "same", 2: "same", 3: "same"})
        ended = await it.carry_out()
        assert it.states == {"accepted": 4}
        assert it.ledger.shared_ids(it.run.key) == 3
        assert verdict(it.ledger, it.run, ended) is not None


async def test_one_message_that_gets_its_own_id_again_shares_it_with_nobody(tmp_path: Path) -> None:
    """A gateway that takes a repeated request for the same one gives the same id."""
    async with desk(tmp_path, 3) as it:
        ids(it, {})
        answered = it.gateway.evidence
        tries: list[str] = []

        def evidence(message: OutgoingMessage) -> Evidence | None:
            tries.append(message.msisdn)
            busy = message.msisdn == number(2) and tries.count(message.msisdn) == 1
            return Evidence(Wire.ANSWERED, http_status=503, code=5, text="busy") if busy else answered(message)

        it.gateway.evidence = evidence
        await it.carry_out()
        assert it.states == {"delivered": 3}


def test_five_stop_a_run_fewer_do_not() -> None:
    assert too_many_shared(MOST_SHARED - 1) is None
    halt = too_many_shared(MOST_SHARED)
    assert halt is not None
    assert halt.by is PausedBy.BREAKER


async def test_the_audit_finds_fates_by_an_id_that_several_have(tmp_path: Path) -> None:
    async with desk(tmp_path, 3) as it:
        ids(it, {})
        await it.carry_out()
        with it.ledger._database.write() as connection:
            connection.exec_driver_sql("UPDATE messages SET gateway_id = 'same'")
        found = [each for each in it.violations if each.startswith(SHARED)]
        with it.ledger._database.write() as connection:
            connection.exec_driver_sql("UPDATE messages SET gateway_id = 'own-' || id")
        assert len(found) == 2
        assert it.violations == []
