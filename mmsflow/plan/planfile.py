"""A saved plan: carried out as it stands, or refused with the reason why it is stale."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from mmsflow.errors import Finding, InvalidInput, PlanRefused
from mmsflow.mms.private_files import write_private
from mmsflow.plan.model import Plan

_FORMAT = "mmsflow-plan/1"
_LARGEST_BYTES = 1_000_000
_FIX = "look at the difference, then make the plan again with `mmsflow plan FILE --out PLAN`"


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """What is kept of a plan: no personal data, only digests and what was promised.

    Attributes:
        campaign_file: path from the workspace's top.
        account: the gateway account it was made for.
        campaign_sha256: of the campaign file.
        digest: the plan's own, over every message and every row set aside.
        messages: how many it sends.
        first_wave: messages that the quota permitted at once.
        made_at: aware.
        due: the scheduled time of a recurring campaign that it is for, aware; None for a run by hand.
    """

    campaign_file: str
    account: str
    campaign_sha256: str
    digest: str
    messages: int
    first_wave: int
    made_at: datetime
    due: datetime | None = None


def is_plan_file(path: Path) -> bool:
    """Whether the file is a saved plan rather than a campaign."""
    try:
        with path.open("rb") as file:
            return file.read(200).lstrip().startswith(b"{") and path.suffix not in {".yaml", ".yml"}
    except OSError:
        return False


def save_plan(path: Path, plan: Plan, *, campaign_file: str, campaign_sha256: str, made_at: datetime) -> None:
    """Write the plan beside what it promises, for review and for ``run``; an OSError when it cannot be written."""
    document = {
        "format": _FORMAT,
        "campaign": plan.campaign,
        "campaign_file": campaign_file,
        "campaign_sha256": campaign_sha256,
        "account": plan.account,
        "digest": plan.digest,
        "messages": plan.messages,
        "first_wave": plan.waves[0].size if plan.waves else 0,
        "buckets": {bucket.value: rows for bucket, rows in plan.buckets.items()},
        "made_at": made_at.isoformat(timespec="seconds"),
        "due": plan.due.isoformat(timespec="seconds") if plan.due else None,
    }
    write_private(path, json.dumps(document, indent=2) + "\n")


def load_plan(path: Path) -> SavedPlan:
    """Read a saved plan.

    Raises:
        InvalidInput: it is not one, or one of another version.
    """
    try:
        document = json.loads(_read(path))
        if document.get("format") != _FORMAT:
            raise ValueError(f"its format is {document.get('format')!r}, this version reads {_FORMAT!r}")
        return SavedPlan(
            campaign_file=_inside(str(document["campaign_file"])),
            account=str(document["account"]),
            campaign_sha256=str(document["campaign_sha256"]),
            digest=str(document["digest"]),
            messages=int(document["messages"]),
            first_wave=int(document["first_wave"]),
            made_at=datetime.fromisoformat(str(document["made_at"])),
            due=datetime.fromisoformat(str(document["due"])) if document.get("due") else None,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        what = f"`{error.args[0]}` is missing" if isinstance(error, KeyError) else str(error)
        fix = "make it again with `mmsflow plan FILE --out PLAN`"
        raise InvalidInput([Finding(str(path), 0, 0, f"is not a saved plan: {what}", fix)]) from None


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(_LARGEST_BYTES + 1)
    if len(content) > _LARGEST_BYTES:
        raise ValueError(f"it has more than {_LARGEST_BYTES} bytes")
    return content


def _inside(campaign_file: str) -> str:
    # A plan may come from somebody else; it names a file of this workspace, and no other is opened for it.
    path = PurePosixPath(campaign_file)
    if path.is_absolute() or ".." in path.parts or not campaign_file.isprintable():
        raise ValueError("its campaign is outside the workspace")
    return campaign_file


def refuse_if_other(saved: SavedPlan, plan: Plan, campaign_sha256: str, names: Collection[str] = ()) -> None:
    """Do nothing when ``plan``, made just now, sends what was saved, whatever the quota is by now.

    Args:
        names: every name of the plan's account; a plan that was saved under one of them is this account's.

    Raises:
        PlanRefused: naming what has changed since.
    """
    if saved.account not in {plan.account, *names}:
        raise PlanRefused(
            f"the plan was made for the account {saved.account}, this is {plan.account}",
            _FIX,
            cause="plan_of_other_account",
        )
    if saved.campaign_sha256 != campaign_sha256:
        raise PlanRefused("the plan is stale: the campaign file has changed since", _FIX, cause="plan_stale")
    if saved.digest != plan.digest:
        change = f"{saved.messages} messages then, {plan.messages} now"
        raise PlanRefused(
            f"the plan is stale: its lists, templates or media have changed since ({change})", _FIX, cause="plan_stale"
        )


def refuse_if_stale(saved: SavedPlan, plan: Plan, campaign_sha256: str, names: Collection[str] = ()) -> None:
    """Do nothing when ``plan``, made just now, is what was saved, and the quota still permits it.

    Args:
        names: as for ``refuse_if_other``.

    Raises:
        PlanRefused: naming what has changed since.
    """
    refuse_if_other(saved, plan, campaign_sha256, names)
    if plan.due is not None and saved.due != plan.due:
        was = f"{saved.due:%Y-%m-%d %H:%M %Z}" if saved.due else "no scheduled time"
        raise PlanRefused(
            f"the plan is stale: it was made for {was}, now {plan.due:%Y-%m-%d %H:%M %Z} is due",
            _FIX,
            cause="plan_stale",
        )
    first_wave = plan.waves[0].size if plan.waves else 0
    if first_wave < saved.first_wave and plan.quota.permitted_now < saved.first_wave:
        change = f"it permitted {saved.first_wave} messages at once then, {plan.quota.permitted_now} now"
        raise PlanRefused(f"the plan is stale: the quota has changed since ({change})", _FIX, cause="plan_stale")
