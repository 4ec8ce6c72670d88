"""The only place that chooses concrete adapters: which gateway, which ledger, which clock."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mmsflow.clock import Clock
from mmsflow.engine.embedded import Engine
from mmsflow.errors import UsageError
from mmsflow.first_failure import afterwards
from mmsflow.gateway.client import GatewayClient
from mmsflow.gateway.model import GatewayConfig
from mmsflow.gateway.retry import RetryPolicy
from mmsflow.ledger.database import ledger_path
from mmsflow.ledger.store import Ledger, LedgerReader
from mmsflow.plan.quota import ResetRules
from mmsflow.secret import Secret
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
    with afterwards(lambda: close_app(app)):
        async with GatewayClient(config, clock, app=app) as client:
            yield client


def _gateway_config(settings: Settings) -> GatewayConfig:
    client_id, client_secret = settings.credentials
    return GatewayConfig(
        base_url=settings.base_url,
        token_url=settings.token_url,
        client_id=client_id,
        # The simulator inside this process keeps the secret that it began with.
        client_secret=Secret(client_secret.reveal()) if settings.in_process else client_secret,
        in_flight=settings.in_flight,
        total_deadline=settings.total_deadline,
        connect_timeout=settings.connect_timeout,
        attachment_headers=settings.attachment_headers,
        ca_file=settings.ca_file,
        proxy=settings.proxy,
        keep_alive=settings.keep_alive,
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


def witness_folder(settings: Settings, environ: Mapping[str, str]) -> Path:
    """Where the witnesses of ledgers are: as set, else in the user's state folder, else below /var/tmp.

    The last is for users without a home folder, or with the workspace for it, as services have; it survives a reboot.

    Raises:
        UsageError: it is inside the workspace, where it would be put back together with the ledger.
    """
    if settings.witness:
        folder = Path(os.path.expanduser(settings.witness))  # noqa: PTH111 - leaves `~name` of nobody as it is
        folder = (settings.workspace / folder).resolve()
        if folder.is_relative_to(settings.workspace.resolve()):
            raise UsageError(
                f"the setting `witness` names {folder}, which is inside the workspace",
                "Name a folder outside it: whoever puts the workspace back from a copy must not put the witness back.",
            )
        return folder
    state, home = Path(environ.get("XDG_STATE_HOME", "")), Path(environ.get("HOME", ""))
    candidates = [state / "mmsflow"] if state.is_absolute() else []
    candidates += [home / ".local" / "state" / "mmsflow"] if home.is_absolute() and home.is_dir() else []
    workspace = settings.workspace.resolve()
    for folder in candidates:
        if not folder.resolve().is_relative_to(workspace):  # the home of a service's user may be the workspace
            return folder
    return Path("/var/tmp") / f"mmsflow-{os.getuid()}"  # noqa: S108 - a folder of our own, 0700


@contextmanager
def reading_ledger(settings: Settings) -> Iterator[LedgerReader]:
    """The workspace's ledger for reading; works while another process writes."""
    with LedgerReader.open(settings.ledger_url, witnesses=witness_folder(settings, os.environ)) as ledger:
        ledger.names_of = _names_of(settings)
        yield ledger


@contextmanager
def writing_ledger(settings: Settings, clock: Clock, command: str) -> Iterator[Ledger]:
    """The workspace's ledger for writing.

    Raises:
        RunHeld: another process writes it.
    """
    witnesses = witness_folder(settings, os.environ)
    with Ledger.open(settings.ledger_url, command=command, clock=clock, witnesses=witnesses) as ledger:
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
