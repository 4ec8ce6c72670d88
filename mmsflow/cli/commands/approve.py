"""``mmsflow approve``: a person's yes to a plan, kept by whoever holds the ledger."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from mmsflow.cli.asking import ask_first, system_user
from mmsflow.cli.commands.control import request
from mmsflow.cli.commands.plan import plan_only
from mmsflow.cli.output import print_json, say, tell, warn
from mmsflow.cli.plans import named_campaign
from mmsflow.cli.progress import counting
from mmsflow.cli.session import Session
from mmsflow.errors import PlanRefused, UsageError
from mmsflow.ledger.requests import Action, Request, Yes
from mmsflow.plan.explain import plan_as_text
from mmsflow.plan.model import Plan
from mmsflow.plan.planfile import refuse_if_other
from mmsflow.wiring import reading_ledger
from mmsflow.workflow.approving import ApprovalView, seen_of, shown_name, view_approval
from mmsflow.workflow.blockers import refuse_blocked
from mmsflow.workflow.prepare import Prepared, load, prepare
from mmsflow.workflow.same_content import file_blockers


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproveOptions:
    """The options of ``approve``; ``by`` is who says yes, the system's user when empty."""

    by: str = ""
    top_up: bool = False
    yes: bool = False
    as_json: bool = False


def approve(file: str, options: ApproveOptions) -> int:
    """Plan, show, ask, and keep the yes; returns the exit code."""
    session, path, saved = named_campaign(file)
    if not (who := shown_name(options.by) or system_user()):
        raise UsageError("the system does not say who you are", "add --by NAME", cause="who_unknown")
    campaign = load(path, session.workspace).campaign.campaign
    with reading_ledger(session.settings) as ledger:
        # A yes for this file would take the place of one for the other.
        refuse_blocked(file_blockers(ledger, session.settings.account, campaign, path, session.workspace))
    already = _had_a_message(session, campaign) if options.top_up else ()
    with counting("rendering", quiet=options.as_json) as progress:
        prepared = prepare(
            path,
            session.workspace,
            already_sent=already,
            progress=progress,
            fitting=progress.fitting,
            intake=session.intake(),
        )
    with prepared.draft:
        made = asyncio.run(plan_only(session, prepared))
        if saved:
            refuse_if_other(saved, made, prepared.loaded.sha256)
        view = _show(session, prepared, made, as_json=options.as_json)
        if not made.messages:
            raise PlanRefused("nobody is left to send to", "there is nothing to approve", cause="nobody_left")
        declined = "nothing was approved, as you said"
        ask_first(f"Approve this plan as {who}, for one run?", yes=options.yes, done="approve it", declined=declined)
        yes = Yes(made.account, made.campaign, made.digest, who, seen_of(prepared, made))
    done = request(session, Request("", Action.APPROVE, session.clock.now(), approves=yes))
    if options.as_json:
        print_json(_as_json(session, prepared, made, view))
    else:
        tell(done.answer.text)
    return 0


def _show(session: Session, prepared: Prepared, made: Plan, *, as_json: bool) -> ApprovalView:
    """The plan, and how it stands; returns that."""
    zone = ZoneInfo(prepared.loaded.campaign.schedule.timezone)
    with reading_ledger(session.settings) as ledger:
        view = view_approval(ledger, prepared, made)
        runs = ledger.runs(account=made.account, campaign=made.campaign, tests=False)
    show = say if as_json else tell
    show("\n\n".join(filter(None, [plan_as_text(made, zone), approval_text(view, zone)])))
    show(f"subject   {made.first_subject or '(none)'}")
    show(f"plan      {made.digest}")
    if not view.required:
        warn("the campaign does not ask for approval: anybody may run it; `approval: required` asks for it")
    recurs = prepared.loaded.campaign.schedule.every is not None  # the same once more is what each time is for
    if before := not recurs and next((run for run in runs if run.plan_sha256 == made.digest), None):
        warn(f"{before.run} was made from this very plan: this yes is for sending it to everybody once more")
    return view


def approval_text(view: ApprovalView, zone: ZoneInfo) -> str:
    """How it stands so far, or that there is nothing to compare with."""
    return view.as_text(zone) or "approval  nobody has approved a plan of this campaign yet"


def _as_json(session: Session, prepared: Prepared, made: Plan, before: ApprovalView) -> dict[str, object]:
    zone = ZoneInfo(prepared.loaded.campaign.schedule.timezone)
    with reading_ledger(session.settings) as ledger:
        now = view_approval(ledger, prepared, made).as_json(zone)
    return {
        "campaign": made.campaign,
        "account": made.account,
        "messages": made.messages,
        "digest": made.digest,
        "approval": now | {"changes": list(before.changes)},
    }


def _had_a_message(session: Session, campaign: str) -> frozenset[str]:
    with reading_ledger(session.settings) as ledger:
        return frozenset(ledger.sent_numbers(session.settings.account, campaign))
