from __future__ import annotations

from collections.abc import Iterator

import pytest

from . import scene
from .client import Client
from .desk import Served, served


@pytest.fixture(scope="module")
def served_page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = scene.write_workspace(tmp_path_factory.mktemp("page") / "workspace")
    with served(scene.settings_for(folder), scene.fill) as found:
        yield found


@pytest.fixture
def stranger(served_page: Served) -> Client:
    return Client(served_page.url)


@pytest.fixture
def owner(stranger: Client) -> Client:
    return stranger.signed_in()
