"""``mmsflow run``: plan, ask, send, follow, report; or go on with what an earlier call began."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Container
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from mmsflow.cli.adopting import go_on_from_here
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
from mmsflow.workflow.blockers import blockers_of_plan, refuse_blocked
from mmsflow.workflow.blocking import Decided
from mmsflow.workflow.disk_space import refuse_without_room
from mmsflow.workflow.guarantees import guaranteed_in
from mmsflow.workflow.guard import start_long_past
from mmsflow.workflow.ledger_check import counter_gap
from mmsflow.workflow.other_account import client_of
from mmsflow.workflow.planning import plan_campaign
from mmsflow.workflow.prepare import Prepared, load
from mmsflow.workflow.purge import received_already
from mmsflow.workflow.run import freeze
from mmsflow.workflow.situation import situation_of
from mmsflow.workflow.standing import changed_inputs, has_unsent
from mmsflow.workflow.start import Continue, Refuse, ReportOnly, Start, Wish, decide_start


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
    decided, file = options.decided, session.workspace / loaded.shown_path
    settle_accounts(session, ledger, name, file, options.account, ask=not options.yes)

    def decide() -> Start | Continue | ReportOnly:
        wish, now = _wish(options, saved), session.clock.now()
        situation = situation_of(ledger, session.settings, loaded.campaign, file, now, wish=wish, decided=decided)
        decision = decide_start(situation)
        if isinstance(decision, Refuse):
            raise decision.refusal
        return decision

    decide()
    go_on_from_here(session, ledger, decided)
    decision = decide()  # what may have gone out since a copy was taken is maybe sent now
    async with open_gateway(session.settings, session.clock) as gateway:
        match decision:
            case Continue(run):
                current = _go_on(ledger, run, session, file, yes=options.yes)
            case ReportOnly(run, refusal):
                # The report is written whatever the end: a process killed before it could has left none.
                shown = options.show_numbers
                return end_run(session, ledger, run, refusal, show_numbers=shown, as_json=options.as_json)
            case Start() as start:
                already = received_already(ledger, account, name) if options.top_up else frozenset()
                current = await _start(session, ledger, gateway, path, saved, already, options, start)
        carried = CarryOptions(no_wait=options.no_wait, show_numbers=options.show_numbers, as_json=options.as_json)
        return await carry(session, ledger, gateway, current, carried)


def _wish(options: RunOptions, saved: SavedPlan | None) -> Wish:
    if options.again:
        return Wish.AGAIN
    if options.top_up:
        return Wish.TOP_UP
    return Wish.SAVED_PLAN if saved else Wish.RUN


def _go_on(ledger: Ledger, run: RunInfo, session: Session, file: Path, *, yes: bool) -> RunInfo:
    # Once everything is sent, only delivery reports are left, whatever became of the files.
    changes = changed_inputs(ledger, run, session.workspace, file) if has_unsent(ledger, run) else []
    if changes:
        for change in changes:
            warn(f"{change} since {run.run} began")
        if not can_ask():
            raise PlanRefused(
                f"{run.run} is not finished and its inputs have changed",
                f"`mmsflow resume {run.run}` goes on exactly as it began; or `mmsflow cancel {run.run}`, and then "
                "`mmsflow run --top-up` sends the new version to the rest",
                cause="inputs_changed",
            )
        if not confirm(f"Go on with {run.run} exactly as it began?"):
            raise PlanRefused(
                f"{run.run} was left as it is",
                "put its inputs back as they were, or go on as it began",
                cause="declined",
            )
    confirm_if_long_past(session, ledger, run, yes=yes)
    confirm_resends(ledger, run, yes=yes)
    if (session.workspace / run.campaign_file) != file:
        warn(f"{run.run} was begun from {run.campaign_file}")
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
    start: Start,
) -> RunInfo:
    due, account = start.due, session.settings.account
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
            refuse_if_stale(saved, made, prepared.loaded.sha256, ledger.names_of(made.account))
        if options.at_most is not None and made.messages > options.at_most:
            raise PlanRefused(
                f"the plan has {made.messages} messages, --max allows {options.at_most}",
                "look at `mmsflow plan`",
                cause="more_than_max",
            )
        schedule = prepared.loaded.campaign.schedule
        zone = ZoneInfo(schedule.timezone)
        say(plan_as_text(made, zone))
        if not made.messages:
            raise PlanRefused(
                "nobody is left to send to", "every recipient had a message in an earlier run", cause="nobody_left"
            )
        if why := start_long_past(due or schedule.start_instant, session.clock.now()):
            warn(why)
        if start.skipped:
            warn(f"this time was skipped before: {start.skipped}")
        refuse_blocked(blockers_of_plan(ledger, session.settings, prepared, decided=options.decided))
        refuse_unapproved(ledger, prepared, made, option="--top-up" if options.top_up else "")
        refuse_without_room(prepared, ledger, session.workspace, account=account)
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
    if gap := counter_gap(reply.used, ledger.posts_in_period(account, reply.period)):
        warn(gap)
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
        raise UsageError("there is no terminal to ask on", "add --yes to send without asking", cause="nobody_to_ask")
    sys.stderr.flush()
    if not confirm("Send?"):
        raise PlanRefused("nothing was sent, as you said", "", cause="declined")
