"""The days ahead as nouns: what is to be sent when, what becomes of it beside the others, where they get in the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from mmsflow.plan.calendar import SendingCalendar
from mmsflow.plan.model import Period
from mmsflow.plan.quota import QuotaRules

_NOTABLE = timedelta(minutes=1)
_NAMED = 3  # others in a warning; who wants all of them has the table


@dataclass(frozen=True, slots=True, kw_only=True)
class Appointment:
    """A scheduled time of a campaign, or what is left of a run.

    Attributes:
        campaign: its name; of two appointments of one campaign the later waits for the earlier.
        run: the run's id; empty for a scheduled time.
        begins: when it may begin, aware, UTC.
        messages: how many are to be sent.
        calendar: its sending windows.
        not_after: what is not sent by then is not sent at all; None for no deadline.
        per_second: its own pace; None for as fast as the account goes.
        rules: reserve and share.
        priority, weight: whose turn it is.
        ours: requests that the run has begun in the current period.
        grace: how late it may begin because an earlier one is unfinished; None for any time.
        due: the scheduled time, where that has come already, so that it begins as soon as it can; aware, UTC.
        closed: its windows stay closed until the next scheduled time, so it gets no run.
    """

    campaign: str
    run: str = ""
    begins: datetime
    messages: int
    calendar: SendingCalendar
    not_after: datetime | None = None
    per_second: float | None = None
    rules: QuotaRules = field(default_factory=QuotaRules)
    priority: int = 5
    weight: int = 1
    ours: int = 0
    grace: timedelta | None = None
    due: datetime | None = None
    closed: bool = False

    @property
    def name(self) -> str:
        """For people: the run, or the campaign with its time."""
        if self.run:
            return self.run
        return f"{self.campaign} of {(self.due or self.begins).astimezone(self.calendar.zone):%Y-%m-%d %H:%M}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedQuota:
    """What all campaigns of the account draw on.

    Attributes:
        used, available: the gateway's counter; each later period is taken to allow as much as both.
        resets_at: the next reset, aware, UTC; None where it is not known.
        period: from one reset to the next; None where it is not known.
        zone: where the reset's time is local.
        per_second: the account's pace, over all campaigns; None where it is not known.
        guaranteed: requests of each period by campaign.
        begun: requests of the current period by campaign.
    """

    used: int
    available: int
    resets_at: datetime | None
    period: Period | None
    zone: ZoneInfo
    per_second: float | None = None
    guaranteed: Mapping[str, int] = field(default_factory=dict)
    begun: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Messages that go out without a longer pause, all in one quota period; instants are aware, UTC."""

    starts_at: datetime
    ends_at: datetime
    size: int


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What becomes of an appointment beside the others.

    Attributes:
        waves: in time order.
        finishes_at: when its last message goes out, aware, UTC; None where that is not known, or some never go.
        late: messages that are not sent because their deadline passes first.
        undated: messages that wait for a reset or an opening whose date is not known.
        left_after: requests of the quota that are left when it has finished; None while ``finishes_at`` is.
        is_skipped: an earlier one of its campaign is unfinished for longer than its grace, or its windows stay closed,
            so it does not begin.
        period_since: when the quota's period began in which it begins, as far as it is looked at; None where it does
            not begin.
    """

    appointment: Appointment
    waves: tuple[Stretch, ...]
    finishes_at: datetime | None
    late: int = 0
    undated: int = 0
    left_after: int | None = None
    is_skipped: bool = False
    period_since: datetime | None = None

    @property
    def first(self) -> datetime | None:
        """When its first message goes out."""
        return self.waves[0].starts_at if self.waves else None


@dataclass(frozen=True, slots=True)
class Shortage:
    """A quota period that ends with messages waiting for it; ``ends_at`` is None where its end is not known."""

    ends_at: datetime | None
    messages: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Agenda:
    """The days ahead.

    Attributes:
        foreseen: in the order of their beginning.
        shortages: in time order.
        warnings: where campaigns get in each other's way, one sentence each.
    """

    foreseen: tuple[Foreseen, ...]
    shortages: tuple[Shortage, ...]
    warnings: tuple[str, ...] = ()


def with_warnings(agenda: Agenda, alone: Sequence[Foreseen]) -> Agenda:
    """The same with its warnings.

    Args:
        alone: what would become of each appointment without the others, in the same order.
    """
    found: list[str] = []
    for here, single in zip(agenda.foreseen, alone, strict=True):
        found += _delays(here, single, _beside(here, agenda.foreseen))
    found += [_shortage(each, agenda.foreseen) for each in agenda.shortages]
    return replace(agenda, warnings=tuple(found))


def _delays(here: Foreseen, alone: Foreseen, others: Sequence[str]) -> list[str]:
    name, beside = here.appointment.name, f" beside {_few(others)}" if others else ""
    if here.appointment.closed:
        return []  # that is what its campaign file says
    if here.is_skipped:
        return [f"{name} does not begin: an earlier one of the campaign is still unsent when its grace is over"]
    found = []
    if here.late:
        without = f"; alone it would miss {alone.late}" if alone.late < here.late else ""
        deadline = _minute(here.appointment.not_after, here.appointment)
        found.append(f"{name}: {here.late} messages would not go out by {deadline}{beside if without else ''}{without}")
    elif alone.finishes_at and here.finishes_at and here.finishes_at - alone.finishes_at >= _NOTABLE:
        ends, sooner = (_minute(each, here.appointment) for each in (here.finishes_at, alone.finishes_at))
        found.append(f"{name} finishes at {ends}{beside}; alone it would at {sooner}")
    if here.undated:
        found.append(f"{name}: {here.undated} messages wait for a time that is not known")
    return found


def _beside(here: Foreseen, every: Sequence[Foreseen]) -> list[str]:
    """The others that draw on the quota's periods between its beginning and its end."""
    begins = here.period_since or here.appointment.begins
    end = here.finishes_at or here.appointment.not_after
    names = []
    for other in every:
        if other is here or not other.waves:
            continue
        if other.waves[-1].ends_at >= begins and (end is None or other.waves[0].starts_at <= end):
            names.append(other.appointment.name)
    return names


def _shortage(shortage: Shortage, every: Sequence[Foreseen]) -> str:
    zone = every[0].appointment.calendar.zone
    until = f" until {shortage.ends_at.astimezone(zone):%Y-%m-%d %H:%M}" if shortage.ends_at else ""
    names = _few(shortage.names)
    return f"the quota{until} does not reach: {shortage.messages} messages of {names} wait for the next period"


def _few(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _minute(instant: datetime | None, appointment: Appointment) -> str:
    return f"{instant.astimezone(appointment.calendar.zone):%Y-%m-%d %H:%M}" if instant else ""
