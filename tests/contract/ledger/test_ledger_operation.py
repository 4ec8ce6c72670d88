"""What a daemon asks of the ledger: runs by their times, times that are accounted for, notices once each."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import timedelta

from ledger_factory import ACCOUNT, NEW_RUN, START, Ledgers, accepted, after, answered, begin, ended, freeze, settle

from mmsflow.ledger.model import RunInfo, RunState
from mmsflow.ledger.operation import NewNotice, NoticeKind, Skipped
from mmsflow.mms.status import MessageState

CAMPAIGN = NEW_RUN.campaign
DAY = timedelta(days=1)


def names(found: list[RunInfo]) -> list[str]:
    return [run.run for run in found]


def test_runs_of_scheduled_times_are_found_by_their_times(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    for day in range(3):
        freeze(ledger, run=f"r-{day}", occurrence=f"o-{day}", due_at=START + day * DAY)
    freeze(ledger, run="by-hand")
    assert names(ledger.runs(due_from=START + DAY)) == ["r-2", "r-1"]
    assert names(ledger.runs(occurrence="o-0")) == ["r-0"]
    assert names(ledger.runs(limit=1)) == ["by-hand"]


def test_a_run_is_unfinished_until_it_has_ended_and_its_reports_have_come(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    run = freeze(ledger, run="a")
    assert names(ledger.runs(unfinished=True)) == ["a"]
    run = ledger.take_run(run.key)
    first, *others = begin(ledger, run)
    settle(ledger, run, accepted(first), *(ended(other, MessageState.REJECTED) for other in others))
    ledger.set_state(run.key, RunState.DONE)
    assert names(ledger.runs(unfinished=True)) == ["a"]
    ledger.record_polls(run.key, [answered(first, MessageState.DELIVERED, "Retrieved")])
    assert ledger.runs(unfinished=True) == []


def test_what_is_accounted_for_never_goes_back_and_a_skip_is_kept_once(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    assert ledger.accounted_until(ACCOUNT, CAMPAIGN) is None
    skip = Skipped(START, after(60), "missed", "nobody was there")
    ledger.account_for(ACCOUNT, CAMPAIGN, START + DAY, [skip])
    ledger.account_for(ACCOUNT, CAMPAIGN, START, [replace(skip, code="overtaken")])
    assert ledger.accounted_until(ACCOUNT, CAMPAIGN) == START + DAY
    assert ledger.skips(ACCOUNT, CAMPAIGN) == [skip]
    assert ledger.accounted_until(ACCOUNT, "another") is None


def test_whose_times_are_accounted_for_is_kept_until_another_schedule_is_named(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    assert ledger.accounted_schedule(ACCOUNT, CAMPAIGN) == ""
    ledger.account_for(ACCOUNT, CAMPAIGN, START + DAY, schedule="a")
    ledger.account_for(ACCOUNT, CAMPAIGN, START + 2 * DAY)
    assert ledger.accounted_schedule(ACCOUNT, CAMPAIGN) == "a"
    ledger.account_for(ACCOUNT, CAMPAIGN, START, schedule="b")
    assert ledger.accounted_schedule(ACCOUNT, CAMPAIGN) == "b"
    assert ledger.accounted_until(ACCOUNT, CAMPAIGN) == START + 2 * DAY
    assert ledger.accounted_schedule(ACCOUNT, "another") == ""


def notice(name: str, kind: NoticeKind = NoticeKind.NEEDS_PERSON) -> NewNotice:
    return NewNotice(name, kind, ACCOUNT, CAMPAIGN, "", "something happened")


def test_a_notice_is_made_once_until_what_it_asks_for_is_done(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    assert ledger.tell(notice("faulty/a"), ["webhook", "mail"])
    assert not ledger.tell(notice("faulty/a"), ["webhook", "mail"])
    assert len(ledger.due_posts(now=after(10), limit=9)) == 2
    ledger.settle_notices(ACCOUNT, ["faulty/a"])
    assert ledger.notices(ACCOUNT, open_only=True) == []
    assert ledger.tell(notice("faulty/a"))
    assert [each.said.name for each in ledger.notices(ACCOUNT)] == ["faulty/a", "faulty/a"]


def test_each_account_has_its_own_notices_whatever_their_names(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    name = "faulty/campaigns/a#1.yaml/0a"
    ours, theirs = notice(name), replace(notice(name), account="another")
    assert ledger.tell(ours)
    assert ledger.tell(theirs)
    assert not ledger.tell(theirs)
    ledger.settle_notices(ACCOUNT, [name])
    assert [each.said.name for each in ledger.notices(ACCOUNT)] == [name]
    assert ledger.notices(ACCOUNT, open_only=True) == []
    assert [each.said.name for each in ledger.notices("another", open_only=True)] == [name]


def test_a_notice_of_an_earlier_version_is_still_the_one_of_its_name(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    ledger.tell(notice("faulty/a"))
    with sqlite3.connect(ledger.path) as as_it_was:
        as_it_was.execute("UPDATE notices SET name = 'faulty/a'")
    as_it_was.close()
    assert not ledger.tell(notice("faulty/a"))
    ledger.settle_notices(ACCOUNT, ["faulty/a"])
    assert ledger.tell(notice("faulty/a"))
    assert [each.said.name for each in ledger.notices(ACCOUNT)] == ["faulty/a", "faulty/a"]


def test_what_people_are_owed_is_no_notice_and_is_owed_until_it_is_told(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    run = freeze(ledger, run="b")
    for _ in range(2):
        ledger.owe_news(run)
    assert ledger.owed_news(ACCOUNT) == ["b"]
    assert ledger.owed_news("another") == []
    assert ledger.notices(ACCOUNT) == []
    ledger.news_told(run)
    assert ledger.owed_news(ACCOUNT) == []


def test_notices_are_found_by_kind_and_by_how_their_name_begins_however_many_others_there_are(ledgers: Ledgers) -> None:
    ledger = ledgers.write()
    ledger.tell(notice("approval/a/1"))
    for number in range(50):
        ledger.tell(notice(f"finished/{number}", NoticeKind.FINISHED))
    found = ledger.notices(ACCOUNT, 10, open_only=True, kinds=[NoticeKind.NEEDS_PERSON])
    assert [each.said.name for each in found] == ["approval/a/1"]
    assert [each.said.name for each in ledger.notices(ACCOUNT, 10, prefix="approval/a/")] == ["approval/a/1"]
    assert ledger.notices(ACCOUNT, 10, prefix="approval/a/2") == []
