"""``mmsflow run``: plan, ask, send, follow, report; or go on with what an earlier call began."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Container
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from mmsflow.cli.asking import system_user
from mmsflow.cli.carrying import CarryOptions, carry
from mmsflow.cli.commands.account import AccountSaid, settle_accounts
from mmsflow.cli.commands.resume import confirm_if_long_past, confirm_resends
from mmsflow.cli.ending import end_run
from mmsflow.cli.output import can_ask, confirm, say, warn
from mmsflow.cli.plans import named_campaign
from mmsflow.cli.progress import counting
from mmsflow.cli.session import Session
from mmsflow.errors import PlanRefused, UsageError
from mmsflow.gateway.client import GatewayClient
from mmsflow.ledger.model import QuotaReading, RunInfo
from mmsflow.ledger.store import Ledger
from mmsflow.plan.explain import minute_as_text, plan_as_text
from mmsflow.plan.model import Plan
from mmsflow.plan.planfile import SavedPlan, refuse_if_stale
from mmsflow.wiring import open_gateway, reset_rules, writing_ledger
from mmsflow.workflow.approving import refuse_unapproved
from mmsflow.workflow.aside import prepare_aside
from mmsflow.workflow.blockers import blockers_of, blockers_of_plan, refuse_blocked
from mmsflow.workflow.blocking import Decided
from mmsflow.workflow.guarantees import guaranteed_in
from mmsflow.workflow.guard import start_long_past
from mmsflow.workflow.occasion import Occasion, occasion_of, refusal_now
from mmsflow.workflow.other_account import client_of
from mmsflow.workflow.planning import plan_campaign
from mmsflow.workflow.prepare import Prepared, load
from mmsflow.workflow.purge import received_already
from mmsflow.workflow.run import freeze
from mmsflow.workflow.standing import changed_inputs, has_unsent, standing_of


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """The options of ``run``; ``at_most`` refuses a run to more messages."""

    yes: bool = False
    no_wait: bool = False
    top_up: bool = False
    again: bool = False
    adopt: bool = False
    account: AccountSaid = field(default_factory=AccountSaid)
    other_content: bool = False
    at_most: int | None = None
    show_numbers: bool = False
    as_json: bool = False

    @property
    def decided(self) -> Decided:
        """What a person has said with these options."""
        return Decided(adopt=self.adopt, again=self.again, other_content=self.other_content)


def run(file: str, options: RunOptions) -> int:
    """Carry a campaign out; returns the exit code."""
    if options.top_up and options.again:
        raise UsageError("--top-up and --again exclude each other", "choose one")
    session, path, saved = named_campaign(file)
    with writing_ledger(session.settings, session.clock, f"run {file}") as ledger:
        return asyncio.run(_run(session, ledger, path, saved, options))


async def _run(session: Session, ledger: Ledger, path: Path, saved: SavedPlan | None, options: RunOptions) -> int:
    loaded = load(path, session.workspace)
    name, account = loaded.campaign.campaign, session.settings.account
    file, decided = session.workspace / loaded.shown_path, options.decided
    settle_accounts(session, ledger, name, file, options.account, ask=not options.yes)
    refuse_blocked(blockers_of(ledger, session.settings, name, file, decided=decided))
    standing, by_hand = standing_of(ledger, account, name), options.again or options.top_up
    occasion = None if by_hand else occasion_of(ledger, account, loaded.campaign, session.clock.now())
    refusal = standing.refusal if by_hand else refusal_now(standing, occasion, loaded.campaign)
    async with open_gateway(session.settings, session.clock) as gateway:
        # A run that only waits for delivery reports stands in nobody's way; `poll` goes on asking for them.
        unsent = standing.run is not None and has_unsent(ledger, standing.run)
        anew = not unsent and (by_hand or (occasion is not None and refusal is None))
        if standing.goes_on and standing.run and not anew:
            if by_hand or saved:
                raise PlanRefused(
                    f"{standing.run.run} is not finished",
                    f"`mmsflow run {standing.run.campaign_file}` goes on with it first",
                )
            current = _go_on(ledger, standing.run, session, yes=options.yes)
        elif refusal is not None and not anew:
            if standing.run is None:
                raise refusal
            # The report is written whatever the end: a process killed before it could has left none.
            return end_run(
                session,
                ledger,
                standing.run,
                refusal,
                show_numbers=options.show_numbers,
                as_json=options.as_json,
            )
        else:
            already = received_already(ledger, account, name) if options.top_up else frozenset()
            current = await _start(session, ledger, gateway, path, saved, already, options, occasion)
        carried = CarryOptions(no_wait=options.no_wait, show_numbers=options.show_numbers, as_json=options.as_json)
        return await carry(session, ledger, gateway, current, carried)


def _go_on(ledger: Ledger, run: RunInfo, session: Session, *, yes: bool) -> RunInfo:
    # Once everything is sent, only delivery reports are left, whatever became of the files.
    changes = changed_inputs(ledger, run, session.workspace) if has_unsent(ledger, run) else []
    if changes:
        for change in changes:
            warn(f"{change} since {run.run} began")
        if not can_ask():
            raise PlanRefused(
                f"{run.run} is not finished and its inputs have changed",
                f"`mmsflow resume {run.run}` goes on exactly as it began; or `mmsflow cancel {run.run}`, and then "
                "`mmsflow run --top-up` sends the new version to the rest",
            )
        if not confirm(f"Go on with {run.run} exactly as it began?"):
            raise PlanRefused(f"{run.run} was left as it is", "put its inputs back as they were, or go on as it began")
    confirm_if_long_past(session, ledger, run, yes=yes)
    confirm_resends(ledger, run, yes=yes)
    say(f"going on with {run.run}")
    return run


async def _start(
    session: Session,
    ledger: Ledger,
    gateway: GatewayClient,
    path: Path,
    saved: SavedPlan | None,
    already: Container[str],
    options: RunOptions,
    occasion: Occasion | None,
) -> RunInfo:
    due = occasion.due if occasion else None
    with counting("rendering", quiet=options.as_json) as progress:
        prepared = await prepare_aside(
            path,
            session.workspace,
            already_sent=already,
            progress=progress,
            fitting=progress.fitting,
            intake=session.intake(),
        )
    with prepared.draft:
        made = await plan_now(session, ledger, gateway, prepared, due=due)
        if saved:
            refuse_if_stale(saved, made, prepared.loaded.sha256)
        if options.at_most is not None and made.messages > options.at_most:
            raise PlanRefused(
                f"the plan has {made.messages} messages, --max allows {options.at_most}", "look at `mmsflow plan`"
            )
        schedule = prepared.loaded.campaign.schedule
        zone = ZoneInfo(schedule.timezone)
        say(plan_as_text(made, zone))
        if not made.messages:
            raise PlanRefused("nobody is left to send to", "every recipient had a message in an earlier run")
        if why := start_long_past(due or schedule.start_instant, session.clock.now()):
            warn(why)
        if occasion and occasion.skipped:
            warn(f"this time was skipped before: {occasion.skipped}")
        blocked = blockers_of_plan(ledger, session.settings, prepared, decided=options.decided)
        refuse_blocked(blocked)
        refuse_unapproved(ledger, prepared, made, option="--top-up" if options.top_up else "")
        ask_before_sending(session, made, zone, yes=options.yes)
        client = client_of(ledger, session.settings)
        frozen = freeze(
            prepared, made, ledger, workspace=session.workspace, now=session.clock.now(), due=due, client=client
        )
        if who := system_user():
            ledger.begun_by_hand(frozen.key, who)
        return frozen


async def plan_now(
    session: Session, ledger: Ledger, gateway: GatewayClient, prepared: Prepared, due: datetime | None = None
) -> Plan:
    """Ask the quota, remember the reading, and plan against it, for the scheduled time if there is one."""
    reply = await gateway.limit()
    now = session.clock.now()
    account = session.settings.account
    ledger.record_quota(QuotaReading(now, account, reply.used, reply.available, reply.reset_on))
    return plan_campaign(
        prepared,
        reply,
        ledger,
        account=account,
        resets=reset_rules(session.settings),
        now=now,
        due=due,
        guaranteed=guaranteed_in(session.workspace),
        rate=session.settings.rate,
    )


def ask_before_sending(session: Session, made: Plan, zone: ZoneInfo, *, yes: bool) -> None:
    """Show what is about to happen and ask; nothing is sent without a yes.

    Raises:
        UsageError: there is nobody to ask, and ``--yes`` was not given.
        PlanRefused: the person said no.
    """
    host = "the built-in simulator, in this process" if session.settings.in_process else session.settings.base_url
    first = made.waves[0].size if made.waves else 0
    say()
    say(f"account   {made.account}")
    say(f"gateway   {host}")
    waves = "1 wave" if len(made.waves) == 1 else f"{len(made.waves)} waves"
    if made.due:
        say(f"due       {minute_as_text(made.due, zone)}")
    say(f"messages  {made.messages} in {waves}, {first} of them now")
    say(f"subject   {made.first_subject or '(none)'}")
    say(f"quota     {made.quota.available} available, {max(0, made.quota.available - first)} after the first wave")
    if yes:
        return
    if not can_ask():
        raise UsageError("there is no terminal to ask on", "add --yes to send without asking")
    sys.stderr.flush()
    if not confirm("Send?"):
        raise PlanRefused("nothing was sent, as you said", "")
