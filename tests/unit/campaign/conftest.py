"""A workspace on disk, and campaign files written into it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mmsflow.campaign.load import LoadedCampaign, load_campaign
from mmsflow.errors import Finding, InvalidInput

Load = Callable[[str | bytes], LoadedCampaign]
Findings = Callable[[str | bytes], list[Finding]]

SMALLEST = """\
version: 1
campaign: winter-sale
purpose: transactional
sender: ACME
recipients:
  - csv: lists/gold.csv
message:
  subject: "{{ name }}, your code is {{ code }}"
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    for folder in ("campaigns", "templates"):
        (tmp_path / folder).mkdir()
    return tmp_path


@pytest.fixture
def load(workspace: Path) -> Load:
    def load(text: str | bytes) -> LoadedCampaign:
        path = workspace / "campaigns" / "a.yaml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return load_campaign(path, workspace)

    return load


@pytest.fixture
def findings(load: Load) -> Findings:
    def findings(text: str | bytes) -> list[Finding]:
        with pytest.raises(InvalidInput) as refused:
            load(text)
        return list(refused.value.findings)

    return findings
