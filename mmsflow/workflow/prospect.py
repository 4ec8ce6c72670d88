"""What would become of a campaign now, for people who look at its plan: by ``run``, and by a daemon."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from mmsflow.campaign.model import Campaign
from mmsflow.ledger.store import LedgerReader
from mmsflow.plan.explain import minute_as_text
from mmsflow.settings import Settings
from mmsflow.workflow.blockers import blockers_of_plan
from mmsflow.workflow.blocking import Blocker
from mmsflow.workflow.guard import start_long_past
from mmsflow.workflow.occurrence_facts import Pending, pending_of
from mmsflow.workflow.prepare import Prepared
from mmsflow.workflow.situation import asked_before_going_on, situation_of, watched_since
from mmsflow.workflow.start import Continue, Decision, Refuse, ReportOnly, Start, decide_start


@dataclass(frozen=True, slots=True)
class Prospect:
    """What ``run`` would do at this moment, and what a daemon does about the time that has come.

    Attributes:
        decision: of ``decide_start``, the one that ``run`` acts on.
        blockers: what blocks sending before a person decides, gravest first.
        asks: what ``run`` would ask first, one sentence each.
        pending: the scheduled time that has come and has no run; None without one.
    """

    decision: Decision
    blockers: tuple[Blocker, ...]
    asks: tuple[str, ...]
    pending: Pending | None

    def with_blocker(self, blocker: Blocker) -> Prospect:
        """The same where something else keeps a new run from beginning, known only from the plan."""
        if isinstance(self.decision, Continue):
            return self
        decision = Refuse(blocker.as_error()) if isinstance(self.decision, Start) else self.decision
        return replace(self, decision=decision, blockers=(*self.blockers, blocker))

    def as_json(self, zone: ZoneInfo) -> dict[str, object]:
        """Give the keys that stand beside those of the plan; instants are ISO 8601 with offset."""
        return {
            "run": self._run_as_json(zone),
            "blocked_by": [blocker.as_json() for blocker in self.blockers],
            "daemon": self._daemon_as_json(zone),
        }

    def as_text(self, zone: ZoneInfo) -> str:
        """Say what speaks against sending now; empty where nothing does."""
        lines = [f"blocked by  {blocker.message}\nfix         {blocker.fix}" for blocker in self.blockers]
        if isinstance(self.decision, ReportOnly | Refuse) and not self.blockers:
            refusal = self.decision.refusal
            lines.append(f"run         sends nothing now: {refusal.message}")
            lines += [f"fix         {refusal.advice}"] if refusal.advice else []
        lines += [f"asks first  {question}" for question in self.asks]
        if self.pending is not None:
            lines.append(f"daemon      {_said(self.pending, zone)}")
        return "\n".join(lines)

    def _run_as_json(self, zone: ZoneInfo) -> dict[str, object]:
        match self.decision:
            case Start(due, skipped):
                at = due.astimezone(zone).isoformat(timespec="seconds") if due else None
                return {"does": "start", "due_at": at, "skipped_before": skipped or None, "asks": list(self.asks)}
            case Continue(run):
                return {"does": "continue", "run": run.run, "asks": list(self.asks)}
            case ReportOnly(run, refusal):
                said = {"cause": refusal.cause, "message": refusal.message, "fix": refusal.advice}
                return {"does": "report", "run": run.run, "exit_code": refusal.exit_code, **said}
            case Refuse(refusal):
                said = {"cause": refusal.cause, "message": refusal.message, "fix": refusal.advice}
                return {"does": "refuse", "exit_code": refusal.exit_code, **said}

    def _daemon_as_json(self, zone: ZoneInfo) -> dict[str, object] | None:
        if self.pending is None:
            return None
        pending = self.pending
        return {
            "due_at": pending.due.astimezone(zone).isoformat(timespec="seconds"),
            "does": "skip" if pending.skipped else "begin" if pending.until else "wait_for_approval",
            "until": pending.until.astimezone(zone).isoformat(timespec="seconds") if pending.until else None,
            "reason": pending.skipped or None,
        }


def prospect_of(
    ledger: LedgerReader,
    settings: Settings,
    campaign: Campaign,
    campaign_file: Path,
    now: datetime,
    prepared: Prepared | None = None,
) -> Prospect:
    """Look at what would become of the campaign now; nothing is written.

    Args:
        prepared: the campaign with its messages, so that their content is compared, too.
    """
    situation = situation_of(ledger, settings, campaign, campaign_file, now)
    decision = decide_start(situation)
    blockers = list(situation.blockers)
    if prepared is not None and not isinstance(decision, Continue | ReportOnly):
        blockers += blockers_of_plan(ledger, settings, prepared)
        if blockers and isinstance(decision, Start):
            decision = Refuse(blockers[0].as_error())
    asks: list[str] = []
    if isinstance(decision, Continue):
        asks = asked_before_going_on(ledger, decision.run, settings.workspace, now, campaign_file)
    elif isinstance(decision, Start) and (why := start_long_past(decision.due or campaign.schedule.start_instant, now)):
        asks = [why]
    since = watched_since(ledger, now)
    pending = pending_of(ledger, settings.account, campaign, now, watched_since=since)
    return Prospect(decision, tuple(blockers), tuple(asks), pending)


def _said(pending: Pending, zone: ZoneInfo) -> str:
    due = minute_as_text(pending.due, zone)
    if pending.skipped:
        return f"skips {due}: {pending.skipped}"
    if pending.until is None:
        return f"waits for approval of {due}"
    return f"begins {due} by itself until {minute_as_text(pending.until, zone)}"
