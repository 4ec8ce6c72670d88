"""Small workspaces, written for one test each."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path

from PIL import Image

CAMPAIGN = "campaigns/offer.yaml"
_FILE = """\
version: 1
campaign: offer
purpose: transactional
sender: ACME
recipients:
  - csv: lists/people.csv
message:
  subject: "Kod {{ code }}"
poll: {until: 3s}
"""
_ATTACHMENTS = """\
  attachments:
    - file: media/winter.jpg
    - text: templates/offer.txt.j2
"""


def numbers(count: int) -> list[str]:
    """So many different Polish mobile numbers, E.164, whose fates at the independent gateway vary with the last digit."""
    return [f"+48501{n:06d}" for n in range(count)]


def write_workspace(folder: Path, people: Iterable[str]) -> Path:
    """A workspace with one campaign of a subject alone; returns its folder."""
    for name in ("campaigns", "lists", "media", "templates"):
        (folder / name).mkdir(parents=True)
    (folder / "mmsflow.toml").touch()
    write_list(folder, people)
    (folder / CAMPAIGN).write_text(_FILE, "utf-8")
    return folder


def write_list(folder: Path, people: Iterable[str]) -> None:
    """``lists/people.csv`` with these numbers, written as they stand, and a code for each."""
    with (folder / "lists" / "people.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("number", "code"))
        table.writerows((number, f"K{row}") for row, number in enumerate(people))


def add_attachments(folder: Path) -> bytes:
    """Give the campaign a picture and a personalised text; returns the picture's bytes."""
    out = BytesIO()
    Image.linear_gradient("L").convert("RGB").resize((320, 240)).save(out, "JPEG")
    (folder / "media" / "winter.jpg").write_bytes(out.getvalue())
    (folder / "templates" / "offer.txt.j2").write_text("Zażółć gęślą jaźń, kod {{ code }}\n", "utf-8")
    change_campaign(folder, {"poll:": f"{_ATTACHMENTS}poll:"})
    return out.getvalue()


def change_campaign(folder: Path, replacements: Mapping[str, str]) -> None:
    """Replace texts of the campaign file, each of which must be there."""
    text = (folder / CAMPAIGN).read_text("utf-8")
    for old, new in replacements.items():
        assert old in text
        text = text.replace(old, new)
    (folder / CAMPAIGN).write_text(text, "utf-8")


def report_rows(path: str | Path) -> list[dict[str, str]]:
    """The rows of a report.csv."""
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))
