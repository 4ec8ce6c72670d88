"""The days ahead as people and programs read them; both views come from the same Outlook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from tabulate import tabulate

from mmsflow.errors import Finding
from mmsflow.plan.agenda import Agenda, Appointment, Foreseen
from mmsflow.plan.model import QuotaForecast
from mmsflow.plan.pace import UNKNOWN, Pace


@dataclass(frozen=True, slots=True)
class ByHand:
    """A campaign that people begin themselves, with how many messages it would have now."""

    file: str
    campaign: str
    messages: int


@dataclass(frozen=True, slots=True)
class Held:
    """An unfinished run that does not go on by itself."""

    run: str
    campaign: str
    messages: int
    reason: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A scheduled time that has come and waits for a person's yes.

    Attributes:
        campaign: its name.
        due: aware, UTC.
        messages: how many it would have now; None where its file is wrong, so that nobody can say.
        zone: where ``due`` is shown.
    """

    campaign: str
    due: datetime
    messages: int | None
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Skip:
    """A scheduled time that has come and that the daemon does not begin any more, with the reason."""

    campaign: str
    due: datetime
    reason: str
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Blocked:
    """A campaign of which nothing is begun before a person has decided.

    Attributes:
        campaign: its name.
        messages: how many it would have now.
        cause: stable word for programs.
        message: what blocks it, one sentence.
        fix: what a person can do or say.
    """

    campaign: str
    messages: int
    cause: str
    message: str
    fix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """Everything that ``plan`` without a file shows.

    Attributes:
        account: whose quota it is.
        days: how far it looks.
        until: its end, aware, UTC.
        quota: as forecast for all campaigns together.
        agenda: what is to be sent by itself.
        by_hand, held: what waits for a person.
        awaiting_approval: campaigns whose plans a person must approve first.
        faulty: the first error of each campaign file that is wrong.
        waiting: times that have come and wait for approval; they send nothing until then.
        skipped: times that have come and get no run any more.
        blocked: campaigns of which nothing is begun before a person has decided.
        left_out: scheduled times beyond the most that are shown of one campaign.
        pace: of the account, over all campaigns; where it is not known, those without a `rate` are taken to be sent at
            once.
    """

    account: str
    days: int
    until: datetime
    quota: QuotaForecast
    agenda: Agenda
    by_hand: tuple[ByHand, ...]
    held: tuple[Held, ...]
    awaiting_approval: frozenset[str]
    faulty: tuple[Finding, ...]
    waiting: tuple[Waiting, ...] = ()
    skipped: tuple[Skip, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    left_out: int = 0
    pace: Pace = UNKNOWN

    def paced(self, what: Appointment) -> bool:
        """Whether it is known how fast it is sent."""
        return self.pace.is_known or what.per_second is not None


def outlook_as_json(outlook: Outlook, zone: ZoneInfo) -> dict[str, object]:
    """The document that ``plan --json`` without a file prints; instants are ISO 8601 with offset."""
    quota = outlook.quota
    return {
        "account": outlook.account,
        "days": outlook.days,
        "until": _iso(outlook.until, zone),
        "quota": {
            "used": quota.used,
            "available": quota.available,
            "resets_at": _iso(quota.resets_at, zone),
            "period": quota.period.text if quota.period else None,
            "assumption": quota.assumption,
        },
        "agenda": [_entry(each, outlook) for each in outlook.agenda.foreseen],
        "shortages": [
            {"until": _iso(each.ends_at, zone), "messages": each.messages, "of": list(each.names)}
            for each in outlook.agenda.shortages
        ],
        "by_hand": [
            {"file": each.file, "campaign": each.campaign, "messages": each.messages} for each in outlook.by_hand
        ],
        "held": [{"run": each.run, "messages": each.messages, "reason": each.reason} for each in outlook.held],
        "waiting": [
            {
                "campaign": each.campaign,
                "due_at": _iso(each.due, each.zone),
                "messages": each.messages,
                "waits_for": "approval",
            }
            for each in outlook.waiting
        ],
        "skipped": [
            {"campaign": each.campaign, "due_at": _iso(each.due, each.zone), "reason": each.reason}
            for each in outlook.skipped
        ],
        "blocked": [
            {
                "campaign": each.campaign,
                "messages": each.messages,
                "cause": each.cause,
                "message": each.message,
                "fix": each.fix,
            }
            for each in outlook.blocked
        ],
        "left_out": outlook.left_out,
        "pace": outlook.pace.as_json(),
        "warnings": list(outlook.agenda.warnings),
        "errors": [finding.as_json() for finding in outlook.faulty],
    }


def outlook_as_text(outlook: Outlook, zone: ZoneInfo) -> str:
    """Tables for a terminal."""
    agenda = outlook.agenda
    blocks = [_quota(outlook, zone), _calendar(outlook), _waiting(outlook.waiting), _by_hand(outlook.by_hand)]
    blocks += [_held(outlook.held), _skipped(outlook.skipped), _blocked(outlook.blocked), _pace(outlook)]
    if agenda.foreseen and outlook.quota.assumption:
        blocks.append(f"assumed  {outlook.quota.assumption}; lists as they are now")
    if outlook.left_out:
        blocks.append(f"note  {outlook.left_out} more scheduled times within these days are left out")
    blocks.append("\n".join(f"warning  {warning}" for warning in agenda.warnings))
    return "\n\n".join(block for block in blocks if block)


def _entry(each: Foreseen, outlook: Outlook) -> dict[str, object]:
    what, zone = each.appointment, each.appointment.calendar.zone
    return {
        "campaign": what.campaign,
        "run": what.run or None,
        "begins_at": _iso(what.begins, zone),
        "due_at": None if what.run else _iso(what.due or what.begins, zone),
        "messages": what.messages,
        "waves": [
            {"starts_at": _iso(wave.starts_at, zone), "ends_at": _iso(wave.ends_at, zone), "size": wave.size}
            for wave in each.waves
        ],
        "finishes_at": _iso(each.finishes_at, zone),
        "pace_known": outlook.paced(what),
        "late": each.late,
        "undated": each.undated,
        "skipped": each.is_skipped,
        "closed": what.closed,
        "quota_left": each.left_after,
        "priority": what.priority,
        "weight": what.weight,
        "approval_required": not what.run and what.campaign in outlook.awaiting_approval,
    }


def _calendar(outlook: Outlook) -> str:
    foreseen = outlook.agenda.foreseen
    if not foreseen:
        return f"nothing is scheduled until {outlook.until:%Y-%m-%d}, and no run is unfinished"
    rows = []
    for each in foreseen:
        what, zone = each.appointment, each.appointment.calendar.zone
        begins = (
            "now"
            if (what.run or what.due) and what.begins <= (each.first or what.begins)
            else _minute(what.begins, zone)
        )
        name = f"{what.run} (unfinished)" if what.run else what.campaign
        left = "" if each.left_after is None else each.left_after
        rows.append((begins, name, what.messages, _waves(each), _end(each, outlook), left, _remark(each, outlook)))
    headers = ["begins", "campaign", "messages", "in waves of", "finishes", "quota left", "note"]
    if not any(row[-1] for row in rows):
        rows, headers = [row[:-1] for row in rows], headers[:-1]  # type: ignore[misc]  # a row for people
    return tabulate(rows, headers=headers)


def _waves(each: Foreseen) -> str:
    sizes = [str(wave.size) for wave in each.waves]
    return " + ".join(sizes if len(sizes) <= 4 else [*sizes[:2], "…", sizes[-1]])


def _end(each: Foreseen, outlook: Outlook) -> str:
    if each.is_skipped:
        return "skipped"
    if not each.finishes_at:
        return "not known"
    end = _minute(each.finishes_at, each.appointment.calendar.zone)
    return end if outlook.paced(each.appointment) else f"{end} or later"


def _pace(outlook: Outlook) -> str:
    if outlook.pace.is_known:
        return f"pace  {outlook.pace.text}; all campaigns together" if outlook.agenda.foreseen else ""
    if all(outlook.paced(each.appointment) for each in outlook.agenda.foreseen):
        return ""
    return f"pace  {outlook.pace.text}; what is sent without a `rate` of its own finishes then or later"


def _remark(each: Foreseen, outlook: Outlook) -> str:
    what = each.appointment
    if what.closed:
        return "its window stays closed until the next time"
    notes = [f"due {_minute(what.due, what.calendar.zone)}"] if what.due else []
    if not what.run and what.campaign in outlook.awaiting_approval:
        notes.append("needs approval")
    if each.late:
        notes.append(f"{each.late} too late")
    if each.undated:
        notes.append(f"{each.undated} without a date")
    return ", ".join(notes)


def _quota(outlook: Outlook, zone: ZoneInfo) -> str:
    quota = outlook.quota
    resets = _minute(quota.resets_at, zone) if quota.resets_at else "not known"
    row = (outlook.account, quota.used, quota.available, resets)
    return tabulate([row], headers=("quota of", "used", "available", "resets"))


def _waiting(times: Sequence[Waiting]) -> str:
    """Times that have come, and what they wait for."""
    rows = [(_minute(each.due, each.zone), each.campaign, each.messages, "waits for approval") for each in times]
    return tabulate(rows, headers=("has come", "campaign", "messages", "note"), missingval="?") if rows else ""


def _by_hand(campaigns: Sequence[ByHand]) -> str:
    rows = [(each.campaign, each.messages, each.file) for each in campaigns]
    return tabulate(rows, headers=("begun by hand", "messages", "file")) if rows else ""


def _held(runs: Sequence[Held]) -> str:
    rows = [(each.run, each.messages, each.reason) for each in runs]
    return tabulate(rows, headers=("waits for a person", "unsent", "why")) if rows else ""


def _skipped(times: Sequence[Skip]) -> str:
    rows = [(_minute(each.due, each.zone), each.campaign, each.reason) for each in times]
    return tabulate(rows, headers=("is skipped", "campaign", "why")) if rows else ""


def _blocked(campaigns: Sequence[Blocked]) -> str:
    """What blocks each campaign, and below it what a person can do."""
    lines = [
        f"blocked  {each.campaign} ({each.messages} messages): {each.message}\nfix      {each.fix}"
        for each in campaigns
    ]
    return "\n".join(lines)


def _minute(instant: datetime, zone: ZoneInfo) -> str:
    return instant.astimezone(zone).strftime("%a %Y-%m-%d %H:%M %Z")


def _iso(instant: datetime | None, zone: ZoneInfo) -> str | None:
    return instant.astimezone(zone).isoformat(timespec="seconds") if instant else None
