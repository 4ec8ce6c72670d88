"""A workspace to put lists into, and the audience of a campaign over them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from mmsflow.audience.model import Recipient, SetAside
from mmsflow.audience.read import Audience
from mmsflow.campaign.model import Campaign
from mmsflow.campaign.templating import Templates

Settings = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace in a temporary folder."""

    path: Path

    def write(self, name: str, content: str | bytes) -> None:
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())

    def campaign(self, *recipients: Settings, **settings: object) -> Campaign:
        purpose = "marketing" if "consent" in settings else "transactional"
        return Campaign.model_validate(
            {
                "version": 1,
                "campaign": "winter-sale",
                "purpose": purpose,
                "sender": "ACME",
                "recipients": list(recipients),
                "message": {"subject": "Hello"},
                **settings,
            }
        )

    def audience(self, *recipients: Settings, **settings: object) -> Audience:
        return Audience(self.campaign(*recipients, **settings), self.path, Templates(self.path))

    def read(self, *recipients: Settings, **settings: object) -> list[Recipient | SetAside]:
        return list(self.audience(*recipients, **settings).rows())

    def read_csv(self, content: str | bytes, **source: object) -> list[Recipient | SetAside]:
        self.write("lists/a.csv", content)
        return self.read({"csv": "lists/a.csv", **source})


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


@pytest.fixture
def outcomes() -> Callable[[Sequence[Recipient | SetAside]], list[tuple[int, str]]]:
    """(row, ``sent`` or the reason's code) of every row."""
    return lambda rows: [(row.row, row.code if isinstance(row, SetAside) else "sent") for row in rows]
