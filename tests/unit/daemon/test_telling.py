"""Which notices go out, by which channels, and what the log may hold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mmsflow.clock import ManualClock
from mmsflow.daemon.telling import Changes, Teller
from mmsflow.ledger.operation import NoticeKind
from mmsflow.ledger.store import Ledger
from mmsflow.settings import Settings

NOW = datetime(2026, 12, 1, 8, tzinfo=UTC)
HOOK = {"webhook_url": "https://hooks.example/mms"}
MAIL = {"mail_host": "mail.example"}


@pytest.mark.parametrize(
    ("chosen", "channels"),
    [
        ({}, []),
        (HOOK, ["webhook"]),
        (HOOK | MAIL, ["mail", "webhook"]),
        (HOOK | {"notify": ("paused",)}, []),
        (HOOK | {"notify": ("finished",)}, ["webhook"]),
    ],
)
def test_a_notice_goes_out_by_the_channels_that_are_set_where_its_kind_is_asked_for(
    tmp_path: Path, chosen: dict[str, Any], channels: list[str]
) -> None:
    clock = ManualClock(NOW)
    settings = Settings(workspace=tmp_path, gateway="simulator", **chosen)
    with Ledger.open(settings.ledger_url, clock=clock) as ledger:
        changes = Changes(clock)
        teller = Teller(ledger, settings, changes, lambda *_: None)
        for _ in range(2):
            teller.people("finished/news-1", NoticeKind.FINISHED, "news-1 is finished", run="news-1")
        assert sorted(post.channel for post in ledger.due_posts(now=NOW, limit=10)) == channels
        assert changes.version == 1
        teller.settle("finished/news-1")
        teller.people("finished/news-1", NoticeKind.FINISHED, "news-1 is finished", run="news-1")
        assert changes.version == 2


def test_of_an_unforeseen_error_the_log_gets_its_kind_and_place_and_not_its_text(tmp_path: Path) -> None:
    clock, heard = ManualClock(NOW), list[Mapping[str, object]]()
    settings = Settings(workspace=tmp_path, gateway="simulator")
    with Ledger.open(settings.ledger_url, clock=clock) as ledger:
        teller = Teller(ledger, settings, Changes(clock), lambda _, facts: heard.append(facts))
        number = "+48501000101"
        try:
            raise ValueError(number)
        except ValueError as error:
            teller.error("sending", error)
    assert heard[0]["message"] == "unforeseen: ValueError"
    assert "test_telling" in str(heard[0]["traceback"])
    assert "501000101" not in str(heard)
