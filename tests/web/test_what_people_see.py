"""What the pages say of runs and campaigns: only what is so, and where it can be settled."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mmsflow.daemon.model import CardState
from mmsflow.ledger.model import Outcome, RunState
from mmsflow.ledger.operation import NewNotice, NoticeKind
from mmsflow.ledger.store import Ledger
from mmsflow.message.model import PlannedMessage
from mmsflow.mms.status import MessageState
from mmsflow.web.pages import _decimal

from . import scene
from .client import Client
from .desk import Served, a_card, served

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


def test_a_recurring_campaign_stays_among_what_comes_next_while_its_run_goes_on(
    owner: Client, served_page: Served
) -> None:
    due, run = datetime(2026, 11, 30, 9, 0, tzinfo=UTC), "weekly-20261123T0900-1"
    campaign = a_card(
        "campaigns/weekly.yaml", campaign="weekly", state=CardState.RUNNING, recurring=True, next_due=due, runs=(run,)
    )
    once = a_card("campaigns/once.yaml", campaign="once", state=CardState.RUNNING, runs=("once-20261123-1",))
    served_page.desk.cards_added[:] = [campaign, once]
    page = owner.get("/").text
    coming = part(page, "next")
    assert "2026-11-30 10:00" in coming
    assert f'href="/runs/{run}"' in coming
    assert "once" not in coming
    by_hand = part(page, "byhand")
    assert "weekly" not in by_hand
    assert "once" in by_hand


@pytest.mark.parametrize("name", ["winter", "offer"])
def test_the_plan_shows_the_first_subject_and_leads_to_the_messages_before_it_asks_for_a_yes(
    owner: Client, name: str
) -> None:
    page = owner.get(f"/plan?file=campaigns/{name}.yaml").text
    before = page.partition('id="approval-title"')[0]
    assert re.search(r'id="subject">Kod K\d+<', before)
    assert f'href="/preview?file=campaigns/{name}.yaml"' in before


def test_whoever_begins_and_cancels_a_run_is_named_on_its_page_which_is_shown_next(
    owner: Client, served_page: Served
) -> None:
    plan = owner.get("/plan?file=campaigns/slow.yaml").text
    digest = re.search(r'name="digest" value="(\w+)"', plan)
    assert digest is not None
    reply = owner.post("/begin", {"file": "campaigns/slow.yaml", "digest": digest[1], "who": "Ewa"})
    page = reply.headers["location"]
    assert page.startswith("/runs/slow-")
    assert "begun by Ewa" in plain(part(owner.get(page).text, "history"))
    owner.post(f"{page}/cancel")
    assert "Ewa asked to cancel it" in plain(part(owner.get(page).text, "history"))
    owner.post(f"{page}/pause")
    assert "asked to pause" not in plain(part(owner.get(page).text, "history"))


def test_a_notice_on_the_overview_leads_to_where_it_is_settled_and_a_faulty_file_has_one_box(
    owner: Client, served_page: Served
) -> None:
    async def tell() -> None:
        for name, campaign, run in (
            ("approval/winter/20261201T0900", "winter", ""),
            (f"maybe-sent/{CANCELLED}", "cancelled", CANCELLED),
            ("faulty/campaigns/broken.yaml/ab12", "", ""),
        ):
            said = NewNotice(name, NoticeKind.NEEDS_PERSON, scene.ACCOUNT, campaign, run, f"about {name}")
            served_page.desk.ledger.tell(said)

    served_page.do(tell())
    alarms = owner.get("/").text.partition('id="alarms"')[2].partition("<section")[0]
    assert 'href="/plan?file=campaigns/winter.yaml"' in alarms
    assert f'href="/runs/{CANCELLED}/maybe-sent"' in alarms
    assert "about faulty/" not in alarms
    assert alarms.count("campaigns/broken.yaml</span></h2>") == 1


def test_after_a_wrong_token_the_next_one_can_be_typed_at_once(stranger: Client) -> None:
    assert re.search(r'id="who"[^>]* autofocus', stranger.get("/sign-in").text)
    page = stranger.post("/sign-in", {"token": "wrong", "who": "Ola"}).text
    assert re.search(r'id="token"[^>]* autofocus', page)
    assert page.count("autofocus") == 1


def test_a_host_is_named_only_where_the_account_names_one(owner: Client) -> None:
    assert "<dt>Host</dt>" not in owner.get("/plan?file=campaigns/offer.yaml").text


def test_a_rate_has_the_readers_decimal_mark() -> None:
    assert [_decimal("4.0", language) for language in ("en", "pl")] == ["4.0", "4,0"]


def test_a_campaign_that_a_person_must_decide_about_first_says_so_before_its_time_comes(
    owner: Client, served_page: Served
) -> None:
    workspace = served_page.desk.settings.workspace
    marker = workspace / "campaigns" / ".runs" / "moved.json"
    marker.parent.mkdir(exist_ok=True)
    facts = {"run": "moved-20261101-1", "ledger": "another", "fence": 1, "events": 9, "campaign_sha256": ""}
    marker.write_text(json.dumps({"campaign": "moved", "accounts": {served_page.desk.settings.account: facts}}))
    due = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
    served_page.desk.cards_added[:] = [
        a_card("campaigns/moved.yaml", campaign="moved", state=CardState.SCHEDULED, next_due=due)
    ]
    coming = part(owner.get("/").text, "next")
    assert "moved-20261101-1 was carried out with another ledger" in plain(coming)
    assert 'class="state look"' in coming
    marker.unlink()
    assert "another ledger" not in part(owner.get("/").text, "next")
