"""The plan of a campaign on the page."""

from __future__ import annotations

from pathlib import Path

from . import scene
from .client import Client
from .desk import served


def test_an_end_is_shown_only_where_the_pace_is_known(tmp_path: Path) -> None:
    folder = scene.write_workspace(tmp_path / "workspace", people=3)
    text = (folder / "campaigns" / "offer.yaml").read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("rate:")]
    unpaced = "\n".join(lines).replace("campaign: offer", "campaign: unpaced")
    assert len(lines) < len(text.splitlines())
    (folder / "campaigns" / "unpaced.yaml").write_text(unpaced, "utf-8")
    with served(scene.settings_for(folder)) as found:
        owner = Client(found.url).signed_in()
        ends = {
            name: owner.get(f"/plan?file=campaigns/{name}.yaml").text.count("<time") for name in ("offer", "unpaced")
        }
    assert ends["offer"] - ends["unpaced"] == 2
