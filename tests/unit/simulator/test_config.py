"""Settings of the simulator, and the named mixes of them."""

from __future__ import annotations

from typing import Any

import pytest

from mmsflow.errors import UsageError
from mmsflow.simulator.config import SimulatorConfig
from mmsflow.simulator.presets import PRESETS, preset

from .conftest import OpenDesk


@pytest.mark.parametrize(
    "settings",
    [
        {"record": "some"},
        {"client_id": ""},
        {"client_id": "a:b"},
        {"token_life": 0},
        {"expires_in": "text"},
        {"quota": -1},
        {"quota_days": 0},
        {"quota_seconds": 0},
        {"reset_date": "never"},
        {"rate_limit": -1},
        {"hidden_used": -1},
        {"hidden_per_second": float("inf")},
        {"status_envelope": "round"},
        {"reply_id_field": "ID"},
        {"not_found_for": -1},
        {"delivery_delay": (3, 2)},
        {"delivery_delay": (-1, 2)},
        {"mix": {}},
        {"mix": {"Retrieved": 0}},
        {"mix": {"Retrieved": 2, "Expired": -1}},
        {"attachment_headers": "some"},
        {"max_mms_bytes": 0},
        {"latency": (1, float("inf"))},
        {"latency_on": "status"},
    ],
)
def test_a_setting_out_of_its_range_is_refused_by_name_with_a_way_out(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(settings))) as refused:
        SimulatorConfig(**settings)

    assert refused.value.advice


def test_the_secret_is_not_shown() -> None:
    assert "hush" not in repr(SimulatorConfig(client_secret="hush"))


@pytest.mark.parametrize("name", ["happy", "typical", "rough"])
async def test_a_preset_takes_messages(open_desk: OpenDesk, name: str) -> None:
    settings = {field: getattr(preset(name), field) for field in SimulatorConfig.__slots__}
    desk = open_desk(**settings | {"latency": (0, 0), "faults": ()})

    assert (await desk.send()).status_code == 200


def test_in_the_happy_preset_everything_is_retrieved_and_the_rough_one_has_faults() -> None:
    assert set(preset("happy").mix) == {"Retrieved"}
    assert not preset("happy").faults
    assert preset("rough").faults


def test_a_preset_that_does_not_exist_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(UsageError) as refused:
        preset("hapy")

    assert "did you mean happy?" in refused.value.advice
    assert all(name in refused.value.advice for name in PRESETS)
