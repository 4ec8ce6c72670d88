"""The hostile story, told once, and a browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from acceptance.console import Preloaded

from .hostile_gateway import HostileGateway, serving
from .story import Story, tell


@pytest.fixture(scope="session")
def hostile() -> Iterator[HostileGateway]:
    with serving(HostileGateway()) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def story(hostile: HostileGateway, tmp_path_factory: pytest.TempPathFactory) -> Story:
    return tell(hostile, tmp_path_factory.mktemp("story"))


@pytest.fixture(scope="session")
def preloaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Preloaded]:
    preloaded = Preloaded(tmp_path_factory.mktemp("preloaded"))
    yield preloaded
    preloaded.close()
