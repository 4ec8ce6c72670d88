"""A workspace with one small campaign."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mmsflow.clock import ManualClock
from mmsflow.ledger.store import Ledger

from .campaign_desk import CAMPAIGN, LIST, START, CampaignDesk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[CampaignDesk]:
    workspace, clock = tmp_path / "work", ManualClock(START)
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}", clock=clock) as ledger:
        made = CampaignDesk(workspace, ledger, clock)
        made.write("mmsflow.toml", "")
        made.write("campaigns/a.yaml", CAMPAIGN)
        made.write("lists/a.csv", LIST)
        made.write("templates/hello.txt.j2", "Dear {{ name }}{% include 'templates/end.txt' %}")
        made.write("templates/end.txt", ", bye")
        made.write("media/note.txt", "note")
        yield made
