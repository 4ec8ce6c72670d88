"""A plan as people and programs read it; both views come from the same Plan."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from tabulate import tabulate

from mmsflow.mms.status import SET_ASIDE_BUCKETS
from mmsflow.plan.intake import intake_as_json, intake_as_text
from mmsflow.plan.model import ArmSize, Plan, Wave
from mmsflow.plan.pace import Basis, Pace

_WAVES_SHOWN = 12


def plan_as_json(plan: Plan, zone: ZoneInfo) -> dict[str, object]:
    """The document that ``plan --json`` promises; instants are ISO 8601 with the campaign's offset."""

    def iso(instant: datetime | None) -> str | None:
        return instant.astimezone(zone).isoformat(timespec="seconds") if instant else None

    return {
        "campaign": plan.campaign,
        "account": plan.account,
        "messages": plan.messages,
        "waves": [
            {"number": wave.number, "starts_at": iso(wave.starts_at), "ends_at": iso(wave.ends_at), "size": wave.size}
            for wave in plan.waves
        ],
        "buckets": {bucket.value: rows for bucket, rows in plan.buckets.items()},
        "reasons": [
            {"bucket": bucket.value, "code": code, "rows": rows, "example": example}
            for (bucket, code), (rows, example) in plan.reasons.items()
        ],
        "variants": arms_as_json(plan.arms),
        "intake": intake_as_json(plan.intake),
        "quota": {
            "used": plan.quota.used,
            "available": plan.quota.available,
            "resets_at": iso(plan.quota.resets_at),
            "permitted_now": plan.quota.permitted_now,
            "permitted_later": plan.quota.permitted_later,
            "left_to_others": plan.quota.left_to_others,
            "period": plan.quota.period.text if plan.quota.period else None,
            "assumption": plan.quota.assumption if len(plan.waves) > 1 else "",
        },
        "windows": plan.windows,
        "due": iso(plan.due),
        "starts_at": iso(plan.starts_at),
        "finishes_at": iso(plan.finishes_at),
        "pace": plan.pace.as_json(),
        "warnings": list(plan.warnings),
        "digest": plan.digest,
    }


def plan_as_text(plan: Plan, zone: ZoneInfo) -> str:
    """Tables for a terminal; no number is shown in full."""
    blocks = [f"scheduled for  {minute_as_text(plan.due, zone)}"] if plan.due else []
    blocks += [_audience(plan), arms_as_text(plan.arms), _quota(plan, zone), _waves(plan, zone)]
    blocks.append(intake_as_text(plan.intake))
    blocks += ["\n".join(f"warning  {warning}" for warning in plan.warnings)] if plan.warnings else []
    return "\n\n".join(block for block in blocks if block)


def arms_as_json(arms: Sequence[ArmSize]) -> list[dict[str, object]]:
    """The variants as ``plan --json`` and ``check --json`` have them."""
    return [{"name": arm.name, "weight": arm.weight, "messages": arm.messages} for arm in arms]


def arms_as_text(arms: Sequence[ArmSize]) -> str:
    """A table of the variants; empty without any."""
    rows = [(arm.name, arm.weight, arm.messages) for arm in arms]
    return tabulate(rows, headers=("variant", "weight", "messages"), disable_numparse=[0]) if rows else ""


def _audience(plan: Plan) -> str:
    rows: list[tuple[str, int | str, str]] = [("to be sent", plan.messages, "")]
    for bucket in SET_ASIDE_BUCKETS:
        for (kind, _), (count, example) in sorted(plan.reasons.items(), key=lambda item: -item[1][0]):
            if kind is bucket:
                rows.append((bucket.value, count, example))
    rows.append(("rows in all", sum(plan.buckets.values()), ""))
    return tabulate(rows, headers=("audience", "rows", "for example"), maxcolwidths=[None, None, 70])


def _quota(plan: Plan, zone: ZoneInfo) -> str:
    quota = plan.quota
    resets = minute_as_text(quota.resets_at, zone) if quota.resets_at else "not known"
    columns: dict[str, object] = {
        "quota of": plan.account,
        "used": quota.used,
        "available": quota.available,
        "left to others by guarantee": quota.left_to_others,
        "for this campaign": quota.permitted_now,
        "resets": resets,
    }
    if not quota.left_to_others:
        del columns["left to others by guarantee"]
    return tabulate([list(columns.values())], headers=list(columns))


def _waves(plan: Plan, zone: ZoneInfo) -> str:
    rows = []
    for wave in plan.waves:
        starts = minute_as_text(wave.starts_at, zone) if wave.starts_at else "after the next reset"
        rows.append((wave.number, wave.size, starts, _submitted_by(wave, plan.pace, zone)))
    if len(rows) > _WAVES_SHOWN:
        left = rows[_WAVES_SHOWN - 1 : -1]
        rows[_WAVES_SHOWN - 1 : -1] = [("…", sum(row[1] for row in left), f"{len(left)} more waves", "")]  # type: ignore[list-item]  # a row for people
    if not rows:
        return ""
    table = tabulate(rows, headers=("wave", "messages", "starts", "submitted by"))
    notes = [f"sent only  {plan.windows}"] if plan.windows else []
    if plan.pace.basis is not Basis.CAMPAIGN:
        notes.append(f"pace  {plan.pace.text}")
    if len(plan.waves) > 1 and plan.quota.assumption:
        notes.append(f"assumed  {plan.quota.assumption}")
    return "\n\n".join([table, *notes])


def _submitted_by(wave: Wave, pace: Pace, zone: ZoneInfo) -> str:
    if wave.ends_at is None:
        return ""
    return minute_as_text(wave.ends_at, zone) if pace.is_known else "not known"


def minute_as_text(instant: datetime, zone: ZoneInfo) -> str:
    """A local minute with its weekday and zone, such as ``Tue 2026-12-01 09:00 CET``."""
    return instant.astimezone(zone).strftime("%a %Y-%m-%d %H:%M %Z")
