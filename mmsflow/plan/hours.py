"""Sending windows in words, as people read them in a plan."""

from __future__ import annotations

from collections.abc import Sequence

from mmsflow.plan.calendar import WindowRule

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def windows_in_words(windows: Sequence[WindowRule]) -> str:
    """Such as ``mon-fri 09:00-19:00, not on holidays``; empty for any hour."""
    return "; ".join(_window(window) for window in windows)


def _window(window: WindowRule) -> str:
    hours = " and ".join(f"{_clock(start)}-{_clock(end)}" for start, end in window.hours)
    parts = [f"{_days(window.days)} {hours}"]
    if window.skips_holidays:
        parts.append("not on holidays")
    if window.closed:
        parts.append(f"closed {', '.join(sorted(window.closed))}")
    return ", ".join(parts)


def _days(days: frozenset[int]) -> str:
    """Days that follow each other as a span."""
    spans: list[list[int]] = []
    for day in sorted(days):
        if spans and spans[-1][-1] == day - 1:
            spans[-1].append(day)
        else:
            spans.append([day])
    names = [_DAYS[span[0]] if len(span) == 1 else f"{_DAYS[span[0]]}-{_DAYS[span[-1]]}" for span in spans]
    return ",".join(names)


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
