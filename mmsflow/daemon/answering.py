"""What people ask of runs, from the web page or from other terminals, of runs that are carried out or rest."""

from __future__ import annotations

from collections.abc import Callable

from mmsflow.daemon.crew import Crew
from mmsflow.daemon.reporting import Reporting
from mmsflow.daemon.telling import Teller
from mmsflow.engine.control import answer, refusal_while_stopped, stop_all_here
from mmsflow.engine.embedded import Engine
from mmsflow.errors import LedgerError
from mmsflow.ledger.model import PausedBy, RunInfo, RunState
from mmsflow.ledger.requests import Action, Answer, Request
from mmsflow.mms.status import MessageState, uncertain_of
from mmsflow.settings import Settings
from mmsflow.workflow.blocking import Blocker
from mmsflow.workflow.other_account import account_blockers
from mmsflow.workflow.standing import goes_on, nothing_to_do, sends


class Answering:
    """Does what is asked of a run.

    Args:
        engine: whose runs they are.
        settings: name the account whose runs are carried out.
        crew, reporting, teller: told of what changed.
        turn: asks the daemon's loop to look again.
    """

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        *,
        crew: Crew,
        reporting: Reporting,
        teller: Teller,
        turn: Callable[[], None],
    ) -> None:
        self._engine, self._settings, self._crew = engine, settings, crew
        self._reporting, self._teller, self._turn = reporting, teller, turn

    def answer(self, request: Request) -> Answer:
        """Do what is asked; what cannot be done is said, not raised."""
        try:
            resting = request.action is Action.RESUME and self._engine.live.get(request.run) is None
            said = self._resume(request.run) if resting else answer(self._engine.ledger, request, self._engine.live)
            if not said.refused:
                self._follow_up(request)
        except LedgerError as error:
            return Answer.refusal(error.message, error.advice, cause=error.cause)
        facts = {"run": request.run, "action": request.action.value, "refused": said.refused, "answer": said.text}
        self._teller.event("request", **facts)
        self._turn()
        return said

    async def stop_all(self, who: str, why: str) -> Answer:
        """Stop all sending, and wait some seconds until what is on the wire has come in."""
        engine = self._engine
        try:
            said = await stop_all_here(engine.ledger, engine.clock, engine.live, who=who, why=why)
        except LedgerError as error:
            return Answer.refusal(error.message, error.advice, cause=error.cause)
        self._turn()
        return said

    def start_all(self, who: str) -> Answer:
        """Let sending go on."""
        try:
            lifted = self._engine.ledger.stop_file.lift()
        except LedgerError as error:
            return Answer.refusal(error.message, error.advice, cause=error.cause)
        if not lifted:
            return Answer("nothing was stopped")
        self._teller.event("sending_start_asked", who=who)
        for live in self._engine.live:
            live.sender.nudge()
        return Answer("sending may go on")

    def _resume(self, name: str) -> Answer:
        ledger = self._engine.ledger
        if (refusal := refusal_while_stopped(ledger)) is not None:
            return refusal
        run = ledger.find_run(name)
        if run is None:
            return Answer.refusal(f"there is no run {name}", "`mmsflow runs` lists them", cause="unknown_run")
        if not self._settings.is_ours(run.account):
            what = f"{name} belongs to the account {run.account}, the daemon serves {self._settings.account}"
            advice = f"if both are one contract, `mmsflow account same {run.account} {self._settings.account}` says so"
            return Answer.refusal(what, advice, cause="other_account")
        if found := self._asked_first(run):
            return Answer.refusal(found[0].message, found[0].fix, cause=found[0].cause)
        if not goes_on(ledger, run):
            error = nothing_to_do(ledger, run)
            return Answer.refusal(error.message, error.advice, cause=error.cause)
        if run.paused_by is PausedBy.USER:
            # At once: what waits for another try looks at who paused the run. A breaker is lifted when it is taken.
            ledger.set_state(run.key, RunState.RUNNING)
        self._crew.carry(run)
        return Answer(f"{name} goes on in the daemon")

    def _asked_first(self, run: RunInfo) -> list[Blocker]:
        """What a person must say about accounts before the run sends anything."""
        ledger = self._engine.ledger
        if run.test or not sends(ledger, run):
            return []
        return account_blockers(ledger, self._settings, run.campaign, self._settings.workspace / run.campaign_file)

    def _follow_up(self, request: Request) -> None:
        run = self._engine.ledger.find_run(request.run)
        if run is None:
            return
        if request.action is Action.RESUME or request.action is Action.CANCEL:
            self._teller.settle(f"paused/{run.run}", f"unfinished/{run.run}")
        if request.action is Action.RESOLVE:
            self._settle_maybe_sent(run)
        live = self._engine.live.get(run.run) is not None
        if request.action in {Action.CANCEL, Action.RESOLVE} and not live:
            self._reporting.begin(run)
            # What is sent once more, and delivery reports of what was sent before, are followed without being asked.
            rests = run.state is RunState.PAUSED or (request.action is Action.RESOLVE and not request.decisions)
            ours = self._settings.is_ours(run.account) and not self._asked_first(run)
            if ours and not rests and goes_on(self._engine.ledger, run):
                if any(decision.state is MessageState.READY for decision in request.decisions):
                    self._teller.settle(f"finished/{run.run}")  # it ends a second time
                self._crew.carry(run)

    def _settle_maybe_sent(self, run: RunInfo) -> None:
        counts = self._engine.ledger.state_counts(run.key)
        if not uncertain_of(counts):
            self._teller.settle(f"maybe-sent/{run.run}")
