"""From a campaign file to a draft: everything that is wrong at once, and what a run is made from."""

from __future__ import annotations

import hashlib

import pytest

from mmsflow.errors import Finding, InvalidInput, UsageError
from mmsflow.mms.status import Bucket
from mmsflow.workflow.preview import Wish, preview

from .campaign_desk import CAMPAIGN, CampaignDesk


def findings(desk: CampaignDesk) -> list[Finding]:
    with pytest.raises(InvalidInput) as refused:
        desk.prepare()
    assert refused.value.exit_code == 3
    return list(refused.value.findings)


def test_every_row_becomes_a_message_or_is_set_aside(desk: CampaignDesk) -> None:
    with desk.prepare().draft as draft:
        counts = draft.buckets()
        assert (counts[Bucket.PENDING], counts[Bucket.DUPLICATE], counts[Bucket.INVALID]) == (2, 1, 1)
        assert draft.rows == 4
        assert [message.texts for message in draft.stored_messages()] == [("Dear Ola, bye",), ("Dear Jan, bye",)]


def test_everything_that_is_wrong_in_several_files_is_found_at_once(desk: CampaignDesk) -> None:
    desk.write("campaigns/a.yaml", CAMPAIGN.replace("{{ name }}, hello", "{{ nmae }}").replace("note", "nope"))
    desk.write("templates/hello.txt.j2", "{% if %}")
    desk.write("lists/a.csv", "telephone,name\n1,2\n")
    found = findings(desk)
    assert {finding.file for finding in found} == {"campaigns/a.yaml", "templates/hello.txt.j2", "lists/a.csv"}
    assert all(finding.line for finding in found)


def test_a_variable_that_no_list_has_is_an_error_at_its_place_with_a_near_name(desk: CampaignDesk) -> None:
    desk.write("campaigns/a.yaml", CAMPAIGN.replace("{{ name }}, hello", "{{ nmae }}"))
    (found,) = findings(desk)
    assert found.place == "campaigns/a.yaml:8:12"
    assert "`nmae`" in found.message
    assert "name" in found.fix


def test_rows_that_lack_a_used_variable_stop_the_plan_and_are_named(desk: CampaignDesk) -> None:
    desk.write("templates/end.txt", " of {{ city }}")
    (found,) = findings(desk)
    assert found.place == "lists/a.csv:3"
    assert "city" in found.message


def test_a_list_without_anybody_to_send_to_is_an_error(desk: CampaignDesk) -> None:
    desk.write("lists/a.csv", "number,name\n12,Ewa\n")
    (found,) = findings(desk)
    assert found.file == "campaigns/a.yaml"
    assert "no row" in found.message


def test_a_run_is_made_from_its_files_by_content_includes_too(desk: CampaignDesk) -> None:
    with (prepared := desk.prepare()).draft:
        seen = {item.path: (item.kind, item.sha256) for item in prepared.inputs}
        parts = [blob.sha256 for blob in prepared.parts]
    kinds = {path: kind for path, (kind, _) in seen.items()}
    assert kinds == {
        "campaigns/a.yaml": "campaign",
        "lists/a.csv": "list",
        "templates/hello.txt.j2": "template",
        "templates/end.txt": "template",
        "media/note.txt": "media",
    }
    for path, (_, digest) in seen.items():
        assert digest == hashlib.sha256((desk.workspace / path).read_bytes()).hexdigest()
    kept = {blob.sha256 for blob in prepared.blobs} | set(parts)
    assert kept == {digest for path, (_, digest) in seen.items() if path != "lists/a.csv"}


@pytest.mark.parametrize("name", ["campaigns/a.yaml", "lists/a.csv", "templates/end.txt", "media/note.txt"])
def test_the_plans_digest_is_that_of_its_files(desk: CampaignDesk, name: str) -> None:
    def digest() -> str:
        with (prepared := desk.prepare()).draft:
            return prepared.digest

    first = digest()
    assert digest() == first
    desk.write(name, (desk.workspace / name).read_text() + "\n")
    assert digest() != first


def test_a_top_up_leaves_out_those_who_had_a_message(desk: CampaignDesk) -> None:
    with desk.prepare(frozenset({"+48501000101"})).draft as draft:
        assert [message.msisdn for message in draft.stored_messages()] == ["+48601000102"]
        assert draft.reasons[(Bucket.EXCLUDED, "already_sent")] == 1
    with desk.prepare(frozenset({"+48501000101", "+48601000102"})).draft as draft:
        assert (draft.messages, draft.rows) == (0, 4)


def test_long_subjects_are_a_warning_with_the_first_row(desk: CampaignDesk) -> None:
    desk.write("campaigns/a.yaml", CAMPAIGN.replace(", hello", "h" * 60))
    with (prepared := desk.prepare()).draft:
        assert any("2 subjects are longer than 40" in warning for warning in prepared.warnings)


def test_a_preview_shows_the_first_and_the_extremes_each_once(desk: CampaignDesk) -> None:
    with (prepared := desk.prepare()).draft:
        shown = preview(prepared, Wish(first=1)).shown
        assert shown[0].why == "first"
        assert len({message.row for message in shown}) == len(shown)
        assert [part.text for part in shown[0].parts] == ["Dear Ola, bye", "note"]
        (asked,) = preview(prepared, Wish(number="+48601000102")).shown
        assert (asked.subject, asked.why) == ("Jan, hello", "asked for")
        with pytest.raises(UsageError, match="no message of this campaign goes to that number"):
            preview(prepared, Wish(number="+48601999999"))
