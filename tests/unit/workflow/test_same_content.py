"""The rules about another campaign's unfinished run of the same messages, and about two files with one name."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from mmsflow.ledger.model import PausedBy, RunState
from mmsflow.mms.status import MessageState
from mmsflow.settings import Settings
from mmsflow.workflow.blockers import blockers_of, blockers_of_file, blockers_of_plan
from mmsflow.workflow.blocking import Decided
from mmsflow.workflow.same_content import Alike, content_of, other_file_blocker, same_content_blocker

from .campaign_desk import CAMPAIGN, LIST, CampaignDesk

FILE = "campaigns/a.yaml"
OTHER = Alike("winter-1", "winter", FILE, unsent=3, maybe_sent=2, same_content=True)


@pytest.mark.parametrize(
    ("name", "file", "unsent", "maybe", "same"),
    list(product(("winter", "spring"), (FILE, "campaigns/b.yaml"), (0, 3), (0, 2), (False, True))),
)
def test_only_an_unfinished_run_of_the_same_content_under_another_name_blocks(
    name: str, file: str, unsent: int, maybe: int, same: bool
) -> None:
    other = replace(OTHER, unsent=unsent, maybe_sent=maybe, same_content=same)
    blocker = same_content_blocker(name, file, [other])
    assert (blocker is not None) == (name == "spring" and unsent + maybe > 0 and same)
    if blocker is not None:
        assert blocker.cause == ("same_file_unfinished" if file == FILE else "same_content_unfinished")
        assert ("mmsflow cancel winter-1" in blocker.fix) == bool(unsent)
        assert ("mmsflow resolve winter-1" in blocker.fix) == bool(maybe)
        assert "--other-content" in blocker.fix


def test_the_first_that_blocks_is_named_whatever_stands_before_it() -> None:
    others = [replace(OTHER, run="x-1", same_content=False), replace(OTHER, run="y-1", unsent=0, maybe_sent=0), OTHER]
    blocker = same_content_blocker("spring", FILE, others)
    assert blocker is not None
    assert "winter-1" in blocker.message
    assert same_content_blocker("spring", FILE, []) is None


CHANGES = {
    "name": ("campaign: winter-sale", "campaign: spring"),
    "description": ("campaign: winter-sale", "campaign: spring\ndescription: new"),
    "schedule": ("campaign: winter-sale", "campaign: spring\nschedule: {start: '2027-01-01 08:00'}"),
    "pace": ("campaign: winter-sale", "campaign: spring\nrate: 5/s\npriority: Low"),
}
OTHERS = {
    "sender": ("sender: ACME", "sender: BETA"),
    "subject": ("}}, hello", "}}, hallo"),
    "template": ("templates/hello.txt.j2", "templates/end.txt"),
    "a part less": ("    - file: media/note.txt\n", ""),
}


def content(desk: CampaignDesk) -> str:
    with (prepared := desk.prepare()).draft:
        return content_of(prepared)


@pytest.mark.parametrize("change", CHANGES)
def test_what_does_not_change_who_gets_what_is_no_part_of_the_digest(desk: CampaignDesk, change: str) -> None:
    before = content(desk)
    desk.write(FILE, CAMPAIGN.replace(*CHANGES[change]))
    assert content(desk) == before


def test_the_names_of_files_the_order_and_rows_that_get_nothing_are_no_part_of_it(desk: CampaignDesk) -> None:
    before = content(desk)
    head, *people = LIST.splitlines(keepends=True)
    desk.write("lists/b.csv", head + "13,Ola,\n" + "".join(reversed(people)))
    desk.write("media/other.txt", "note")
    desk.write(FILE, CAMPAIGN.replace("lists/a.csv", "lists/b.csv").replace("media/note.txt", "media/other.txt"))
    assert content(desk) == before


@pytest.mark.parametrize("change", OTHERS)
def test_what_somebody_gets_is(desk: CampaignDesk, change: str) -> None:
    before = content(desk)
    desk.write(FILE, CAMPAIGN.replace(*OTHERS[change]))
    assert content(desk) != before


@pytest.mark.parametrize(
    "rows", ["number,name,city\n+48501000101,Ola,Radom\n", LIST.replace("+48601000102", "+48601000103")]
)
def test_who_gets_it_is(desk: CampaignDesk, rows: str) -> None:
    before = content(desk)
    desk.write("lists/a.csv", rows)
    assert content(desk) != before


def causes(desk: CampaignDesk, decided: Decided | None = None) -> list[str]:
    settings = Settings(workspace=desk.workspace, gateway="simulator")
    with (prepared := desk.prepare()).draft:
        found = blockers_of_plan(desk.ledger, settings, prepared, decided=decided or Decided())
    return [blocker.cause for blocker in found]


def renamed(desk: CampaignDesk) -> None:
    desk.write(FILE, CAMPAIGN.replace("winter-sale", "spring"))


def test_a_renamed_campaign_is_refused_until_its_run_is_over_or_a_person_means_it(desk: CampaignDesk) -> None:
    run = desk.settle(desk.start(), MessageState.ACCEPTED)
    assert causes(desk) == []
    renamed(desk)
    assert causes(desk) == ["same_file_unfinished"]
    assert causes(desk, Decided(again=True)) == ["same_file_unfinished"]
    assert causes(desk, Decided(other_content=True)) == []
    desk.ledger.pause(run.key, PausedBy.USER, "")
    assert causes(desk) == ["same_file_unfinished"]
    desk.ledger.set_state(run.key, RunState.CANCELLED)
    assert causes(desk) == []


@pytest.mark.parametrize(
    ("states", "blocked"),
    [
        ((MessageState.ACCEPTED, MessageState.REJECTED), False),
        ((MessageState.ACCEPTED, MessageState.ACCEPTED), False),
        ((MessageState.UNKNOWN, MessageState.ACCEPTED), True),
        ((MessageState.ACCEPTED_NOID, MessageState.ACCEPTED), True),
    ],
)
def test_of_a_run_that_has_sent_all_only_what_was_maybe_sent_blocks(
    desk: CampaignDesk, states: tuple[MessageState, ...], blocked: bool
) -> None:
    desk.settle(desk.start(), *states, poll=True)
    renamed(desk)
    assert causes(desk) == ["same_file_unfinished"] * blocked


def test_a_test_run_blocks_nothing(desk: CampaignDesk) -> None:
    desk.start(test=True)
    renamed(desk)
    assert causes(desk) == []


def test_a_run_that_an_earlier_version_froze_is_compared_by_what_it_was_made_from(desk: CampaignDesk) -> None:
    desk.start()
    with desk.ledger._database.write() as connection:
        connection.exec_driver_sql("UPDATE runs SET content_sha256 = ''")
    renamed(desk)
    assert causes(desk) == ["same_file_unfinished"]
    desk.write(FILE, CAMPAIGN.replace("winter-sale", "spring").replace("}}, hello", "}}, hallo"))
    assert causes(desk) == []
    renamed(desk)
    desk.write("lists/a.csv", LIST + "+48501000109,Iza,\n")
    assert causes(desk) == []


@pytest.mark.parametrize(("there", "file"), list(product((False, True), (FILE, "campaigns/b.yaml"))))
def test_a_file_with_the_name_of_another_one_that_is_there_is_refused(
    desk: CampaignDesk, there: bool, file: str
) -> None:
    run = desk.start()
    assert other_file_blocker(file, None, other_is_there=there) is None
    assert (other_file_blocker(file, run, other_is_there=there) is not None) == (there and file != FILE)


def namesakes(desk: CampaignDesk, file: Path) -> list[str]:
    settings = Settings(workspace=desk.workspace, gateway="simulator")
    return [each.cause for each in blockers_of_file(desk.ledger, settings, "winter-sale", file)]


def test_copies_backups_and_files_elsewhere_are_second_files_and_links_and_moves_are_not(
    desk: CampaignDesk, tmp_path: Path
) -> None:
    desk.start()
    assert namesakes(desk, desk.campaign) == []
    copies = [desk.write(name, CAMPAIGN) for name in ("campaigns/b.yaml", "campaigns/a.yaml~", "a.yaml.orig")]
    (outside := tmp_path / "elsewhere.yaml").write_text(CAMPAIGN)
    for copy in (*copies, outside):
        assert namesakes(desk, copy) == ["campaign_of_another_file"], copy
    (link := desk.workspace / "campaigns" / "link.yaml").symlink_to("a.yaml")
    (hard := desk.workspace / "campaigns" / "hard.yaml").hardlink_to(desk.campaign)
    (folder := desk.workspace / "also").symlink_to("campaigns")
    for same in (link, hard, folder / "a.yaml"):
        assert namesakes(desk, same) == [], same
    # The run itself is asked for by its id: its own file is not compared with others.
    settings = Settings(workspace=desk.workspace, gateway="simulator")
    assert blockers_of(desk.ledger, settings, "winter-sale", desk.campaign) == []
    desk.write(FILE, "campaign: winter-sale\nfaulty")
    assert namesakes(desk, copies[0]) == ["campaign_of_another_file"]
    desk.write(FILE, CAMPAIGN.replace("winter-sale", "spring"))
    assert namesakes(desk, copies[0]) == []
    desk.campaign.unlink()
    assert namesakes(desk, copies[0]) == []
