"""What the workspace's campaigns are guaranteed of each quota period, by their files."""

from __future__ import annotations

from pathlib import Path

from mmsflow.campaign.load import load_campaign
from mmsflow.errors import InvalidInput

_KEY = b"guaranteed"


def campaign_files(workspace: Path) -> list[Path]:
    """The campaign files of a workspace, by name."""
    return sorted((workspace / "campaigns").glob("*.yaml"))


def guaranteed_in(workspace: Path) -> dict[str, int]:
    """By campaign, the requests of each period that others leave to it; a file that is wrong guarantees nothing."""
    found: dict[str, int] = {}
    for path in campaign_files(workspace):
        try:
            content = path.read_bytes()
            if _KEY not in content:
                continue  # most campaigns have no guarantee, and need not be read any further
            campaign = load_campaign(path, workspace, content).campaign
        except (InvalidInput, OSError):
            continue
        if campaign.quota.guaranteed:
            found[campaign.campaign] = max(found.get(campaign.campaign, 0), campaign.quota.guaranteed)
    return found
