"""A person's yes to one plan: what it was given for, what has changed since, and that nothing begins without it.

An approval binds to the plan's digest, which covers every message, every row set aside and every file that they were
made from. It is good for one run: the run that is frozen with that digest uses it up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

from mmsflow.campaign.wording import masked, quoted
from mmsflow.errors import PlanRefused
from mmsflow.ledger.operation import Approval
from mmsflow.ledger.store import Ledger, LedgerReader
from mmsflow.plan.model import Plan
from mmsflow.workflow.prepare import Prepared

_MOST_FILES = 500
_MOST_SENTENCES = 12
_LONGEST_NAME = 100


def approval_of(ledger: LedgerReader, account: str, campaign: str) -> Approval | None:
    """The campaign's newest approval, whether it still holds or not; None where nobody has approved a plan of it."""
    return ledger.last_approval(account, campaign)


def is_approved(ledger: LedgerReader, account: str, campaign: str, digest: str) -> bool:
    """Whether a run of the plan with that digest may begin: the newest approval is for it, and no run has used it."""
    approval = approval_of(ledger, account, campaign)
    return approval is not None and approval.holds_for(digest)


def approve(ledger: Ledger, account: str, prepared: Prepared, plan: Plan, *, who: str, now: datetime) -> Approval:
    """Keep a person's yes to exactly this plan; it takes the place of the campaign's earlier approvals."""
    approval = Approval(plan.digest, now, shown_name(who), seen_of(prepared, plan))
    ledger.approve(account, plan.campaign, approval)
    return approval


def shown_name(who: str) -> str:
    """A person's name as it is kept: on one line, at most 100 characters."""
    return masked(" ".join(who.split()), _LONGEST_NAME)


def seen_of(prepared: Prepared, plan: Plan) -> dict[str, object]:
    """What is kept of a plan beside its digest, so that later changes can be named; JSON-able, no personal data.

    Returns:
        ``messages``; ``reasons``, rows set aside by ``"bucket: code"``; ``variants``, messages by name; ``subjects``,
        the subject's template by variant, an empty name without variants; ``at_most``, the cap in force; ``inputs``, a
        list of ``[kind, path, sha256]``, 500 at most; ``more_inputs``, how many there are beyond them.
    """
    campaign = prepared.loaded.campaign
    subjects = {arm.name: arm.subject for arm in campaign.variants if arm.subject is not None}
    files = [[item.kind, item.path, item.sha256] for item in prepared.inputs]
    return {
        "messages": plan.messages,
        "reasons": {f"{bucket.value}: {code}": rows for (bucket, code), (rows, _) in plan.reasons.items()},
        "variants": {arm.name: arm.messages for arm in plan.arms},
        "subjects": {name: quoted(text) for name, text in {"": campaign.message.subject, **subjects}.items()},
        "at_most": prepared.cap.text if prepared.cap else "none",
        "inputs": files[:_MOST_FILES],
        "more_inputs": max(0, len(files) - _MOST_FILES),
    }


def changes_since(approval: Approval, prepared: Prepared, plan: Plan) -> tuple[str, ...]:
    """Why an approval does not hold for a plan: what is different from what was approved, one sentence each.

    Returns:
        Empty where it holds; twelve sentences at most. No number is shown in full.
    """
    if approval.holds_for(plan.digest):
        return ()
    if approval.digest == plan.digest:
        return (f"the same plan was approved and used up by {approval.run}; {_own(prepared)} needs its own yes",)
    said = [f"that approval was for {approval.run}, and {_own(prepared)} needs its own"] if approval.run else []
    now = seen_of(prepared, plan)
    differences = [*_files(approval.seen, now), *_counts(approval.seen, now), *_wording(approval.seen, now)]
    said += differences or ["the recipients or their messages are others, although no file and no count has changed"]
    if len(said) > _MOST_SENTENCES:
        said[_MOST_SENTENCES - 1 :] = [f"{len(said) - _MOST_SENTENCES + 1} more changes"]
    return tuple(said)


def _own(prepared: Prepared) -> str:
    """What a yes is needed for: of a recurring campaign people expect one for each time."""
    return "each run" if prepared.loaded.campaign.schedule.every is None else "this time"


@dataclass(frozen=True, slots=True)
class ApprovalView:
    """How a plan stands with its campaign's newest approval.

    Attributes:
        required: the campaign asks for one.
        approval: the newest, whether it holds or not; None without any.
        approved: it holds for this plan.
        changes: why it does not; empty where it holds, and without any.
        same_plan: it was for this very plan, whether a run has used it up or not.
    """

    required: bool
    approval: Approval | None
    approved: bool
    changes: tuple[str, ...]
    same_plan: bool

    def as_json(self, zone: tzinfo) -> dict[str, object]:
        """The key ``approval`` of ``plan --json``; ``by`` and ``at`` are of the newest one, holding or not."""
        return {
            "required": self.required,
            "approved": self.approved,
            "by": self.approval.who if self.approval else None,
            "at": self.approval.at.astimezone(zone).isoformat(timespec="seconds") if self.approval else None,
            "changes": list(self.changes),
        }

    def as_text(self, zone: tzinfo) -> str:
        """For a terminal, a line each; empty where no approval is asked for and none was given."""
        if self.approval is None:
            return "approval  required, and nobody has approved a plan of this campaign" if self.required else ""
        given = given_by(self.approval, zone)
        if self.approved:
            return f"approval  this plan was approved {given}, for one run"
        required = "required; " if self.required else ""
        if self.same_plan:
            return f"approval  {required}{self.changes[0]} (the last one was given {given})"
        head = f"approval  {required}another plan was approved {given}; since then:"
        return "\n".join([head, *(f"          {change}" for change in self.changes)])


