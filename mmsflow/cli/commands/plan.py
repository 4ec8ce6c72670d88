"""``mmsflow plan``: what would be sent, to how many, when, and against which quota."""

from __future__ import annotations

import asyncio
from pathlib import Path
from zoneinfo import ZoneInfo

from mmsflow.cli.output import print_json, say, tell
from mmsflow.cli.progress import counting
from mmsflow.cli.session import Session
from mmsflow.errors import UsageError
from mmsflow.plan.explain import minute_as_text, plan_as_json, plan_as_text
from mmsflow.plan.model import Plan
from mmsflow.plan.planfile import save_plan
from mmsflow.wiring import open_gateway, reading_ledger, reset_rules
from mmsflow.workflow.approving import view_approval
from mmsflow.workflow.disk_space import space_blocker
from mmsflow.workflow.guarantees import guaranteed_in
from mmsflow.workflow.occurrence_facts import occasion_of
from mmsflow.workflow.planning import plan_campaign
from mmsflow.workflow.prepare import Prepared, prepare
from mmsflow.workflow.prospect import prospect_of
from mmsflow.workflow.start import Continue, Refuse, ReportOnly


def plan(file: str, out: Path | None, rejects: Path | None = None, *, as_json: bool) -> int:
    """Plan a campaign and show the plan; returns the exit code."""
    session, path = Session.for_file(file)
    with counting("rendering", quiet=as_json) as progress:
        intake = session.intake(rejects=rejects)
        prepared = prepare(path, session.workspace, progress=progress, fitting=progress.fitting, intake=intake)
    with prepared.draft:
        made = asyncio.run(plan_only(session, prepared))
        campaign = prepared.loaded.campaign
        if out:
            _save(out, made, prepared, session)
        zone = ZoneInfo(campaign.schedule.timezone)
        with reading_ledger(session.settings) as ledger:
            approval = view_approval(ledger, prepared, made)
            prospect = prospect_of(ledger, session.settings, campaign, path, session.clock.now(), prepared)
            short = space_blocker(prepared, ledger.path, session.workspace, account=made.account, ledger=ledger)
            if short is not None:
                prospect = prospect.with_blocker(short)
        if as_json:
            print_json(plan_as_json(made, zone) | {"approval": approval.as_json(zone)} | prospect.as_json(zone))
            return 0
        tell("\n\n".join(filter(None, [plan_as_text(made, zone), approval.as_text(zone), prospect.as_text(zone)])))
    say()
    begins_later = made.due is not None and made.due > session.clock.now()
    match prospect.decision:
        case Continue(run):
            say(f"note  {run.run} is not finished: `mmsflow run {file}` goes on with it instead of this plan")
        case ReportOnly() | Refuse() if not begins_later:
            say("nothing was sent, and `mmsflow run` would send nothing now: see above")
        case _ if made.due and begins_later:
            say(f"nothing was sent; this is the plan for {minute_as_text(made.due, zone)}, not earlier")
        case _:
            unapproved = approval.required and not approval.approved
            first = f"`mmsflow approve {out or file}`, then " if unapproved else ""
            say(f"nothing was sent; {first}`mmsflow run {out or file}` carries it out")
    return 0


async def plan_only(session: Session, prepared: Prepared) -> Plan:
    """Ask the quota and plan against it; nothing is written."""
    async with open_gateway(session.settings, session.clock) as gateway:
        reply = await gateway.limit()
    account, now = session.settings.account, session.clock.now()
    with reading_ledger(session.settings) as ledger:
        # A test belongs to no scheduled time.
        occasion = None if prepared.test else occasion_of(ledger, account, prepared.loaded.campaign, now)
        return plan_campaign(
            prepared,
            reply,
            ledger,
            account=account,
            resets=reset_rules(session.settings),
            now=now,
            due=(occasion.due or occasion.upcoming) if occasion else None,
            guaranteed=guaranteed_in(session.workspace),
            rate=session.settings.rate,
        )


def _save(out: Path, made: Plan, prepared: Prepared, session: Session) -> None:
    try:
        save_plan(
            out,
            made,
            campaign_file=prepared.loaded.shown_path,
            campaign_sha256=prepared.loaded.sha256,
            made_at=session.clock.now(),
        )
    except OSError as error:
        raise UsageError(
            f"the plan cannot be saved to {out}: {error.strerror}",
            "name a file in a folder of yours",
            cause="file_not_written",
        ) from None
