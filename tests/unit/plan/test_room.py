"""The room that a run needs, by file system: what is added up, what is compared, and what is not known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mmsflow.campaign.model import Report
from mmsflow.plan.room import Contents, FileSystem, Need, needs_of, shortages, size_text

MIB = 1024 * 1024
SMALL = Contents(messages=5, aside=1, row_bytes=4096, part_bytes=0, formats=("csv", "html"))


def total(contents: Contents) -> int:
    return sum(need.needed for need in needs_of(contents, ledger="l", reports="r", temporary="t"))


def test_a_small_run_needs_little() -> None:
    assert total(SMALL) < 20 * MIB


@pytest.mark.parametrize(
    "more",
    [{"messages": 50_000}, {"aside": 500_000}, {"row_bytes": 10 * MIB}, {"part_bytes": 10 * MIB}, {"simulated": True}],
)
def test_more_of_anything_needs_more(more: dict[str, int]) -> None:
    assert total(replace(SMALL, **more)) > total(SMALL)  # type: ignore[arg-type]


def test_every_format_of_a_report_is_counted() -> None:
    for name in Report.model_fields["formats"].annotation.__args__[0].__args__:  # type: ignore[union-attr]
        assert total(replace(SMALL, messages=9999, formats=(name,))) > total(replace(SMALL, messages=9999, formats=()))


def test_needs_on_one_file_system_add_up_and_those_on_others_do_not() -> None:
    ledger, reports = Need("the ledger", "/a", 60), Need("the reports", "/b", 50)
    assert not shortages([(ledger, FileSystem(1, 60)), (reports, FileSystem(2, 50))])
    (short,) = shortages([(ledger, FileSystem(1, 100)), (reports, FileSystem(1, 100))])
    assert (short.needed, short.free, short.needs) == (110, 100, (ledger, reports))
    assert "the ledger in /a and the reports in /b" in str(short)


def test_of_several_the_greatest_lack_comes_first() -> None:
    needs = [Need("a", "/a", 50), Need("b", "/b", 500)]
    found = shortages([(needs[0], FileSystem(1, 0)), (needs[1], FileSystem(2, 0))])
    assert [short.needed for short in found] == [500, 50]


def test_a_file_system_that_does_not_say_what_is_free_refuses_nothing() -> None:
    assert not shortages([(Need("the ledger", "/a", 10**15), FileSystem(1, None))])
    assert shortages([(Need("the ledger", "/a", 1), FileSystem(1, 0))])


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0.0 MiB"), (1536 * 1024, "1.5 MiB"), (300 * MIB, "300 MiB"), (1536 * MIB, "1.5 GiB")],
)
def test_sizes_are_written_as_people_read_them(size: int, text: str) -> None:
    assert size_text(size) == text
