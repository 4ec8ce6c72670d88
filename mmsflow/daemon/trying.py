"""Tests that people ask the daemon for: one message of a campaign to test handsets, as a run of its own."""

from __future__ import annotations

from collections.abc import Callable

from mmsflow.clock import Clock
from mmsflow.daemon.catalogue import Version
from mmsflow.daemon.crew import Crew
from mmsflow.daemon.planning import Planner
from mmsflow.daemon.telling import Teller
from mmsflow.errors import InvalidInput, MmsflowError, PlanRefused
from mmsflow.ledger.model import RunInfo
from mmsflow.ledger.requests import Answer, Trial
from mmsflow.ledger.store import Ledger
from mmsflow.mms.msisdn import mask_msisdn
from mmsflow.settings import Settings
from mmsflow.workflow.run import freeze
from mmsflow.workflow.stopping import refuse_stopped
from mmsflow.workflow.trial import addressed_to, handsets


class Tester:
    """Sends tests.

    Args:
        settings, ledger, clock: in force; the ledger is open for writing.
        planner: plans.
        crew: carries the test out.
        teller: told what happens.
    """

    def __init__(
        self, settings: Settings, ledger: Ledger, clock: Clock, planner: Planner, crew: Crew, teller: Teller
    ) -> None:
        self._settings, self._ledger, self._clock = settings, ledger, clock
        self._planner, self._crew, self._teller = planner, crew, teller
        self._busy = False  # scheduled times wait for whoever plans, so no more than one test at a time

    async def send(self, version_of: Callable[[str], Version], trial: Trial) -> Answer:
        """Begin a test; what cannot be done is said, not raised.

        Args:
            version_of: the version in force of a campaign file; raises MmsflowError where there is none.
        """
        if self._busy:
            return Answer.refusal(
                "another test is being prepared", "try again in a moment", cause="test_in_preparation"
            )
        self._busy = True
        try:
            return await self._send(version_of, trial)
        finally:
            self._busy = False

    async def _send(self, version_of: Callable[[str], Version], trial: Trial) -> Answer:
        try:
            refuse_stopped(self._ledger, self._settings.quota_timezone)
            version = version_of(trial.file)
            numbers = handsets(trial.numbers, version.campaign, self._settings.workspace, self._settings.suppression)
            run = await self._freeze(version, trial, numbers)
        except MmsflowError as error:
            return refusal(error)
        except Exception as error:  # whoever asks waits for an answer
            self._teller.error(f"sending a test of {trial.file}", error)
            return Answer.refusal(
                f"an unforeseen error ({type(error).__name__})", "the daemon's log has it", cause="unforeseen"
            )
        self._crew.carry(run)
        masked = ", ".join(map(mask_msisdn, numbers))
        self._teller.event("test_begun", run=run.run, campaign=run.campaign, to=masked)
        return Answer(f"{run.run} has begun, to {masked}", run=run.run)

    async def _freeze(self, version: Version, trial: Trial, numbers: list[str]) -> RunInfo:
        async with self._planner.prepared(version) as prepared:
            test = addressed_to(prepared, numbers, trial.row, trial.variant)
            with test.draft:
                plan = await self._planner.plan_of(test)
                if self._crew.is_stopping:
                    raise PlanRefused("the daemon is stopping: nothing was sent", cause="daemon_stopping")
                workspace, now = self._settings.workspace, self._clock.now()
                return freeze(test, plan, self._ledger, workspace=workspace, now=now, test=True)


def refusal(error: MmsflowError) -> Answer:
    """What was refused, as an answer; of several findings the first."""
    if isinstance(error, InvalidInput) and error.findings:
        first = error.findings[0]
        return Answer.refusal(f"{first.place}: {first.message}", first.fix, cause="invalid_input")
    return Answer.refusal(error.message, error.advice, cause=error.cause)
