"""Several runs on one account: who goes when, and that what is promised for all runs together holds for all together."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sending_desk import START, drive
from sharing_desk import street

from mmsflow.campaign.amounts import read_at_most
from mmsflow.errors import GatewayRefused
from mmsflow.gateway.model import Evidence, OutgoingMessage, Wire
from mmsflow.ledger.model import PausedBy, RunState
from mmsflow.mms.status import MessageState
from mmsflow.plan.quota import QuotaRules

LOST = Evidence(Wire.BEGUN, text="no reply")
UNAUTHORISED = Evidence(Wire.ANSWERED, http_status=401, text="Unauthorized")
OVERLOADED = Evidence(Wire.ANSWERED, http_status=503, text="Service Unavailable", retry_after_seconds=30)


@pytest.mark.parametrize(
    ("limits", "a_second"), [({"in_flight": 4}, 8), ({"in_flight": 4, "per_second": 5.0}, 5), ({"in_flight": 1}, 2)]
)
async def test_equals_share_slots_and_pace_by_weight(tmp_path: Path, limits: dict[str, Any], a_second: int) -> None:
    with street(tmp_path, **limits) as it:
        it.run("heavy", 400, weight=3)
        it.run("light", 400, weight=1)
        await it.all(until=30)
        sent = it.sent()
        assert sent.total() >= 0.96 * 30 * a_second
        assert abs(sent["heavy"] - 3 * sent["light"]) <= 8


async def test_the_share_that_a_run_does_not_use_is_lent_to_the_others(tmp_path: Path) -> None:
    with street(tmp_path, per_second=10.0) as it:
        it.run("slow", 400, per_second=1.0, weight=9)
        it.run("fast", 400)
        await it.all(until=30)
        sent = it.sent()
        assert 29 <= sent["slow"] <= 33
        assert sent.total() >= 7.5 * 30  # four slots of half a second


async def test_who_comes_later_gets_its_share_from_then_on_and_nothing_for_the_past(tmp_path: Path) -> None:
    with street(tmp_path) as it:
        first, second = it.run("first", 400), it.run("second", 400)
        work = asyncio.gather(it.carry_out(first), it.carry_out(second, after=20))
        await it.passing(20, work)
        before = it.sent()
        await it.up_to(40, work)
        later = it.sent() - before
        assert abs(later["first"] - later["second"]) <= 8
        assert before["second"] == 0


async def test_only_the_highest_priority_sends_while_it_can(tmp_path: Path) -> None:
    with street(tmp_path) as it:
        it.run("low", 40, priority=1)
        it.run("high", 80, priority=9)
        await it.all()
        names = [name for _, name in it.gateway.sent]
        last_of_high = max(index for index, name in enumerate(names) if name == "high")
        # What was on the wire before the other came is not called back.
        assert names[:last_of_high].count("low") <= 4
        assert it.sent() == {"low": 40, "high": 80}


async def test_a_lower_one_goes_on_in_the_pauses_of_a_higher_one(tmp_path: Path) -> None:
    with street(tmp_path, latency=0.2) as it:
        it.run("low", 100, priority=1)
        it.run("high", 10, priority=9, per_second=0.5)
        await it.all()
        moments = [moment for moment, name in it.gateway.sent if name == "high"]
        assert max(moments) <= 20.5
        assert it.sent(upto=10)["low"] >= 90


async def test_a_run_that_is_paused_or_before_its_start_holds_nobody_up(tmp_path: Path) -> None:
    with street(tmp_path) as it:
        it.run("tomorrow", 5, priority=9, start=START + timedelta(hours=20))
        it.run("today", 40)
        await it.all(until=30)
        assert it.sent() == {"today": 40}


async def test_a_run_that_is_paused_by_a_person_lets_the_others_go_on_at_once(tmp_path: Path) -> None:
    with street(tmp_path) as it:
        high, low = it.run("high", 200, priority=9), it.run("low", 40, priority=1)
        work = asyncio.gather(it.carry_out(high), it.carry_out(low))
        await it.passing(5, work)
        live = it.engine.live.get("high")
        assert live is not None
        live.sender.pause(PausedBy.USER, "paused by a person")
        before = it.sent()["low"]
        await it.passing(12, work)
        assert it.sent()["low"] == 40 > before
        live.sender.resume()
        await drive(it.clock, work)
        assert it.sent()["high"] == 200


async def test_who_waits_for_long_says_for_whom_and_nothing_is_written_meanwhile(tmp_path: Path) -> None:
    with street(tmp_path) as it:
        high, low = it.run("high", 300, priority=9), it.run("low", 8, priority=1)
        work = asyncio.gather(it.carry_out(high), it.carry_out(low, after=1))
        await it.passing(3, work)
        assert it.now(low).state is RunState.RUNNING
        await it.passing(12, work)
        waiting = it.now(low)
        assert (waiting.state, waiting.paused_by) == (RunState.PAUSED, PausedBy.ACCOUNT)
        assert waiting.reason == "waits for high, which has priority 9"
        events = len(list(it.ledger.run_events(low.key)))
        await it.passing(30, work)
        assert len(list(it.ledger.run_events(low.key))) == events
        await drive(it.clock, work)
        assert it.sent() == {"high": 300, "low": 8}
        assert it.violations == []


async def test_equals_that_take_turns_are_not_paused(tmp_path: Path) -> None:
    with street(tmp_path, in_flight=1) as it:
        runs = [it.run(f"run-{index}", 10) for index in range(4)]
        await it.all()
        for run in runs:
            paused = [event for event in it.ledger.run_events(run.key) if "paused" in str(event)]
            assert paused == []


async def test_requests_on_the_wire_never_exceed_the_limit_over_all_runs(tmp_path: Path) -> None:
    with street(tmp_path, in_flight=3) as it:
        for index in range(5):
            it.run(f"run-{index}", 15, weight=index + 1)
        await it.all()
        assert it.gateway.most_on_wire == 3
        assert it.sent().total() == 75


async def test_the_pace_of_the_account_holds_over_all_runs(tmp_path: Path) -> None:
    with street(tmp_path, per_second=4.0, in_flight=16) as it:
        for index in range(3):
            it.run(f"run-{index}", 20)
        await it.all()
        moments = sorted(moment for moment, _ in it.gateway.sent)
        for first in range(len(moments)):
            within = [moment for moment in moments[first:] if moment < moments[first] + 5]
            assert len(within) <= 4 * 5.1 + 1


async def test_one_reading_of_the_counter_serves_all_runs(tmp_path: Path) -> None:
    with street(tmp_path) as it:
        for index in range(4):
            it.run(f"run-{index}", 20)
        await it.all()
        assert len(it.gateway.readings) == 1


async def test_a_used_up_quota_is_asked_for_once_by_all_who_wait(tmp_path: Path) -> None:
    with street(tmp_path, quota=30) as it:
        runs = [it.run(f"run-{index}", 20) for index in range(3)]
        work = asyncio.gather(*(it.carry_out(run) for run in runs))
        await it.passing(60, work)
        assert it.sent().total() == 30
        assert {it.now(run).paused_by for run in runs} == {PausedBy.QUOTA}
        assert len(it.gateway.readings) <= 2 + 4  # at the start, when it was used up, then 5, 10, 20, 40 s later
        it.gateway.reset(1000)
        await drive(it.clock, work)
        assert it.sent() == {"run-0": 20, "run-1": 20, "run-2": 20}
        assert it.gateway.refusals == 0


async def test_the_last_of_the_quota_is_shared_by_weight(tmp_path: Path) -> None:
    with street(tmp_path, quota=40, in_flight=16) as it:
        it.run("heavy", 100, weight=3)
        it.run("light", 100, weight=1)
        await it.all(until=60)
        sent = it.sent()
        assert sent.total() == 40
        assert abs(sent["heavy"] - 30) <= 16  # the first sixteen went to whoever came first
        assert it.gateway.refusals == 0


async def test_reserve_and_share_hold_for_each_run_beside_others(tmp_path: Path) -> None:
    with street(tmp_path, quota=100) as it:
        it.run("modest", 100, quota=QuotaRules(share=0.2))
        it.run("careful", 100, quota=QuotaRules(reserve=30))
        await it.all(until=120)
        assert it.sent() == {"modest": 20, "careful": 50}
        assert it.gateway.refusals == 0


async def test_what_is_guaranteed_to_a_campaign_is_left_to_it_to_the_last_message(tmp_path: Path) -> None:
    with street(tmp_path, quota=60) as it:
        greedy, alerts = it.run("greedy", 100, priority=9), it.run("alerts", 40, guaranteed=25)
        work = asyncio.gather(it.carry_out(greedy), it.carry_out(alerts, after=0.2))
        await it.passing(120, work)
        assert it.sent() == {"greedy": 35, "alerts": 25}
        assert it.gateway.refusals == 0
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def test_a_guarantee_holds_for_a_campaign_without_a_run(tmp_path: Path) -> None:
    with street(tmp_path, quota=60, guaranteed=lambda: {"alerts": 25, "greedy": 10}) as it:
        greedy = it.run("greedy", 100)
        work = asyncio.gather(it.carry_out(greedy))
        await it.passing(60, work)
        assert it.sent() == {"greedy": 35}
        assert "guarantees of other campaigns (25)" in it.now(greedy).reason
        alerts = it.run("alerts", 20, guaranteed=25)
        both = asyncio.gather(work, it.carry_out(alerts))
        await it.passing(90, both)
        assert it.sent() == {"greedy": 35, "alerts": 20}
        both.cancel()
        await asyncio.gather(both, return_exceptions=True)


async def test_guarantees_beyond_the_quota_are_kept_in_proportion_and_nobody_is_stuck(tmp_path: Path) -> None:
    with street(tmp_path, quota=30) as it:
        it.run("one", 100, guaranteed=40)
        it.run("other", 100, guaranteed=20)
        await it.all(until=120)
        assert it.sent().total() == 30
        assert it.sent()["other"] >= 9


async def test_an_overload_that_one_run_sees_holds_all_and_one_request_probes(tmp_path: Path) -> None:
    with street(tmp_path) as it:
        first, second = it.run("first", 40), it.run("second", 40)
        it.gateway.evidence = lambda _: OVERLOADED if 5 <= it.clock.monotonic() < 40 else None
        work = asyncio.gather(it.carry_out(first), it.carry_out(second))
        await it.passing(45, work)
        moments = [moment for moment, _ in it.gateway.sent]
        assert [moment for moment in moments if 6 < moment < 35] == []
        assert sum(35 <= moment < 40 for moment in moments) <= 1
        await drive(it.clock, work)
        assert it.sent().total() >= 80
        assert (it.accepted(first), it.accepted(second)) == (40, 40)


async def test_refused_credentials_stop_all_runs_at_once(tmp_path: Path) -> None:
    with street(tmp_path, in_flight=1) as it:
        first, second = it.run("first", 40), it.run("second", 40)
        it.gateway.evidence = lambda _: UNAUTHORISED if it.clock.monotonic() >= 5 else None
        ends = await drive(it.clock, asyncio.gather(it.carry_out(first), it.carry_out(second)))
        assert [isinstance(end.halt and end.halt.error, GatewayRefused) for end in ends] == [True, True]
        assert sum(moment >= 5 for moment, _ in it.gateway.sent) <= 1
        assert {it.now(run).paused_by for run in it.runs} == {PausedBy.CREDENTIALS}
        it.gateway.evidence = lambda _: None
        await it.all()
        assert (it.accepted(first), it.accepted(second)) == (40, 40)


async def test_status_questions_of_all_runs_share_one_budget(tmp_path: Path) -> None:
    with street(tmp_path, poll_per_second=2.0) as it:
        for index in range(3):
            it.run(f"run-{index}", 6, report=True)
        await it.all()
        moments = sorted(moment for moment, _ in it.gateway.questions)
        assert len(moments) == 18
        for first in range(len(moments)):
            within = [moment for moment in moments[first:] if moment < moments[first] + 3]
            assert len(within) <= 2 * 3.1 + 1


async def test_a_run_alone_asks_at_the_whole_budget(tmp_path: Path) -> None:
    with street(tmp_path, poll_per_second=5.0, in_flight=100) as it:
        it.run("only", 200, report=True)
        await it.all()
        moments = [moment for moment, _ in it.gateway.questions]
        assert len(moments) == 200
        assert moments[-1] - moments[0] <= 199 / 5 + 0.1


async def test_a_few_reports_are_asked_for_within_a_few_turns_whatever_backlog_another_run_has(tmp_path: Path) -> None:
    with street(tmp_path, poll_per_second=5.0, in_flight=100) as it:
        big, small = it.run("big", 400, report=True), it.run("small", 10, report=True, start=START)
        work = asyncio.gather(it.carry_out(big), it.carry_out(small, after=15))
        await drive(it.clock, work)
        names = [name for _, name in it.gateway.questions]
        first = names.index("small")
        assert names[first : first + 20].count("small") == 10
        assert names[-1] == "big"
        moments = [moment for moment, name in it.gateway.questions if name == "small"]
        assert moments[0] <= 15 + 0.5 + 10 + 2 / 5 + 0.1  # sent, due after ten seconds, its turn


async def test_questions_are_shared_by_weight_and_a_lower_priority_goes_on(tmp_path: Path) -> None:
    with street(tmp_path, poll_per_second=5.0, in_flight=100) as it:
        it.run("high", 200, report=True, priority=9, weight=1)
        it.run("low", 200, report=True, priority=1, weight=3)
        await it.all(until=45)
        asked = it.asked()
        assert asked.total() >= 5 * 30
        assert abs(asked["low"] - 3 * asked["high"]) <= 16  # pages are read between the questions


async def test_a_run_that_stops_leaves_its_turns_to_the_others_at_once(tmp_path: Path) -> None:
    with street(tmp_path, poll_per_second=0.5, in_flight=100) as it:
        first, second = it.run("first", 30, report=True), it.run("second", 30, report=True)
        stopped, going_on = (asyncio.ensure_future(it.carry_out(run)) for run in (first, second))
        await it.passing(30, going_on)
        live = it.engine.live.get("first")
        assert live is not None
        before = it.asked()
        live.sender.stop()
        live.poller.stop()
        await it.clock.advance(0.1)
        assert stopped.done()
        await it.up_to(70, going_on)
        later = it.asked() - before
        assert later["first"] == 0
        assert later["second"] >= 19


async def test_what_a_crashed_run_had_on_the_wire_is_free_for_the_others(tmp_path: Path) -> None:
    with street(tmp_path, in_flight=2, latency=5) as it:
        doomed, other = it.run("doomed", 10, priority=9), it.run("other", 6)
        cut_off = asyncio.ensure_future(it.carry_out(doomed))
        going_on = asyncio.ensure_future(it.carry_out(other, after=1))
        await it.passing(2, going_on)
        cut_off.cancel()
        await drive(it.clock, going_on)
        assert it.accepted(other) == 6
        assert it.engine.account.under_way == 0


@pytest.mark.parametrize(("limits", "paced"), [({}, {}), ({"per_second": 7.0}, {}), ({}, {"per_second": 3.0})])
@pytest.mark.parametrize("cap", [1, 2])
async def test_a_cap_holds_between_runs_that_go_on_side_by_side(
    tmp_path: Path, cap: int, limits: dict[str, Any], paced: dict[str, Any]
) -> None:
    with street(tmp_path, in_flight=8, **limits) as it:
        for index in range(cap + 1):
            it.run(f"run-{index}", 24, at_most=read_at_most(f"{cap} in 7 days"), **paced)
        await it.all()
        assert {len(runs) for runs in it.gateway.had.values()} == {cap}
        assert it.sent().total() == 24 * cap
        assert it.violations == []


async def test_what_another_run_has_on_the_wire_or_sent_with_an_unknown_fate_counts_as_had(tmp_path: Path) -> None:
    with street(tmp_path, in_flight=8, latency=60.0) as it:
        it.gateway.evidence = lambda message: LOST if message.sender == "first" else None
        first, second = it.run("first", 8), it.run("second", 8, at_most=read_at_most("1 in 7 days"))
        work = asyncio.gather(it.carry_out(first), it.carry_out(second, after=1))
        await drive(it.clock, work)
        assert it.sent() == {"first": 8}
        assert it.ledger.state_counts(second.key)[MessageState.SUPPRESSED] == 8


_RUN = st.fixed_dictionaries(
    {
        "messages": st.integers(1, 12),
        "priority": st.sampled_from([1, 5, 5, 9]),
        "weight": st.integers(1, 4),
        "per_second": st.sampled_from([None, None, 1.0, 7.0]),
        "guaranteed": st.sampled_from([0, 0, 5]),
        "reserve": st.sampled_from([0, 0, 3]),
        "delay": st.sampled_from([0.0, 0.0, 2.0, 9.0]),
        "paused": st.sampled_from([None, None, (1.0, 4.0), (0.2, 30.0)]),
        "cap": st.sampled_from([None, None, 1, 2]),
    }
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
# Its lines are counted by other tests; `scripts/coverage` would take twice as long for it.
@pytest.mark.no_cover
@given(
    runs=st.lists(_RUN, min_size=2, max_size=5),
    in_flight=st.integers(1, 4),
    pace=st.sampled_from([None, 3.0]),
    quota=st.sampled_from([12, 25, 1000]),
    overloads=st.sets(st.integers(1, 25), max_size=3),
)
def test_whatever_is_mixed_all_runs_end_and_nobody_is_sent_to_twice(
    tmp_path_factory: pytest.TempPathFactory,
    runs: list[dict[str, Any]],
    in_flight: int,
    pace: float | None,
    quota: int,
    overloads: set[int],
) -> None:
    async def story() -> None:
        folder = tmp_path_factory.mktemp("mix")
        with street(folder, in_flight=in_flight, per_second=pace, quota=quota, latency=0.3) as it:

            def overloaded(_: OutgoingMessage) -> Evidence | None:
                return OVERLOADED if len(it.gateway.sent) in overloads else None

            async def refilled() -> None:
                while True:
                    await it.clock.sleep(600)
                    it.gateway.reset(quota)

            def within_its_cap(message: OutgoingMessage) -> None:
                cap = runs[int(message.sender.removeprefix("run-"))]["cap"]
                assert cap is None or len(it.gateway.had.get(message.msisdn, ())) < cap

            it.gateway.evidence, it.gateway.begun = overloaded, within_its_cap
            for index, each in enumerate(runs):
                it.run(
                    f"run-{index}",
                    each["messages"],
                    priority=each["priority"],
                    weight=each["weight"],
                    per_second=each["per_second"],
                    guaranteed=each["guaranteed"],
                    quota=QuotaRules(reserve=each["reserve"]),
                    at_most=read_at_most(f"{each['cap']} in 7 days") if each["cap"] else None,
                )

            async def pause(name: str, after: float, seconds: float) -> None:
                await it.clock.sleep(after)
                if (live := it.engine.live.get(name)) is not None:
                    live.sender.pause(PausedBy.USER, "paused by a person")
                    await it.clock.sleep(seconds)
                    live.sender.resume()

            beside = [asyncio.ensure_future(refilled())]
            beside += [
                asyncio.ensure_future(pause(f"run-{index}", *each["paused"]))
                for index, each in enumerate(runs)
                if each["paused"]
            ]
            delays = [each["delay"] for each in runs]
            work = asyncio.gather(*(it.carry_out(run, after) for run, after in zip(it.runs, delays, strict=True)))
            ends = await asyncio.wait_for(drive(it.clock, work), 60)
            for task in beside:
                task.cancel()
            assert all(end.halt is None for end in ends)
            counts = [it.ledger.state_counts(run.key) for run in it.runs]
            done = [each[MessageState.ACCEPTED] + each[MessageState.SUPPRESSED] for each in counts]
            assert done == [each["messages"] for each in runs]
            assert not any(
                each[MessageState.SUPPRESSED] for each, run in zip(counts, runs, strict=True) if run["cap"] is None
            )
            assert it.gateway.most_on_wire <= in_flight
            assert it.gateway.refusals == 0
            assert it.violations == []
            assert it.engine.account.under_way == 0

    asyncio.run(story())


@settings(max_examples=10, deadline=None)
@given(
    turns=st.lists(
        st.tuples(st.integers(1, 15), st.sampled_from([1, 5, 9]), st.integers(1, 3)), min_size=2, max_size=5
    ),
    in_flight=st.integers(1, 4),
)
def test_as_long_as_anybody_can_send_no_slot_stays_empty(
    tmp_path_factory: pytest.TempPathFactory, turns: list[tuple[int, int, int]], in_flight: int
) -> None:
    async def story() -> None:
        with street(tmp_path_factory.mktemp("busy"), in_flight=in_flight, latency=1.0) as it:
            for index, (messages, priority, weight) in enumerate(turns):
                it.run(f"run-{index}", messages, priority=priority, weight=weight)
            await it.all()
            rounds = -(-it.sent().total() // in_flight)
            assert it.clock.monotonic() <= 0.1 + rounds * 1.01

    asyncio.run(story())


async def test_a_halt_of_one_run_leaves_the_others_alone(tmp_path: Path) -> None:
    rejected = Evidence(Wire.ANSWERED, http_status=400, code=1, text="bad sender")
    with street(tmp_path) as it:
        bad, good = it.run("bad", 40, priority=9), it.run("good", 20)
        it.gateway.evidence = lambda message: rejected if message.sender == "bad" else None
        ends = await drive(it.clock, asyncio.gather(it.carry_out(bad), it.carry_out(good)))
        assert ends[0].halt is not None
        assert it.now(bad).paused_by is PausedBy.BREAKER
        assert it.ledger.state_counts(good.key)[MessageState.ACCEPTED] == 20
