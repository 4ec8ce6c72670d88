"""What the pages say of runs and campaigns: only what is so, and where it can be settled."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmsflow.ledger.model import Outcome, RunState
from mmsflow.ledger.store import Ledger
from mmsflow.message.model import PlannedMessage
from mmsflow.mms.status import MessageState

from . import scene
from .client import Client
from .desk import Served, served

CANCELLED = "cancelled-20261102-1"


def cancel_half_way(ledger: Ledger) -> None:
    """A run of ten of which three have left and the others never will."""
    planned = [(PlannedMessage(n, "lists/a.csv", n + 1, f"+4850110{n:04d}", f"Kod {n}", ()), 1) for n in range(1, 11)]
    run = ledger.take_run(ledger.freeze_run(scene.a_run(CANCELLED, "", rows=10, messages=10), planned, []).key)
    ids = [message.id for message in ledger.ready(run.key, now=scene.START, after=0, limit=3)]
    ledger.commit(run.key, run.fence, outcomes=[], intents=ids, now=scene.START, period="2026-11")
    outcomes = [Outcome(id_, 1, MessageState.ACCEPTED, scene.START, f"g{id_}") for id_ in ids]
    ledger.commit(run.key, run.fence, outcomes=outcomes, intents=[], now=scene.START, period="2026-11")
    ledger.end_unsent(run.key, "cancelled by a person before it was sent", "cancelled")
    ledger.set_state(run.key, RunState.CANCELLED, reason="cancelled by a person with 7 messages unsent")


@pytest.fixture(scope="module")
def served_page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder: Path = scene.write_workspace(tmp_path_factory.mktemp("page") / "workspace")
    with served(scene.settings_for(folder), cancel_half_way) as found:
        yield found


def plain(html: str) -> str:
    """Its text, without tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def part(html: str, name: str) -> str:
    """One part of a page, by its element's id, up to the next section."""
    return html.partition(f'id="{name}"')[2].partition("</section>")[0]


def test_what_a_cancelled_run_did_not_send_is_not_shown_as_done(owner: Client) -> None:
    page = owner.get(f"/runs/{CANCELLED}").text
    assert "Begun 3 of 10 (30 %) Not sent: 7" in plain(page)
    waves = part(page, "waves")
    assert "over, not all sent 3 / 10 Not sent: 7" in plain(waves)
    assert '<rect class="b-delivered" width="30" height="9"/>' in waves
    assert '<rect class="b-not_sent" x="30" width="70" height="9"/>' in waves
