"""A plan from its pieces: the draft's rows, the quota's forecast, the campaign's schedule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from mmsflow.errors import PlanRefused
from mmsflow.plan.calendar import ALWAYS, SendingCalendar
from mmsflow.plan.draft import Draft
from mmsflow.plan.hours import windows_in_words
from mmsflow.plan.intake import intake_of
from mmsflow.plan.model import ArmSize, Plan, QuotaForecast, Wave
from mmsflow.plan.pace import UNKNOWN, Pace
from mmsflow.plan.planner import cut_waves, sent_in_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When a campaign may send.

    Attributes:
        now: aware.
        start: first instant, aware; ``now`` or later.
        not_after: what is not sent by then is not sent at all; None for no deadline.
        zone: the campaign's, for what people read; reset_zone: where the quota's reset is local.
        pace: how fast; where it is not known, the dates are the earliest possible.
        calendar: its windows; always open by default.
        due: the scheduled time that it is for, aware; None for a run by hand.
    """

    now: datetime
    start: datetime
    not_after: datetime | None
    zone: ZoneInfo
    reset_zone: ZoneInfo
    pace: Pace = UNKNOWN
    calendar: SendingCalendar = ALWAYS
    due: datetime | None = None


def make_plan(
    draft: Draft,
    *,
    campaign: str,
    account: str,
    digest: str,
    quota: QuotaForecast,
    timing: Timing,
    warnings: Sequence[str] = (),
    arms: Sequence[ArmSize] = (),
) -> Plan:
    """Cut the draft's messages into waves.

    Raises:
        PlanRefused: the quota never permits a message, or the deadline has passed.
    """
    if timing.not_after and timing.not_after <= timing.now:
        raise PlanRefused(
            f"`schedule.not_after` ({_local(timing.not_after, timing.zone)}) has passed",
            "set a later deadline, or remove it",
            cause="deadline_passed",
        )
    waves = cut_waves(
        draft.messages,
        quota=quota,
        start=timing.start,
        per_second=timing.pace.per_second,
        zone=timing.reset_zone,
        calendar=timing.calendar,
    )
    return Plan(
        campaign=campaign,
        account=account,
        buckets=draft.buckets(),
        reasons={key: (rows, draft.examples[key]) for key, rows in draft.reasons.items()},
        waves=tuple(waves),
        quota=quota,
        starts_at=waves[0].starts_at or timing.start if waves else timing.start,
        finishes_at=waves[-1].ends_at if waves else timing.start,
        warnings=(*warnings, *_schedule_warnings(waves, timing, draft.messages)),
        digest=digest,
        first_subject=draft.first_subject,
        windows=windows_in_words(timing.calendar.windows),
        due=timing.due,
        arms=tuple(arms),
        intake=intake_of(draft),
        pace=timing.pace,
    )


def _schedule_warnings(waves: list[Wave], timing: Timing, messages: int) -> list[str]:
    warnings = []
    if timing.not_after is not None:
        late = messages - sent_in_time(waves, timing.not_after, timing.pace.per_second)
        if late:
            deadline = _local(timing.not_after, timing.zone)
            warnings.append(
                f"{late} of {messages} messages would not go out by {deadline} and are then not sent at all"
            )
    if waves and waves[-1].starts_at is None:
        undated = sum(wave.size for wave in waves if wave.starts_at is None)
        warnings.append(f"{undated} messages wait for a quota reset whose date is not known")
    elif len(waves) > 1 and (end := waves[-1].ends_at):
        days = (end - timing.start).days
        if days >= 1:
            warnings.append(f"the last wave goes out on {_local(end, timing.zone)}, {days + 1} days from the start")
    return warnings


def _local(instant: datetime, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).strftime("%Y-%m-%d %H:%M %Z")
