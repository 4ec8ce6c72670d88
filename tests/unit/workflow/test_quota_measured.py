"""Which calls count against the quota: found out on simulators that count them and on those that do not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mmsflow.clock import ManualClock
from mmsflow.gateway.client import GatewayClient
from mmsflow.gateway.model import GatewayConfig, QuotaReply, StatusReply
from mmsflow.settings import Secret
from mmsflow.simulator.app import close_app, create_app
from mmsflow.simulator.config import SimulatorConfig
from mmsflow.workflow.quota import CALLS, Cost, Measured, cost_of, measure_quota

CONFIG = GatewayConfig(base_url="http://gateway.test", client_id="simulator", client_secret=Secret("simulator"))


async def measured(config: SimulatorConfig, kind: type[GatewayClient] = GatewayClient) -> Measured:
    clock = ManualClock(datetime(2026, 12, 1, 9, tzinfo=UTC))
    app = create_app(config, clock=clock)
    try:
        async with kind(CONFIG, clock, app=app) as gateway:
            return await measure_quota(gateway)
    finally:
        close_app(app)


async def test_calls_that_cost_nothing_are_found_free() -> None:
    result = await measured(SimulatorConfig())
    assert (result.status, result.limit) == (Cost.FREE, Cost.FREE)
    assert result.answered == CALLS


async def test_calls_that_the_operator_counts_are_found_out() -> None:
    result = await measured(SimulatorConfig(quota_counts_status=True))
    assert (result.status, result.limit) == (Cost.COUNTS, Cost.COUNTS)


async def test_somebody_else_on_the_account_makes_it_unclear() -> None:
    class Shared(GatewayClient):
        """Somebody else sends one message each time we look."""

        others = 0

        async def limit(self, *, tries: int = 1) -> QuotaReply:
            reply = await super().limit(tries=tries)
            self.others += 3
            return QuotaReply(reply.used + self.others, reply.available, reply.reset_on, reply.raw_date)

    result = await measured(SimulatorConfig(), Shared)
    assert (result.status, result.limit) == (Cost.UNCLEAR, Cost.UNCLEAR)


async def test_status_questions_that_were_not_answered_tell_nothing() -> None:
    class Deaf(GatewayClient):
        """No status question arrives."""

        async def status(self, gateway_id: str) -> StatusReply:
            return StatusReply(None, text="unreachable")

    result = await measured(SimulatorConfig(), Deaf)
    assert result.limit is Cost.FREE
    assert result.status is Cost.UNCLEAR


@pytest.mark.parametrize(("moved", "cost"), [(0, Cost.FREE), (5, Cost.COUNTS), (1, Cost.UNCLEAR), (-3, Cost.UNCLEAR)])
def test_a_counter_that_moves_otherwise_is_unclear(moved: int, cost: Cost) -> None:
    assert cost_of(moved, 5) is cost
