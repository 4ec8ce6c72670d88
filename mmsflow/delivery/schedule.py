"""When to ask for a delivery status, purely: growing intervals, at least five questions, one at the deadline."""

from __future__ import annotations

from datetime import datetime, timedelta

_FIRST = timedelta(seconds=10)
_LONGEST = timedelta(hours=2)
_GROWTH = 2.0
_FEWEST = 5


def first_poll(accepted_at: datetime, until: timedelta) -> datetime:
    """The first question: after 10 s, or a tenth of ``until`` where that is sooner."""
    return accepted_at + min(_FIRST, until / 10)


def next_poll(accepted_at: datetime, until: timedelta, polls: int, now: datetime) -> datetime | None:
    """The question after ``polls`` questions were asked; None once one was asked at or after the deadline.

    Args:
        accepted_at: when the gateway took the message; ``until`` counts from here.
        until: polling deadline, above 0.
        polls: questions asked so far, at least 1.
        now: when the last one was answered.
    """
    deadline = accepted_at + until
    if now >= deadline:
        return None
    first = min(_FIRST, until / 10)
    # (until - first) / 5 keeps five questions inside even when every interval is the longest one.
    longest = min(_LONGEST, (until - first) / _FEWEST)
    interval = min(longest, first * _GROWTH ** min(polls, 40))
    return min(deadline, now + interval)
