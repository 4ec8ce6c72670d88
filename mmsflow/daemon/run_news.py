"""What people are told of a run that has come to rest: finished, paused, maybe sent."""

from __future__ import annotations

from mmsflow.daemon.telling import Teller
from mmsflow.errors import GatewayRefused, MmsflowError
from mmsflow.ledger.model import PausedBy, RunInfo, RunState
from mmsflow.ledger.operation import NoticeKind
from mmsflow.ledger.store import LedgerReader
from mmsflow.mms.status import BUCKET_OF_STATE, Bucket
from mmsflow.workflow.standing import goes_on, has_unsent

_ENDS = {RunState.CANCELLED: "is cancelled", RunState.EXPIRED: "has passed its deadline"}


class RunNews:
    """Tells of runs, once for each thing that happens to them; of tests the log alone.

    Args:
        ledger: where the runs are.
        teller: tells people and the log.
    """

    def __init__(self, ledger: LedgerReader, teller: Teller) -> None:
        self._ledger, self._teller = ledger, teller

    def at_rest(self, run: RunInfo, error: MmsflowError | None, *, by_itself: bool) -> None:
        """Nobody carries the run any more, or not for now.

        Args:
            run: as the ledger has it now.
            error: what ended its carrying-out; None for nothing.
            by_itself: whether it is tried again without a person.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        if has_unsent(self._ledger, run) or run.state is RunState.PAUSED or isinstance(error, GatewayRefused):
            self._paused(run, error, by_itself=by_itself)
        else:
            self._finished(run)
        self._teller.told(run)

    def crashed(self, run: RunInfo, reason: str) -> None:
        """An unforeseen error of ours has ended its carrying-out.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        self._tell_paused(
            run,
            "crash",
            reason,
            f"the log has its traceback; `mmsflow resume {run.run}` tries it once more",
            "unforeseen",
        )
        if goes_on(self._ledger, run):
            self._teller.told(run)  # else it was at its end, which is still to be told

    def _paused(self, run: RunInfo, error: MmsflowError | None, *, by_itself: bool) -> None:
        reason = run.reason or (error.message if error else "it did not come to its end")
        cause = run.cause or (error.cause if error else "")
        facts = {"run": run.run, "campaign": run.campaign, "paused_by": run.paused_by.value, "reason": reason}
        facts["cause"] = cause
        self._teller.event("run_paused", **facts)
        if run.paused_by is PausedBy.USER:
            return
        going_on = "it is tried again by itself" if by_itself else f"`mmsflow resume {run.run}` goes on with it"
        advice = f"{error.advice}; {going_on}" if error and error.advice else going_on
        self._tell_paused(run, run.paused_by.value, reason, advice, cause)

    def _tell_paused(self, run: RunInfo, paused_by: str, reason: str, advice: str, cause: str) -> None:
        if run.test:
            return
        self._teller.people(
            f"paused/{run.run}",
            NoticeKind.PAUSED,
            f"{run.run} is paused: {reason}",
            advice,
            campaign=run.campaign,
            run=run.run,
            detail={"paused_by": paused_by},
            anew_for="paused_by",
            cause=cause,
        )

    def _finished(self, run: RunInfo) -> None:
        buckets = self._buckets(run)
        self._teller.settle(f"paused/{run.run}")
        said = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in buckets.items()) or "no messages"
        self._teller.event("run_finished", run=run.run, campaign=run.campaign, state=run.state.value, buckets=buckets)
        if run.test:
            return
        self._teller.people(
            f"finished/{run.run}",
            NoticeKind.FINISHED,
            f"{run.run} {_ENDS.get(run.state, 'is finished')}: {said}",
            f"its report is in reports/{run.run}",
            campaign=run.campaign,
            run=run.run,
            detail={"state": run.state.value, "buckets": buckets},
        )
        self._doubts(run, buckets)

    def doubts(self, run: RunInfo) -> None:
        """Messages of it were maybe sent, and nobody need wait for its delivery reports to be told.

        Not of a run that sends such messages once more by itself.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        if not run.test and not run.config.get("resend_unknown"):
            self._doubts(run, self._buckets(run))

    def _doubts(self, run: RunInfo, buckets: dict[str, int]) -> None:
        if maybe := buckets.get(Bucket.MAYBE_SENT.value, 0):
            noun = "message was" if maybe == 1 else "messages were"
            self._teller.people(
                f"maybe-sent/{run.run}",
                NoticeKind.NEEDS_PERSON,
                f"{maybe} {noun} maybe sent in {run.run}: the request left, the reply did not come",
                f"`mmsflow resolve {run.run}` lists them; they are never sent again by themselves",
                campaign=run.campaign,
                run=run.run,
                detail={"messages": maybe},
                anew_for="messages",
                cause="maybe_sent",
            )

    def _buckets(self, run: RunInfo) -> dict[str, int]:
        buckets: dict[str, int] = {}
        for state, number in self._ledger.state_counts(run.key).items():
            if number:
                name = BUCKET_OF_STATE[state].value
                buckets[name] = buckets.get(name, 0) + number
        return buckets
