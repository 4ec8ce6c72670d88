"""What becomes of scheduled times: every rule as a row, and that each time is settled exactly once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsflow.workflow.occurrences import Facts, Hindrance, Verdict, Waits, decide

NINE = datetime(2026, 12, 1, 8, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MOMENT = timedelta(microseconds=1)
EARLIER = NINE - DAY


def facts(**changes: object) -> Facts:
    """One time, come due this minute, and nothing in its way."""
    usual = Facts(
        now=NINE + MINUTE,
        times=(NINE,),
        more=False,
        next_due=NINE + DAY,
        have_runs=frozenset(),
        watched_since=NINE - HOUR,
        run_once=True,
        grace=HOUR,
        not_after=None,
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def codes(verdict: Verdict) -> list[str]:
    return [skip.code for skip in verdict.skips]


HINDERED = Hindrance(NINE, "invalid", "lists/a.csv is missing", NINE + 2 * MINUTE)

BEGUN = {
    "it came due while the daemon watched": {},
    "nobody watched then, and it is within its grace": {"watched_since": NINE + MINUTE},
    "at the last instant of its grace": {"now": NINE + HOUR},
    "what was in its way is tried again": {"hindrance": HINDERED, "now": NINE + 2 * MINUTE},
    "another time was hindered": {"hindrance": replace(HINDERED, due=EARLIER)},
    "a person was asked, and what they were asked about has changed": {"asked_for": NINE, "now": NINE + 5 * HOUR},
    "it was approved a moment ago, long after its time": {
        "asked_for": NINE,
        "answered_at": NINE + 5 * HOUR,
        "now": NINE + 5 * HOUR + MINUTE,
    },
    "an earlier process asked for approval": {
        "asked_for": NINE,
        "watched_since": NINE + 5 * HOUR,
        "now": NINE + 5 * HOUR,
    },
    "missed: skip does not concern what the daemon saw come due": {"run_once": False},
    "its deadline is ahead": {"not_after": NINE + 2 * MINUTE},
}


@pytest.mark.parametrize("changes", BEGUN.values(), ids=BEGUN.keys())
def test_a_time_is_begun_when(changes: dict[str, object]) -> None:
    verdict = decide(facts(**changes))
    assert (verdict.begin, verdict.skips, verdict.accounted) == (NINE, (), None)


WAITING = {
    "an earlier run has unsent messages": ({"unfinished": "news-1"}, Waits.EARLIER_RUN, NINE + HOUR + MOMENT),
    "nobody has approved its plan": ({"asked_for": NINE, "unanswered": True}, Waits.APPROVAL, NINE + DAY),
    "nobody has approved its plan, which has a deadline": (
        {"asked_for": NINE, "unanswered": True, "not_after": NINE + 3 * HOUR},
        Waits.APPROVAL,
        NINE + 3 * HOUR,
    ),
    "nobody has approved it, and its grace is over": (
        {"asked_for": NINE, "unanswered": True, "now": NINE + 9 * HOUR},
        Waits.APPROVAL,
        NINE + DAY,
    ),
    "something is in its way": ({"hindrance": HINDERED}, Waits.NEXT_TRY, NINE + 2 * MINUTE),
    "its window closes before the next time comes": (
        {"asked_for": NINE, "unanswered": True, "shuts": NINE + 8 * HOUR},
        Waits.APPROVAL,
        NINE + 8 * HOUR,
    ),
    "the next time comes before its grace is over": (
        {"unfinished": "news-1", "next_due": NINE + 10 * MINUTE},
        Waits.EARLIER_RUN,
        NINE + 10 * MINUTE,
    ),
}


@pytest.mark.parametrize(("changes", "waits", "until"), WAITING.values(), ids=WAITING.keys())
def test_a_time_waits_when(changes: dict[str, object], waits: Waits, until: datetime) -> None:
    verdict = decide(facts(**changes))
    assert (verdict.waiting, verdict.waits, verdict.until) == (NINE, waits, until)
    assert (verdict.begin, verdict.skips, verdict.accounted) == (None, (), None)


LATE = NINE + HOUR + MOMENT
SKIPPED = {
    "its grace is over and nobody was there": ({"now": LATE, "watched_since": LATE}, "missed"),
    "the machine slept through its grace": ({"now": LATE}, "missed"),
    "nobody was there and the campaign says missed: skip": (
        {"watched_since": NINE + MINUTE, "run_once": False},
        "missed",
    ),
    "the earlier run did not end within its grace": ({"now": LATE, "unfinished": "news-1"}, "unfinished"),
    "what was in its way stayed there": ({"now": LATE, "hindrance": HINDERED}, "invalid"),
    "the gateway stayed away": ({"now": LATE, "hindrance": replace(HINDERED, code="missed")}, "missed"),
    "nobody approved it by its deadline": (
        {"asked_for": NINE, "unanswered": True, "not_after": NINE + MINUTE},
        "not_approved",
    ),
    "a campaign without recurrence has had its run": ({"sent_before": "it has had its one run"}, "sent_before"),
    "its deadline has passed": ({"not_after": NINE + MINUTE}, "missed"),
    "its window opens only with the next time": ({"closed": frozenset({NINE}), "shut": True}, "closed"),
    "that, and nobody was there": (
        {"closed": frozenset({NINE}), "shut": True, "watched_since": LATE, "now": LATE},
        "closed",
    ),
    "its window has closed, and nobody had approved it": (
        {"shut": True, "asked_for": NINE, "unanswered": True, "now": NINE + 9 * HOUR},
        "not_approved",
    ),
    "its window has closed, and an earlier run still had unsent messages": (
        {"shut": True, "unfinished": "news-1"},
        "unfinished",
    ),
    "its window has closed, and it was approved too late": (
        {"shut": True, "asked_for": NINE, "answered_at": NINE + 9 * HOUR, "now": NINE + 9 * HOUR},
        "missed",
    ),
    "it was approved, and nobody was there within a grace of that": (
        {"asked_for": NINE, "answered_at": NINE + HOUR, "now": NINE + 2 * HOUR + MOMENT},
        "missed",
    ),
    "it was approved, and its lists were wrong for longer than a grace": (
        {"asked_for": NINE, "answered_at": NINE + HOUR, "now": NINE + 2 * HOUR + MOMENT, "hindrance": HINDERED},
        "invalid",
    ),
}


@pytest.mark.parametrize(("changes", "code"), SKIPPED.values(), ids=SKIPPED.keys())
def test_a_time_is_skipped_when(changes: dict[str, object], code: str) -> None:
    verdict = decide(facts(**changes))
    assert codes(verdict) == [code]
    assert verdict.skips[0].due_at == NINE
    assert (verdict.accounted, verdict.begin, verdict.until) == (NINE, None, NINE + DAY)


LEFT_BEHIND = {
    "nobody was there": ({"watched_since": NINE}, "missed"),
    "an earlier run still has unsent messages": ({"unfinished": "news-1", "watched_since": EARLIER}, "unfinished"),
    "nobody approved it": ({"asked_for": EARLIER, "unanswered": True, "watched_since": NINE}, "not_approved"),
    "it was approved, and the gateway was away": (
        {
            "asked_for": EARLIER,
            "answered_at": EARLIER + HOUR,
            "hindrance": replace(HINDERED, due=EARLIER, code="missed"),
            "watched_since": EARLIER,
        },
        "missed",
    ),
    "it could not be begun": ({"hindrance": replace(HINDERED, due=EARLIER), "watched_since": EARLIER}, "invalid"),
    "its window opened only with the next time": ({"closed": frozenset({EARLIER})}, "closed"),
    "it was not begun for no reason that is known": ({"watched_since": EARLIER}, "overtaken"),
}


@pytest.mark.parametrize(("changes", "code"), LEFT_BEHIND.values(), ids=LEFT_BEHIND.keys())
def test_an_earlier_time_is_skipped_as_soon_as_a_later_one_has_come(changes: dict[str, object], code: str) -> None:
    verdict = decide(facts(times=(EARLIER, NINE), **changes))
    assert codes(verdict) == [code]
    assert verdict.accounted == EARLIER
    assert NINE in {verdict.begin, verdict.waiting}


def test_a_time_that_has_its_run_is_accounted_for_and_begun_no_more() -> None:
    verdict = decide(facts(have_runs=frozenset({NINE})))
    assert verdict == Verdict(accounted=NINE, until=NINE + DAY)


def test_of_more_times_than_one_look_goes_through_none_is_begun() -> None:
    verdict = decide(facts(times=(EARLIER, NINE), more=True, next_due=None, watched_since=NINE + MINUTE))
    assert codes(verdict) == ["missed", "missed"]
    assert (verdict.accounted, verdict.begin) == (NINE, None)


def test_without_a_time_there_is_nothing_to_do_until_the_next_one() -> None:
    assert decide(facts(times=())) == Verdict(until=NINE + DAY)


class Books:
    """Plays the ledger, the daemon and its crashes around ``decide``, with a time every 20 minutes."""

    def __init__(self, grace: timedelta, *, run_once: bool) -> None:
        self.grace, self.run_once = grace, run_once
        self.now = self.first = self.durable = self.accounted = self.watched_since = NINE
        self.runs: set[datetime] = set()
        self.skips: list[datetime] = []
        self.asked_for: datetime | None = None
        self.hindrance: Hindrance | None = None

    def times(self, after: datetime) -> list[datetime]:
        step = 20 * MINUTE
        first = NINE + step * ((after - NINE) // step + 1)
        return (
            [first + step * index for index in range(int((self.now - first) / step) + 1)] if first <= self.now else []
        )

    def look(self, *, unfinished: bool, outcome: str, crash: str) -> None:
        times = self.times(self.accounted)
        verdict = decide(
            Facts(
                now=self.now,
                times=times[:5],
                more=len(times) > 5,
                next_due=None if len(times) > 5 else (self.times(self.now - DAY) or [self.now])[-1] + 20 * MINUTE,
                have_runs=frozenset(self.runs),
                watched_since=self.watched_since,
                run_once=self.run_once,
                grace=self.grace,
                not_after=None,
                unfinished="news-1" if unfinished else "",
                asked_for=self.asked_for,
                unanswered=outcome == "silence",
                hindrance=self.hindrance,
            )
        )
        if crash == "before":
            return self.crash()
        self.skips += [skip.due_at for skip in verdict.skips]
        if verdict.accounted is not None:
            self.durable = self.accounted = max(self.accounted, verdict.accounted)
        if verdict.begin is not None:
            self.begin(verdict.begin, outcome, crash)
        return self.crash() if crash == "after" else None

    def begin(self, due: datetime, outcome: str, crash: str) -> None:
        if outcome == "hindered":
            self.hindrance = Hindrance(due, "invalid", "it is wrong", self.now + MINUTE)
        elif outcome in {"silence", "asked"}:
            self.asked_for = due
        else:
            assert due not in self.runs
            self.runs.add(due)
            if crash != "between":
                self.durable = self.accounted = due

    def crash(self) -> None:
        self.accounted, self.hindrance, self.asked_for, self.watched_since = self.durable, None, None, self.now


LOOK = st.tuples(
    st.integers(0, 400),  # minutes until the look
    st.booleans(),
    st.sampled_from(["run", "hindered", "silence", "asked"]),
    st.sampled_from(["", "", "", "before", "between", "after"]),
    st.integers(0, 300),  # minutes of nobody there after a crash
)


@settings(max_examples=150, deadline=None)
@given(looks=st.lists(LOOK, max_size=25), grace=st.sampled_from([5, 20, 60]), run_once=st.booleans())
def test_each_time_is_settled_exactly_once_whatever_looks_and_crashes_come(
    looks: list[tuple[int, bool, str, str, int]], grace: int, run_once: bool
) -> None:
    books = Books(grace * MINUTE, run_once=run_once)
    for minutes, unfinished, outcome, crash, away in looks:
        books.now += minutes * MINUTE
        books.look(unfinished=unfinished, outcome=outcome, crash=crash)
        if crash == "between":
            books.crash()
        if crash:
            books.now += away * MINUTE
            books.watched_since = books.now
    books.now += DAY
    books.watched_since = books.now
    while books.times(books.accounted):
        before = books.accounted
        books.look(unfinished=False, outcome="run", crash="")
        assert books.accounted > before or books.accounted == books.times(before)[-1]
    table = books.times(NINE)
    assert sorted([*books.runs, *books.skips]) == table
