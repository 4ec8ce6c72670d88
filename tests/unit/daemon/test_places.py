"""Where a notice leads."""

from __future__ import annotations

import pytest

from mmsflow.daemon.places import faulty_file, place_of
from mmsflow.ledger.operation import NewNotice, NoticeKind

FILES = {"spring": "campaigns/spring 1.yaml"}


@pytest.mark.parametrize(
    ("name", "campaign", "run", "place"),
    [
        ("approval/spring/20261201T0900", "spring", "", "plan?file=campaigns/spring%201.yaml"),
        ("skipped/spring/20261201T0900", "spring", "", "plan?file=campaigns/spring%201.yaml"),
        ("maybe-sent/spring-1", "spring", "spring-1", "runs/spring-1/maybe-sent"),
        ("paused/spring-1", "spring", "spring-1", "runs/spring-1"),
        ("finished/spring-1", "spring", "spring-1", "runs/spring-1"),
        ("faulty/campaigns/spring 1.yaml/ab12", "spring", "", ""),
        ("approval/gone/20261201T0900", "gone", "", ""),
    ],
)
def test_a_notice_leads_to_where_it_can_be_settled(name: str, campaign: str, run: str, place: str) -> None:
    said = NewNotice(name, NoticeKind.NEEDS_PERSON, "simulator", campaign, run, "text")
    assert place_of(said, FILES) == place


def test_the_file_of_a_faulty_notice_is_known_by_its_name() -> None:
    faulty = NewNotice("faulty/campaigns/a.yaml/ab", NoticeKind.NEEDS_PERSON, "simulator", "", "", "text")
    other = NewNotice("paused/a-1", NoticeKind.PAUSED, "simulator", "a", "a-1", "text")
    assert (faulty_file(faulty), faulty_file(other)) == ("campaigns/a.yaml", "")
