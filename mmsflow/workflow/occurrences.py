"""What becomes of the scheduled times of one campaign, purely: begun, waited with, or skipped with a reason.

Every scheduled time ends as a run or as a skipped one. Only the latest that came due can still be begun; those before
it are settled as soon as it has come. ``decide`` says what the daemon does by itself, and so what the calendar shows;
``decide_for_person`` says which time a run that a person begins makes up for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from mmsflow.ledger.operation import Skipped

MISSED, OVERTAKEN, NOT_APPROVED = "missed", "overtaken", "not_approved"
UNFINISHED, INVALID, REFUSED = "unfinished", "invalid", "refused"
SENT_BEFORE, CLOSED = "sent_before", "closed"
STAYS_CLOSED = "its window stays closed until the next time"
_MOMENT = timedelta(microseconds=1)


class Waits(StrEnum):
    """What a scheduled time that has come waits for."""

    NOTHING = ""
    EARLIER_RUN = "earlier_run"  # a run of the campaign that still has unsent messages
    APPROVAL = "approval"
    NEXT_TRY = "next_try"  # something was in the way, and is looked at again


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why a scheduled time could not be begun when that was tried; ``code`` is what it is skipped with."""

    due: datetime
    code: str  # missed | invalid | refused
    reason: str
    try_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that is known of a campaign's scheduled times at one look. Instants are aware.

    Attributes:
        now: of the look.
        times: scheduled times that came due since everything was accounted for, in order; the latest may be left out
            where ``more`` is set.
        more: further times came due, too many for one look.
        next_due: the first scheduled time after ``now``; None where there is none.
        have_runs: scheduled times that have a run.
        watched_since: somebody was there to begin from this instant on.
        run_once: a missed time may still be carried out, late.
        grace: how late a time may still begin.
        not_after: what is not sent by then is not sent at all; None without.
        unfinished: an earlier run of the campaign that has unsent messages; empty without one.
        asked_for: the time whose approval a person was asked for; None for none.
        unanswered: nobody has said yes yet, and nothing of what they were asked about has changed.
        answered_at: when somebody said yes after that; None while nobody has.
        hindrance: of the time that was tried last; None where nothing was in its way.
        sent_before: why a campaign without recurrence begins no other run by itself; empty where it has had none.
        closed: those of ``times`` whose window opened at no instant before the scheduled time after them.
        shut: from ``now`` on that is so of the latest.
        shuts: when the window of the latest closes next; None without windows.
    """

    now: datetime
    times: Sequence[datetime]
    more: bool
    next_due: datetime | None
    have_runs: frozenset[datetime]
    watched_since: datetime
    run_once: bool
    grace: timedelta
    not_after: datetime | None
    unfinished: str = ""
    asked_for: datetime | None = None
    unanswered: bool = False
    answered_at: datetime | None = None
    hindrance: Hindrance | None = None
    sent_before: str = ""
    closed: frozenset[datetime] = frozenset()
    shut: bool = False
    shuts: datetime | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done now.

    Attributes:
        skips: times that get no run.
        accounted: every time up to this one has a run or is in ``skips``; None where nothing new can be said.
        begin: the time to be carried out now.
        waiting: the time that waits.
        waits: for what.
        until: when to look again at the latest, aware; None when only something else can change anything.
    """

    skips: tuple[Skipped, ...] = ()
    accounted: datetime | None = None
    begin: datetime | None = None
    waiting: datetime | None = None
    waits: Waits = Waits.NOTHING
    until: datetime | None = None


def decide(facts: Facts) -> Verdict:
    """What becomes of each time; each is settled once, whatever looks come after."""
    open_times = [due for due in facts.times if due not in facts.have_runs]
    latest = None if facts.more or not open_times or open_times[-1] != facts.times[-1] else open_times.pop()
    skips = [_left_behind(due, facts) for due in open_times]
    if latest is None:
        return Verdict(tuple(skips), facts.times[-1] if facts.times else None, until=facts.next_due)
    if (skip := _too_late(latest, facts)) is not None:
        return Verdict((*skips, skip), latest, until=facts.next_due)
    earlier = facts.times[:-1]
    settled, accounted = tuple(skips), earlier[-1] if earlier else None
    ends = _first(facts.next_due, facts.not_after, facts.shuts)
    if facts.asked_for == latest and facts.unanswered:
        return Verdict(settled, accounted, None, latest, Waits.APPROVAL, ends)
    end = None if _awaits_yes(latest, facts) else _counted_from(latest, facts) + facts.grace + _MOMENT
    until = _first(ends, end)
    if facts.unfinished:
        return Verdict(settled, accounted, None, latest, Waits.EARLIER_RUN, until)
    hindrance = _hindrance(latest, facts)
    if hindrance is not None and facts.now < hindrance.try_at:
        until = _first(until, hindrance.try_at)
        return Verdict(settled, accounted, None, latest, Waits.NEXT_TRY, until)
    return Verdict(settled, accounted, latest, until=until)


