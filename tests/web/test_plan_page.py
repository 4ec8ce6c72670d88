"""The plan of a campaign on the page."""

from __future__ import annotations

from datetime import UTC, datetime
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


def test_what_is_begun_by_hand_names_the_time_that_it_makes_up_for_and_its_deadline(tmp_path: Path) -> None:
    folder = scene.write_workspace(tmp_path / "workspace", people=3)
    with served(scene.settings_for(folder)) as found:
        owner = Client(found.url).signed_in()
        page = "/plan?file=campaigns/offer.yaml"
        assert "2026-11-27" not in owner.get(page).text
        found.desk.made_up_for = datetime(2026, 11, 27, 15, tzinfo=UTC)
        assert owner.get(page).text.count("2026-11-27T") == 2
