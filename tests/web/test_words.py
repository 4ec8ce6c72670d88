"""The page's words: both languages have every one, and every one is used."""

from __future__ import annotations

import re
from pathlib import Path

from mmsflow.daemon.model import CardState
from mmsflow.ledger.model import PausedBy, RunState
from mmsflow.ledger.operation import NoticeKind
from mmsflow.mms.status import Bucket
from mmsflow.web import words
from mmsflow.web.doubts import CHOICES
from mmsflow.web.words import WORDS

FOLDER = Path(words.__file__).parent


def used() -> set[str]:
    """Every key that templates and modules name, and those made from the nouns of other stages."""
    templates = "\n".join(path.read_text("utf-8") for path in (FOLDER / "templates").iterdir())
    modules = "\n".join(path.read_text("utf-8") for path in FOLDER.glob("*.py") if "words" not in path.name)
    found = set(re.findall(r'\bt\("([\w.]+)"\)', templates)) | set(re.findall(r"word\([\"']([\w.]+)[\"']", modules))
    refusals = set(re.findall(r'"(refused\.\w+)"', modules))
    found |= {f"{key}.{part}" for key in refusals for part in ("title", "text")}
    for prefix, names in (
        ("bucket", Bucket),
        ("meaning", Bucket),
        ("card", CardState),
        ("run_state", [*RunState, "interrupted", "awaiting"]),
        ("paused", [name.value or "nobody" for name in PausedBy]),
        ("notice", NoticeKind),
        ("wave", ["planned", "started", "done", "ended"]),
        ("decide", [*CHOICES, "nothing"]),
        ("asks", [f"{said}{part}" for said in ("same", "separate", "rotated") for part in ("", ".means", ".really")]),
    ):
        found |= {f"{prefix}.{name}" for name in names}
    return found


def test_both_languages_have_every_word_and_no_other() -> None:
    assert set(WORDS["en"]) == set(WORDS["pl"]) == used()


def test_no_word_is_empty_and_polish_is_not_english() -> None:
    for catalogue in WORDS.values():
        assert [key for key, text in catalogue.items() if not text.strip()] == []
    same = {key for key, text in WORDS["en"].items() if WORDS["pl"][key] == text}
    assert same == {"plan", "look_at_plan", "token", "host", "commit", "test"}


def test_every_dynamic_key_of_a_template_is_one_of_those_known() -> None:
    templates = "\n".join(path.read_text("utf-8") for path in (FOLDER / "templates").iterdir())
    dynamic = set(re.findall(r"\bt\(((?!\")[^()]+|\"[\w.]+\" ~ [^()]+)", templates))
    assert dynamic == {
        '"asks." ~ said',
        '"asks." ~ said ~ ".means"',
        '"asks." ~ said ~ ".really"',
        '"bucket." ~ kind',
        '"card." ~ card.state',
        '"decide." ~ choice',
        '"meaning." ~ kind',
        '"notice." ~ notice.said.kind',
        '"run_state." ~ event.new',
        '"wave." ~ wave.state',
        "line.state_key",
        "view.state_key",
        "title_key",
        "text_key",
    }
