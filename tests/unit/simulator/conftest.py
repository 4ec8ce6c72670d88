"""Simulators for the tests of this folder, closed when a test ends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, TypeAlias

import pytest

from mmsflow.simulator.config import SimulatorConfig

from .desk import Desk

OpenDesk: TypeAlias = Callable[..., Desk]


@pytest.fixture
async def open_desk() -> AsyncIterator[OpenDesk]:
    """Make a desk: settings of ``SimulatorConfig`` by name, and ``clock``."""
    opened: list[Desk] = []

    def make(*, clock: Any = None, **settings: Any) -> Desk:
        opened.append(Desk(SimulatorConfig(**settings), clock))
        return opened[-1]

    yield make
    for desk in opened:
        await desk.close()


@pytest.fixture
def desk(open_desk: OpenDesk) -> Desk:
    """A desk with default settings."""
    return open_desk()
