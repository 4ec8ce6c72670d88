"""Approving: a yes binds to one plan, and whatever changes what is sent to whom is named and asks again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest

from mmsflow.engine.control import LiveRuns, heed_requests
from mmsflow.errors import PlanRefused
from mmsflow.ledger.model import FrozenInput, RunInfo
from mmsflow.ledger.operation import Approval
from mmsflow.ledger.requests import Action, Request, Spool, Yes
from mmsflow.ledger.store import Ledger, LedgerReader
from mmsflow.mms.status import MessageState
from mmsflow.plan.model import Plan
from mmsflow.workflow.approving import (
    approval_of,
    approve,
    changes_since,
    is_approved,
    refuse_unapproved,
    seen_of,
    shown_name,
    view_approval,
)
from mmsflow.workflow.control import have_done
from mmsflow.workflow.intake import Intake
from mmsflow.workflow.prepare import Prepared, prepare
from mmsflow.workflow.run import freeze
from mmsflow.workflow.trial import addressed_to

from .campaign_desk import ACCOUNT, CAMPAIGN, START, CampaignDesk

ASKING = CAMPAIGN.replace("purpose:", "approval: required\npurpose:") + (
    "exclude:\n  - csv: lists/optout.csv\n  - received: autumn-sale\nconsent: {column: ok, accept: [tak]}\n"
)
PEOPLE = "number,name,ok\n+48501000101,Ola,tak\n+48601000102,Jan,tak\n+48601000103,Ewa,nie\n"
NAME = "winter-sale"
DAY = 86_400


@pytest.fixture
def asking(desk: CampaignDesk) -> CampaignDesk:
    """The desk, whose campaign asks for approval, and looks at everything that can keep a message back."""
    desk.write("campaigns/a.yaml", ASKING)
    desk.write("campaigns/b.yaml", CAMPAIGN.replace("winter-sale", "autumn-sale").replace("lists/a", "lists/b"))
    desk.write("lists/a.csv", PEOPLE)
    desk.write("lists/b.csv", "number,name,city\n+48601000102,Jan,Radom\n")
    desk.write("lists/optout.csv", "number\n+48501999999\n")
    desk.write("lists/suppressed.csv", "number\n+48501999998\n")
    return desk


@contextmanager
def planned(
    desk: CampaignDesk, suppression: str = "lists/suppressed.csv", at_most: str = ""
) -> Iterator[tuple[Prepared, Plan]]:
    """The plan as it is now."""

    @contextmanager
    def ledger() -> Iterator[LedgerReader]:
        yield desk.ledger

    now = desk.clock.now()
    intake = Intake(suppression=suppression, at_most=at_most, account=ACCOUNT, ledger=ledger, now=now)
    with (prepared := prepare(desk.campaign, desk.workspace, intake=intake)).draft:
        yield prepared, desk.plan(prepared)


def approved(desk: CampaignDesk, who: str = "Ewa") -> Approval:
    with planned(desk) as (prepared, plan):
        return approve(desk.ledger, ACCOUNT, prepared, plan, who=who, now=desk.clock.now())


def begun(desk: CampaignDesk) -> RunInfo:
    with planned(desk) as (prepared, plan):
        return freeze(prepared, plan, desk.ledger, workspace=desk.workspace, now=desk.clock.now())


def changes(desk: CampaignDesk, **settings: str) -> tuple[str, ...]:
    """What is different now from what was approved last."""
    approval = approval_of(desk.ledger, ACCOUNT, NAME)
    assert approval is not None
    with planned(desk, **settings) as (prepared, plan):
        assert is_approved(desk.ledger, ACCOUNT, NAME, plan.digest) == (changes_since(approval, prepared, plan) == ())
        return changes_since(approval, prepared, plan)


def changed(path: str, old: str, new: str) -> Callable[[CampaignDesk], None]:
    def change(desk: CampaignDesk) -> None:
        text = (desk.workspace / path).read_text()
        assert old in text
        desk.write(path, text.replace(old, new))

    return change


def had_a_message_of_autumn(desk: CampaignDesk) -> None:
    """Somebody in the list, by another campaign."""
    with (prepared := prepare(desk.workspace / "campaigns/b.yaml", desk.workspace)).draft:
        run = freeze(prepared, desk.plan(prepared), desk.ledger, workspace=desk.workspace, now=desk.clock.now())
    desk.settle(run, MessageState.ACCEPTED)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (changed("campaigns/a.yaml", "sender: ACME", "sender: Acme"), ("campaigns/a.yaml has changed",)),
        (changed("lists/a.csv", "Ola", "Ala"), ("lists/a.csv has changed",)),
        (
            changed("lists/a.csv", "+48601000103,Ewa,nie", "+48601000103,Ewa,tak"),
            ("lists/a.csv has changed", "messages 2 → 3", "excluded: no_consent 1 → 0"),
        ),
        (changed("templates/end.txt", "bye", "yours"), ("templates/end.txt has changed",)),
        (changed("media/note.txt", "note", "a note"), ("media/note.txt has changed",)),
        (
            changed("lists/optout.csv", "+48501999999", "+48501000101"),
            ("lists/optout.csv has changed", "messages 2 → 1", "excluded: opt_out 0 → 1"),
        ),
        (
            changed("lists/suppressed.csv", "+48501999998", "+48501000101"),
            ("lists/suppressed.csv has changed", "messages 2 → 1", "excluded: suppressed 0 → 1"),
        ),
        (had_a_message_of_autumn, ("messages 2 → 1", "excluded: already_received 0 → 1")),
        (
            changed("campaigns/a.yaml", "{{ name }}, hello", "Call 501 102 030, {{ name }}"),
            (
                "campaigns/a.yaml has changed",
                "the subject was `{{ name }}, hello`, is `Call …030, {{ name }}`",
            ),
        ),
        (
            changed("campaigns/a.yaml", "    - file: media/note.txt\n", ""),
            ("campaigns/a.yaml has changed", "media/note.txt is gone"),
        ),
        (
            changed("templates/end.txt", ", bye", "{% include 'templates/ps.txt' %}"),
            ("templates/end.txt has changed", "templates/ps.txt is new"),
        ),
    ],
)
def test_whatever_changes_what_is_sent_to_whom_is_named_and_needs_another_yes(
    asking: CampaignDesk, change: Callable[[CampaignDesk], None], said: tuple[str, ...]
) -> None:
    asking.write("templates/ps.txt", "PS")
    approved(asking)
    change(asking)
    assert changes(asking) == said


def test_a_cap_of_the_workspace_that_is_set_lifted_or_reached_since_needs_another_yes(asking: CampaignDesk) -> None:
    asking.write(
        "campaigns/a.yaml", ASKING.replace("purpose: transactional\n", "").replace("  - received: autumn-sale\n", "")
    )
    approved(asking)
    assert changes(asking, at_most="1 in 7 days") == ("the cap was none, is 1 in 7 days",)
    had_a_message_of_autumn(asking)
    assert changes(asking) == ()
    assert changes(asking, at_most="1 in 7 days") == (
        "messages 2 → 1",
        "excluded: at_most 0 → 1",
        "the cap was none, is 1 in 7 days",
    )


def test_other_recipients_in_the_same_number_are_still_a_change(asking: CampaignDesk) -> None:
    had_a_message_of_autumn(asking)
    approval = approved(asking)
    with planned(asking) as (prepared, plan):
        other = Approval("0" * 64, approval.at, "Ewa", seen_of(prepared, plan))
        (said,) = changes_since(other, prepared, plan)
    assert "the recipients or their messages are others" in said


async def test_the_time_of_planning_the_scheduled_time_and_the_folder_do_not_change_a_plan(
    asking: CampaignDesk, tmp_path: Path
) -> None:
    with planned(asking) as (prepared, plan):
        first = plan.digest
        later = asking.plan(prepared, available=1)
        assert (len(later.waves), later.digest) == (2, first)
    await asking.clock.advance(40 * DAY)
    asking.workspace = asking.workspace.rename(tmp_path / "elsewhere")
    with planned(asking) as (_, plan):
        assert plan.digest == first


async def test_how_many_messages_a_capped_number_had_tells_people_more_than_the_plan_rests_on(
    asking: CampaignDesk,
) -> None:
    asking.write("campaigns/a.yaml", ASKING.replace("  - received: autumn-sale\n", "at_most: 1 in 7 days\n"))
    had_a_message_of_autumn(asking)
    with planned(asking) as (_, plan):
        first = plan
    await asking.clock.advance(1 * DAY)
    had_a_message_of_autumn(asking)
    with planned(asking) as (_, plan):
        assert plan.reasons != first.reasons
        assert plan.digest == first.digest
    await asking.clock.advance(8 * DAY)
    with planned(asking) as (_, plan):
        assert plan.digest != first.digest  # the cap lets go of the number: another recipient


def test_what_is_kept_of_a_plan_is_small_json_without_a_cell_of_its_lists(asking: CampaignDesk) -> None:
    seen = approved(asking).seen
    text = json.dumps(seen)
    assert len(text) < 2_000
    assert not [cell for cell in ("501000101", "Ola", "Jan") if cell in text]


def test_a_campaign_of_thousands_of_files_keeps_some_and_says_nothing_false_of_the_others(asking: CampaignDesk) -> None:
    with planned(asking) as (prepared, plan):
        own = prepared.inputs
        many = [FrozenInput("media", f"media/{n}.png", f"{n:064}", 1) for n in range(1_000)]
        prepared.inputs = (*own, *many)
        seen = seen_of(prepared, plan)
        assert len(json.dumps(seen)) < 100_000
        prepared.inputs = (*own, *(replace(item, sha256="f" * 64) for item in many))
        said = changes_since(Approval("0" * 64, START, "Ewa", seen), prepared, plan)
    assert len(said) == 12
    assert said[0] == "media/0.png has changed"
    assert not [sentence for sentence in said if "new" in sentence or "gone" in sentence]
    assert said[-1].endswith(" more changes")


def test_what_was_kept_by_another_version_or_tampered_with_is_only_a_less_telling_comparison(
    asking: CampaignDesk,
) -> None:
    seen: dict[str, object] = {"messages": "+48501000101", "inputs": [1, ["list"]], "reasons": [], "subjects": "x"}
    with planned(asking) as (prepared, plan):
        said = changes_since(Approval("0" * 64, START, "Ewa", seen), prepared, plan)
    assert "messages …101 → 2" in said
    assert "lists/a.csv is new" in said


def test_nothing_is_frozen_without_a_yes_to_this_very_plan_whoever_forgot_to_look(asking: CampaignDesk) -> None:
    with pytest.raises(PlanRefused, match="nobody has approved a plan of it") as none:
        begun(asking)
    assert "mmsflow approve campaigns/a.yaml" in none.value.advice
    approved(asking)
    asking.write("lists/a.csv", PEOPLE + "+48601000104,Iza,tak\n")
    with pytest.raises(PlanRefused, match=r"lists/a\.csv has changed; messages 2 → 3"):
        begun(asking)
    assert asking.ledger.runs() == []


def test_an_approval_is_good_for_one_run_so_that_nobody_gets_the_same_again_on_an_old_yes(
    asking: CampaignDesk,
) -> None:
    asking.write("campaigns/a.yaml", ASKING.replace("  - received: autumn-sale\n", ""))
    approved(asking)
    run = begun(asking)
    used = f"the same plan was approved and used up by {run.run}; each run needs its own yes"
    assert changes(asking) == (used,)
    with planned(asking) as (prepared, plan):
        shown = view_approval(asking.ledger, prepared, plan).as_text(UTC)
    assert shown == f"approval  required; {used} (the last one was given by Ewa on Tue 2026-12-01 08:00 UTC)"
    with pytest.raises(PlanRefused, match=used):
        begun(asking)
    approved(asking, "Jan")
    assert changes(asking) == ()
    begun(asking)


def test_at_the_next_time_of_a_recurring_campaign_the_same_plan_needs_a_yes_of_its_own(asking: CampaignDesk) -> None:
    daily = ASKING.replace("  - received: autumn-sale\n", "") + "schedule: {every: '0 8 * * *'}\n"
    asking.write("campaigns/a.yaml", daily)
    approved(asking)
    run = begun(asking)
    assert changes(asking) == (f"the same plan was approved and used up by {run.run}; this time needs its own yes",)
    asking.write("lists/a.csv", PEOPLE + "+48601000104,Iza,tak\n")
    assert changes(asking)[0] == f"that approval was for {run.run}, and this time needs its own"


def test_tests_on_own_handsets_need_no_approval(asking: CampaignDesk) -> None:
    with planned(asking) as (prepared, plan):
        run = freeze(
            addressed_to(prepared, ["+48501102031"], None),
            plan,
            asking.ledger,
            workspace=asking.workspace,
            now=asking.clock.now(),
            test=True,
        )
    assert run.test


def test_a_campaign_that_asks_for_none_needs_none_and_shows_one_that_was_given(desk: CampaignDesk) -> None:
    with planned(desk, suppression="") as (prepared, plan):
        refuse_unapproved(desk.ledger, prepared, plan)
        view = view_approval(desk.ledger, prepared, plan)
        assert (view.required, view.approved, view.as_text(UTC)) == (False, False, "")
        approve(desk.ledger, ACCOUNT, prepared, plan, who="Ewa", now=desk.clock.now())
        assert view_approval(desk.ledger, prepared, plan).as_json(UTC) == {
            "required": False,
            "approved": True,
            "by": "Ewa",
            "at": "2026-12-01T08:00:00+00:00",
            "changes": [],
        }


def test_a_name_is_kept_on_one_line_and_short() -> None:
    assert shown_name("  Ewa\n\x1b[31m Nowak ") == "Ewa ·[31m Nowak"
    assert len(shown_name("x" * 5_000)) <= 101


async def test_another_process_that_holds_the_ledger_keeps_the_approval_that_it_is_asked_for(
    asking: CampaignDesk,
) -> None:
    with planned(asking) as (prepared, plan):
        yes = Yes(ACCOUNT, NAME, plan.digest, "Jan", seen_of(prepared, plan))
    wanted = Request("", Action.APPROVE, asking.clock.now(), approves=yes)

    @contextmanager
    def open_ledger() -> Iterator[Ledger]:
        with Ledger.open(f"sqlite:///{asking.ledger.path}", clock=asking.clock) as ledger:
            yield ledger

    holder = asyncio.ensure_future(heed_requests(asking.ledger, asking.clock, LiveRuns()))
    asked = asyncio.ensure_future(have_done(asking.ledger.path, open_ledger, wanted, clock=asking.clock))
    await asking.clock.advance(1)
    holder.cancel()
    done = await asked
    assert (done.live, done.answer.refused) == (True, False)
    approval = approval_of(asking.ledger, ACCOUNT, NAME)
    assert approval == Approval(plan.digest, wanted.at, "Jan", seen_of(prepared, plan))
    assert is_approved(asking.ledger, ACCOUNT, NAME, plan.digest)


@pytest.mark.parametrize(
    "wrong",
    [{}, {"approves": None}, {"approves": {"account": ACCOUNT}}, {"who": ""}, {"who": "x" * 300}, {"seen": [1]}],
)
def test_a_request_that_says_no_clear_yes_approves_nothing(desk: CampaignDesk, wrong: dict[str, object]) -> None:
    spool, now = Spool(desk.ledger.path), desk.clock.now()
    name = spool.post(Request("", Action.APPROVE, now, approves=Yes(ACCOUNT, NAME, "0" * 64, "Ewa", {})))
    path = spool.folder / f"{name}.request"
    document = json.loads(path.read_text())
    if "approves" in wrong or not wrong:
        document.pop("approves")
        document |= wrong
    else:
        document["approves"] |= wrong
    path.write_text(json.dumps(document))
    assert spool.pending(now) == []
    assert list(spool.folder.iterdir()) == []


def test_a_request_larger_than_any_plan_needs_is_cleared_away_unread(desk: CampaignDesk) -> None:
    spool, now = Spool(desk.ledger.path), desk.clock.now()
    spool.post(Request("", Action.APPROVE, now, approves=Yes(ACCOUNT, NAME, "0" * 64, "Ewa", {"x": "y" * (9 << 20)})))
    assert spool.pending(now) == []
    assert list(spool.folder.iterdir()) == []