def view_approval(ledger: LedgerReader, prepared: Prepared, plan: Plan) -> ApprovalView:
    """How a plan stands now."""
    approval = approval_of(ledger, plan.account, plan.campaign)
    return ApprovalView(
        required=prepared.loaded.campaign.approval == "required",
        approval=approval,
        approved=approval is not None and approval.holds_for(plan.digest),
        changes=changes_since(approval, prepared, plan) if approval else (),
        same_plan=approval is not None and approval.digest == plan.digest,
    )


def refuse_unapproved(ledger: LedgerReader, prepared: Prepared, plan: Plan, *, option: str = "") -> None:
    """Do nothing where the campaign asks for no approval, or somebody has approved exactly this plan.

    Args:
        option: what ``mmsflow approve FILE`` needs besides, such as ``--top-up``.

    Raises:
        PlanRefused: naming what has changed since the last approval.
    """
    view = view_approval(ledger, prepared, plan)
    if view.approved or not view.required:
        return
    command = f"mmsflow approve {prepared.loaded.shown_path} {option}".strip()
    advice = f"`{command}` shows the plan and asks for a yes"
    if view.approval is None:
        raise PlanRefused(
            f"{plan.campaign} asks for approval, and nobody has approved a plan of it", advice, cause="not_approved"
        )
    given = given_by(view.approval, ZoneInfo(prepared.loaded.campaign.schedule.timezone))
    if view.same_plan:
        raise PlanRefused(
            f"{plan.campaign} asks for approval: {view.changes[0]} (the last one was given {given})",
            advice,
            cause="not_approved",
        )
    changes = "; ".join(view.changes)
    raise PlanRefused(
        f"this plan of {plan.campaign} is not what was approved {given}: {changes}", advice, cause="not_approved"
    )


def given_by(approval: Approval, zone: tzinfo) -> str:
    """``by Ewa Nowak on Tue 2026-12-01 09:14 CET``."""
    return f"by {approval.who} on {approval.at.astimezone(zone):%a %Y-%m-%d %H:%M %Z}"


def _files(before: Mapping[str, object], now: Mapping[str, object]) -> Iterator[str]:
    old, new = _digests(before), _digests(now)
    for path in dict.fromkeys([*old, *new]):
        if path not in new:
            if not now["more_inputs"]:
                yield f"{path} is gone"
        elif path not in old:
            if not before.get("more_inputs"):
                yield f"{path} is new"
        elif old[path] != new[path]:
            yield f"{path} has changed"


def _digests(seen: Mapping[str, object]) -> dict[str, set[tuple[str, str]]]:
    """Each file with what it was used for and its content; a file may be both a list and an exclusion."""
    found: dict[str, set[tuple[str, str]]] = {}
    inputs = seen.get("inputs")
    for item in inputs if isinstance(inputs, list) else ():
        if isinstance(item, list) and len(item) == 3:
            kind, path, sha256 = map(str, item)
            found.setdefault(masked(path), set()).add((kind, sha256))
    return found


def _counts(before: Mapping[str, object], now: Mapping[str, object]) -> Iterator[str]:
    if before.get("messages") != now["messages"]:
        yield f"messages {masked(str(before.get('messages')))} → {now['messages']}"
    for kind, word in (("reasons", ""), ("variants", "variant ")):
        for name, was, is_now in _differing(before, now, kind, "0"):
            yield f"{word}{name} {was} → {is_now}"


def _wording(before: Mapping[str, object], now: Mapping[str, object]) -> Iterator[str]:
    for name, was, is_now in _differing(before, now, "subjects", "the message's own"):
        yield f"the subject{f' of variant {name}' if name else ''} was {was}, is {is_now}"
    if before.get("at_most") != now["at_most"]:
        yield f"the cap was {masked(str(before.get('at_most')))}, is {now['at_most']}"


def _differing(
    before: Mapping[str, object], now: Mapping[str, object], key: str, without: str
) -> Iterator[tuple[str, str, str]]:
    """(name, then, now) of every entry that is not what it was."""
    old, new = _texts(before.get(key)), _texts(now.get(key))
    for name in dict.fromkeys([*old, *new]):
        was, is_now = old.get(name, without), new.get(name, without)
        if was != is_now:
            yield name, was, is_now


def _texts(value: object) -> dict[str, str]:
    return {masked(str(name)): masked(str(each)) for name, each in value.items()} if isinstance(value, dict) else {}
