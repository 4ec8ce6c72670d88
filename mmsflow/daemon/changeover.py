"""What becomes of a campaign's scheduled times when its schedule changes or ends, purely."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice, takewhile

from mmsflow.campaign.recurrence import due_times, last_due
from mmsflow.campaign.schedule import Schedule
from mmsflow.ledger.operation import Skipped
from mmsflow.workflow.occurrence_facts import MOMENT, MOST_TIMES
from mmsflow.workflow.occurrences import MISSED


@dataclass(frozen=True, slots=True)
class Settled:
    """Every scheduled time up to ``until`` is accounted for, those among ``skips`` as skipped.

    Attributes:
        last: the latest of those times; None where none came due.
        more: further times came due that are not settled yet.
        unknown: which times they were cannot be told any more.
    """

    until: datetime
    skips: tuple[Skipped, ...] = ()
    last: datetime | None = None
    more: bool = False
    unknown: bool = False


def times_left(
    schedule: Schedule,
    accounted: datetime,
    now: datetime,
    *,
    have_runs: Collection[datetime],
    skip: Callable[[datetime], Skipped],
) -> Settled:
    """The times of a schedule that ends now: none before now is begun any more.

    Args:
        accounted: up to this instant they are accounted for already.
        have_runs: scheduled times that have a run.
        skip: says why a time gets none.
    """
    times = list(islice(takewhile(lambda due: due <= now, due_times(schedule, accounted)), MOST_TIMES + 1))
    more = len(times) > MOST_TIMES
    del times[MOST_TIMES:]
    skips = tuple(skip(due) for due in times if due not in have_runs)
    return Settled(times[-1] if more else max(now, accounted), skips, times[-1] if times else None, more)


def changed_over(left: Settled, after: Schedule, accounted: datetime, now: datetime, *, had_run: bool) -> Settled:
    """The same where another schedule follows, whose own times count from now on.

    The latest time waits on where the new schedule has it, too, and no later one that has passed. A start that had
    passed before anybody knew of it is named among the skipped ones; had_run: the campaign has had a run.
    """
    last = last_due(after, now)
    if last is not None and left.skips and left.skips[-1].due_at == left.last == last:
        return replace(left, until=last - MOMENT, skips=left.skips[:-1])
    if after.every is None and not had_run and last is not None and accounted < last:
        late = Skipped(last, now, MISSED, "this time had passed when the campaign's schedule was changed to it")
        return replace(left, skips=(*left.skips, late))
    return left