@dataclass(frozen=True, slots=True, kw_only=True)
class LatestTime:
    """All that is known of the latest scheduled time of a recurring campaign, whoever begins it. Instants are aware.

    Attributes:
        now: of the look.
        due: the latest time that has come; None where the first has not.
        run: the run that it has; empty without.
        later_run: a run for a later time; empty without.
        skip_reason: why it was skipped; empty where it was not.
        accounted: up to this instant a daemon has accounted for all times; None where none ever followed the campaign.
        ever_begun: the campaign has had a run for some scheduled time.
        grace: how late a time may still begin.
        not_after: what is not sent by then is not sent at all; None without.
        shut: from ``now`` on its window opens at no instant before the time after it.
    """

    now: datetime
    due: datetime | None
    run: str = ""
    later_run: str = ""
    skip_reason: str = ""
    accounted: datetime | None = None
    ever_begun: bool = False
    grace: timedelta
    not_after: datetime | None = None
    shut: bool = False


class NotDue(StrEnum):
    """Why a person's run is for no scheduled time."""

    NOT_COME = "not_come"
    HAS_RUN = "has_run"
    BEFORE_LATER_RUN = "before_later_run"
    BEFORE_WATCHED = "before_watched"
    NEVER_EXPECTED = "never_expected"
    PAST_DEADLINE = "past_deadline"
    STAYS_CLOSED = "stays_closed"


def decide_for_person(latest: LatestTime) -> NotDue | None:
    """Decide whether a run that a person begins now is for the latest scheduled time.

    A time that was skipped may still be made up for. One that nobody waits for is not: a file that is new, or has a
    new schedule, names times long before it was written.

    Returns:
        None where the run is for that time, else why it is not.
    """
    due = latest.due
    if due is None:
        return NotDue.NOT_COME
    if latest.run:
        return NotDue.HAS_RUN
    if latest.later_run:
        return NotDue.BEFORE_LATER_RUN
    if not latest.skip_reason and latest.accounted is not None and due <= latest.accounted:
        return NotDue.BEFORE_WATCHED
    expected = latest.skip_reason or latest.accounted is not None or latest.ever_begun
    if not expected and latest.now - due > latest.grace:
        return NotDue.NEVER_EXPECTED
    if latest.not_after is not None and latest.not_after <= latest.now:
        return NotDue.PAST_DEADLINE
    return NotDue.STAYS_CLOSED if latest.shut else None


def _left_behind(due: datetime, facts: Facts) -> Skipped:
    """A time that a later one has come after."""
    if _awaits_yes(due, facts):
        return _skip(due, facts, NOT_APPROVED, "nobody had approved its plan when the next scheduled time came")
    if due in facts.closed:
        return _skip(due, facts, CLOSED, STAYS_CLOSED)
    if due < facts.watched_since:
        return _skip(due, facts, MISSED, "nobody was there to begin it, and a later time has come since")
    if facts.unfinished:
        why = f"{facts.unfinished} still had unsent messages when the next scheduled time came"
        return _skip(due, facts, UNFINISHED, why)
    if (hindrance := _hindrance(due, facts)) is not None:
        return _skip(due, facts, hindrance.code, f"{hindrance.reason}, until the next scheduled time came")
    return _skip(due, facts, OVERTAKEN, "the next scheduled time came before it could begin")


def _too_late(due: datetime, facts: Facts) -> Skipped | None:
    """Why the latest time is not begun any more; None while it may be."""
    if facts.sent_before:
        return _skip(due, facts, SENT_BEFORE, facts.sent_before)
    if due in facts.closed and not _awaits_yes(due, facts):
        return _skip(due, facts, CLOSED, STAYS_CLOSED)
    if facts.not_after is not None and facts.now >= facts.not_after:
        return _ended(due, facts, "its deadline (not_after) has passed")
    if facts.shut:
        return _ended(due, facts, STAYS_CLOSED)
    if _awaits_yes(due, facts):
        return None
    if due < facts.watched_since and not facts.run_once and facts.asked_for != due:
        return _skip(due, facts, MISSED, "nobody was there to begin it, and the campaign says `missed: skip`")
    if facts.now - _counted_from(due, facts) > facts.grace:
        return _ended(due, facts, "its grace is over")
    return None


def _ended(due: datetime, facts: Facts, what: str) -> Skipped:
    if _awaits_yes(due, facts):
        return _skip(due, facts, NOT_APPROVED, f"nobody has approved its plan, and {what}")
    if facts.unfinished:
        return _skip(due, facts, UNFINISHED, f"{facts.unfinished} still has unsent messages, and {what}")
    if (hindrance := _hindrance(due, facts)) is not None:
        return _skip(due, facts, hindrance.code, f"{hindrance.reason}; {what}")
    return _skip(due, facts, MISSED, f"nobody was there to begin it, and {what}")


def _awaits_yes(due: datetime, facts: Facts) -> bool:
    """Whether a person was asked about this time and has not said yes; as long as that lasts, no grace runs out."""
    return facts.asked_for == due and facts.answered_at is None


def _counted_from(due: datetime, facts: Facts) -> datetime:
    """From when on the grace of a time counts: from the yes, where one was waited for."""
    return max(due, facts.answered_at) if facts.asked_for == due and facts.answered_at else due


def _hindrance(due: datetime, facts: Facts) -> Hindrance | None:
    return facts.hindrance if facts.hindrance is not None and facts.hindrance.due == due else None


def _skip(due: datetime, facts: Facts, code: str, reason: str) -> Skipped:
    return Skipped(due, facts.now, code, reason)


def _first(*instants: datetime | None) -> datetime | None:
    return min((each for each in instants if each is not None), default=None)
