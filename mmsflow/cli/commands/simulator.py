"""``mmsflow simulator``: the operator's gateway, played on this machine."""

from __future__ import annotations

from dataclasses import replace

from mmsflow.cli.output import say
from mmsflow.simulator.presets import preset as settings_of
from mmsflow.simulator.serve import serve


def simulator(
    host: str,
    port: int,
    preset: str,
    *,
    quota: int | None,
    period: float | None,
    delay: float | None,
    seed: int,
    state: str,
) -> int:
    """Serve until Ctrl-C; returns the exit code."""
    config = replace(settings_of(preset), seed=seed, state=state)
    if quota is not None:
        config = replace(config, quota=quota)
    if period is not None:
        config = replace(config, quota_seconds=period)
    if delay is not None:
        config = replace(config, delivery_delay=(min(config.delivery_delay[0], delay), delay))

    def ready(bound: int) -> None:
        address = f"http://{f'[{host}]' if ':' in host else host}:{bound}"
        say(f"the simulator listens at {address} (Ctrl-C ends it); to send to it:")
        print(f"export MMSFLOW_GATEWAY_URL={address}", flush=True)
        # The profile says that what goes there counts in no history of a real account.
        credentials = f"MMSFLOW_CLIENT_ID={config.client_id} MMSFLOW_CLIENT_SECRET={config.client_secret}"
        print(f"export MMSFLOW_GATEWAY=simulator {credentials}", flush=True)
        say(f"what handsets got: {address}/_simulator/messages")

    serve(config, host, port, ready=ready)
    return 0
