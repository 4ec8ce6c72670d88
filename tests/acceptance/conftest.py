"""The independent gateway, a workspace, and consoles that know both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .console import Console, Preloaded
from .independent_gateway import CLIENT_ID, CLIENT_SECRET, IndependentGateway, serving
from .workspace import numbers, write_workspace


@pytest.fixture
def gateway() -> Iterator[IndependentGateway]:
    with serving(IndependentGateway()) as gateway:
        yield gateway


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace with a campaign of a subject alone to five people."""
    return write_workspace(tmp_path / "workspace", numbers(5))


@pytest.fixture
def credentials(gateway: IndependentGateway) -> dict[str, str]:
    """All that a person needs to set: the address and the credentials."""
    return {
        "MMSFLOW_GATEWAY_URL": gateway.url,
        "MMSFLOW_CLIENT_ID": CLIENT_ID,
        "MMSFLOW_CLIENT_SECRET": CLIENT_SECRET,
    }


@pytest.fixture
def console(workspace: Path, credentials: dict[str, str]) -> Console:
    """The real script in the workspace, a process a command."""
    return Console(workspace, credentials)


@pytest.fixture(scope="session")
def preloaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Preloaded]:
    preloaded = Preloaded(tmp_path_factory.mktemp("preloaded"))
    yield preloaded
    preloaded.close()


@pytest.fixture
def quick(workspace: Path, credentials: dict[str, str], preloaded: Preloaded) -> Console:
    """The script's entry point in the workspace, in forks of one process: for tests of many commands."""
    return Console(workspace, credentials, preloaded)
