"""A workspace with one small campaign."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .campaign_desk import CampaignDesk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[CampaignDesk]:
    with CampaignDesk.made(tmp_path) as made:
        yield made
