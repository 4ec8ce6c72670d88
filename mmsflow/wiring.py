"""The only place that chooses concrete adapters: which gateway, which ledger, which clock."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mmsflow.clock import Clock
from mmsflow.engine.embedded import Engine
from mmsflow.gateway.client import GatewayClient
from mmsflow.gateway.model import GatewayConfig
from mmsflow.gateway.retry import RetryPolicy
from mmsflow.ledger.database import ledger_path
from mmsflow.ledger.store import Ledger, LedgerReader
from mmsflow.plan.quota import ResetRules
from mmsflow.settings import Settings

if TYPE_CHECKING:
    from mmsflow.simulator.config import SimulatorConfig


@asynccontextmanager
async def open_gateway(settings: Settings, clock: Clock) -> AsyncIterator[GatewayClient]:
    """The gateway of the profile in force; the simulator runs in process and remembers its state in the workspace."""
    config = _gateway_config(settings)
    if not settings.in_process:
        async with GatewayClient(config, clock) as client:
            yield client
        return
    # Starlette and the simulator cost start-up time that only this profile pays.
    from mmsflow.simulator.app import close_app, create_app

    state = settings.workspace / ".mmsflow"
    state.mkdir(mode=0o700, exist_ok=True)
    app = create_app(_simulator_config(settings, state / "simulator.db"))
    try:
        async with GatewayClient(config, clock, app=app) as client:
            yield client
    finally:
        close_app(app)


def _gateway_config(settings: Settings) -> GatewayConfig:
    client_id, client_secret = settings.credentials
    return GatewayConfig(
        base_url=settings.base_url,
        token_url=settings.token_url,
        client_id=client_id,
        client_secret=client_secret,
        in_flight=settings.in_flight,
        total_deadline=settings.total_deadline,
        connect_timeout=settings.connect_timeout,
        attachment_headers=settings.attachment_headers,
        ca_file=settings.ca_file,
        proxy=settings.proxy,
    )


def _simulator_config(settings: Settings, state: Path) -> SimulatorConfig:
    from mmsflow.simulator.config import SimulatorConfig

    client_id, client_secret = settings.credentials
    longest = settings.simulator_delay.total_seconds()
    return SimulatorConfig(
        state=str(state),
        client_id=client_id,
        client_secret=client_secret.reveal(),
        quota=settings.simulator_quota,
        delivery_delay=(longest / 10, longest),
        attachment_headers=settings.attachment_headers,  # type: ignore[arg-type]  # read by settings as one of the two
        latency=(0.02, 0.08),
    )


def ledger_file(settings: Settings) -> Path:
    """Where the workspace's ledger is."""
    return ledger_path(settings.ledger_url)


@contextmanager
def reading_ledger(settings: Settings) -> Iterator[LedgerReader]:
    """The workspace's ledger for reading; works while another process writes."""
    with LedgerReader.open(settings.ledger_url) as ledger:
        ledger.names_of = _names_of(settings)
        yield ledger


@contextmanager
def writing_ledger(settings: Settings, clock: Clock, command: str) -> Iterator[Ledger]:
    """The workspace's ledger for writing.

    Raises:
        RunHeld: another process writes it.
    """
    with Ledger.open(settings.ledger_url, command=command, clock=clock) as ledger:
        ledger.names_of = _names_of(settings)
        yield ledger


def _names_of(settings: Settings) -> Callable[[str], Collection[str]]:
    return lambda account: settings.known_accounts.names_of(account)


def reset_rules(settings: Settings) -> ResetRules:
    """How the quota's date becomes an instant."""
    return ResetRules(settings.quota_reset_time, settings.quota_timezone, settings.quota_period)


def make_engine(
    settings: Settings,
    ledger: Ledger,
    gateway: GatewayClient,
    clock: Clock,
    guaranteed: Callable[[], Mapping[str, int]] = dict,
) -> Engine:
    """The engine of one process.

    Args:
        guaranteed: requests of each quota period that other campaigns leave to a campaign, by campaign.
    """
    return Engine(
        ledger=ledger,
        gateway=gateway,
        clock=clock,
        policy=RetryPolicy(frozenset(settings.not_processed_statuses)),
        resets=reset_rules(settings),
        in_flight=settings.in_flight,
        poll_per_second=settings.poll_per_second,
        per_second=settings.rate,
        guaranteed=guaranteed,
        not_found_grace=settings.not_found_grace,
        longest_request=settings.total_deadline,
        heeds_requests=True,
    )
