"""Variants and remarks on the way from the campaign's file to a draft and a frozen run."""

from __future__ import annotations

import pytest

from mmsflow.errors import Finding, InvalidInput
from mmsflow.plan.model import ArmSize
from mmsflow.workflow.trial import addressed_to

from .campaign_desk import CAMPAIGN, CampaignDesk

VARIANTS = CAMPAIGN + 'variants:\n  - name: a\n  - name: b\n    weight: 3\n    subject: "{{ name }}, hi"\n'


def findings(desk: CampaignDesk) -> list[Finding]:
    with pytest.raises(InvalidInput) as refused:
        desk.prepare()
    return list(refused.value.findings)


def test_a_column_that_one_arm_lacks_is_an_error_at_that_arms_place(desk: CampaignDesk) -> None:
    desk.write("campaigns/a.yaml", VARIANTS.replace("{{ name }}, hi", "{{ nmae }}"))
    (found,) = findings(desk)
    assert found.place == "campaigns/a.yaml:16:14"
    assert "`nmae`" in found.message


def test_mistakes_of_all_arms_and_of_the_file_are_found_in_one_pass(desk: CampaignDesk) -> None:
    broken = VARIANTS.replace("{{ name }}, hi", "{{ name").replace("{{ name }}, hello", "{% if %}")
    desk.write("campaigns/a.yaml", broken.replace("sender: ACME", "sender: ''"))
    assert {finding.line for finding in findings(desk)} == {4, 8, 16}


def test_a_draft_counts_its_messages_by_variant(desk: CampaignDesk) -> None:
    desk.write("campaigns/a.yaml", VARIANTS)
    with (prepared := desk.prepare()).draft as draft:
        arms = [message.variant for message in draft.stored_messages()]
        assert prepared.arms == (ArmSize("a", 1, arms.count("a")), ArmSize("b", 3, arms.count("b")))
        assert sum(arm.messages for arm in prepared.arms) == draft.messages == 2
        assert desk.plan(prepared).arms == prepared.arms


def test_doubts_about_variants_are_warnings(desk: CampaignDesk) -> None:
    desk.write("campaigns/a.yaml", CAMPAIGN + "variants: [{name: a}, {name: b}]\n")
    with (prepared := desk.prepare()).draft:
        assert "the variants a and b say the same" in prepared.warnings


def test_what_a_text_that_all_share_links_to_is_a_warning_too(desk: CampaignDesk) -> None:
    desk.write("templates/hello.txt.j2", "Zobacz http://bit.ly/x")
    with (prepared := desk.prepare()).draft:
        assert any(
            "shortener (the first, in templates/hello.txt.j2: bit.ly)" in warning for warning in prepared.warnings
        )


def test_a_test_message_of_an_arm_without_messages_is_refused(desk: CampaignDesk) -> None:
    desk.write("campaigns/a.yaml", VARIANTS.replace("weight: 3", "weight: 999999"))
    with (prepared := desk.prepare()).draft:
        assert prepared.arms[0].messages == 0
        with pytest.raises(InvalidInput) as refused:
            addressed_to(prepared, ["+48501102030"], None, "a")
    assert refused.value.findings[0].message == "no message is planned with variant a"


def test_a_test_message_keeps_the_variant_of_its_row(desk: CampaignDesk) -> None:
    desk.write("campaigns/a.yaml", VARIANTS)
    with (prepared := desk.prepare()).draft:
        arms = {message.row: message.variant for message in prepared.draft.stored_messages()}
        for row, variant in arms.items():
            with addressed_to(prepared, ["+48501102030"], row).draft as draft:
                assert [message.variant for message in draft.stored_messages()] == [variant]
