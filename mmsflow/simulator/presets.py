"""Named mixes of settings, for people who want a gateway that is kind, ordinary or mean."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType

from mmsflow.errors import UsageError
from mmsflow.simulator.config import SimulatorConfig
from mmsflow.simulator.faults import FaultKind, FaultRule

_ROUGH_FAULTS = (
    FaultRule(kind=FaultKind.DROP_REPLY, probability=0.01),
    FaultRule(kind=FaultKind.NO_ID, probability=0.005),
    FaultRule(kind=FaultKind.HTML, status=502, probability=0.005),
    FaultRule(
        kind=FaultKind.REPLY,
        probability=0.02,
        status=503,
        body='{"code": 5, "message": "Temporarily unavailable", "description": "Come back in a second."}',
        headers=(("Retry-After", "1"),),
    ),
    FaultRule(kind=FaultKind.HTML, endpoint="status", status=502, probability=0.02),
    FaultRule(kind=FaultKind.EMPTY, endpoint="limit", status=500, probability=0.02),
)

PRESETS: Mapping[str, SimulatorConfig] = MappingProxyType(
    {
        "happy": SimulatorConfig(mix={"Retrieved": 1}, delivery_delay=(1, 3)),
        "typical": SimulatorConfig(latency=(0.02, 0.08)),
        "rough": SimulatorConfig(
            latency=(0.05, 0.5),
            not_found_for=3,
            token_life=120,
            expires_in="string",
            rate_limit=40,
            hidden_per_second=0.2,
            delivery_delay=(2, 60),
            mix={
                "Retrieved": 80,
                "Expired": 8,
                "Rejected": 5,
                "Address Error": 3,
                "Server Error": 2,
                "Indeterminate": 2,
            },
            faults=_ROUGH_FAULTS,
        ),
    }
)


def preset(name: str) -> SimulatorConfig:
    """The settings of a named mix; change single ones with ``dataclasses.replace``.

    Raises:
        UsageError: there is no mix of that name.
    """
    if name in PRESETS:
        return PRESETS[name]
    near = get_close_matches(name, PRESETS, 1)
    guess = f"did you mean {near[0]}? " if near else ""
    raise UsageError(f"the simulator has no preset {name!r}", f"{guess}there are {', '.join(PRESETS)}")
