"""Beginning to carry a run out: what an earlier process left behind is settled first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, update

from mmsflow.ledger.codec import to_micros
from mmsflow.ledger.evidence import Witnessed
from mmsflow.ledger.messages import end_unsent, give_up_on_sending
from mmsflow.ledger.model import CANARY_FAILED, CANCELLED_BY_PERSON, Outcome, PausedBy, RunInfo, RunState
from mmsflow.ledger.rows import state_counts
from mmsflow.ledger.runs import run_by_key, set_state
from mmsflow.ledger.schema import runs
from mmsflow.ledger.settling import settle
from mmsflow.mms.status import failed_of, outcomes_of

# A run that has ended stays so when somebody takes it to ask for the last delivery reports.
_UNSENT, _CODE = f"{CANCELLED_BY_PERSON} before it was sent", "cancelled"


def take_run(connection: Connection, key: int, now: datetime, witnessed: Sequence[Witnessed]) -> RunInfo:
    """Raise the fence and set the run running.

    What the evidence journal knows of earlier attempts, of whatever run, is written first; only what nobody knows
    anything of becomes ``unknown``. A breaker that had tripped is overridden by whoever goes on. A run that a person
    had cancelled while an earlier process carried it out is cancelled.
    """
    before, taken = _take(connection, key, now, witnessed)
    if before.paused_by is PausedBy.BREAKER:
        counts = state_counts(connection, key)
        canary = before.reason.startswith(CANARY_FAILED) or (before.lift is not None and before.lift.canary)
        lift = {"lifted_left": outcomes_of(counts), "lifted_failed": failed_of(counts), "lifted_canary": canary}
        connection.execute(update(runs).where(runs.c.key == key).values(lift))
    if not before.state.is_ended:
        if before.reason == CANCELLED_BY_PERSON:
            _end(connection, taken, now)
        else:
            set_state(connection, taken, RunState.RUNNING, now=now)
    return run_by_key(connection, key)


def cancel_run(connection: Connection, key: int, now: datetime, witnessed: Sequence[Witnessed]) -> int:
    """End a run that nobody carries out: what is unsent stays so; how many messages those are.

    What an earlier process left on the wire is settled as ``take_run`` does it, and cannot be cancelled.
    """
    _, taken = _take(connection, key, now, witnessed)
    return _end(connection, taken, now)


def cancel_carried(connection: Connection, run: RunInfo, now: datetime) -> int:
    """End what is unsent of a run that is carried out; how many messages those are.

    Its sender settles what is on the wire and then sets it cancelled. Should it die before, ``take_run`` does.
    """
    ended = end_unsent(connection, run.key, _UNSENT, _CODE, to_micros(now))
    set_state(connection, run, RunState.RUNNING, now=now, reason=CANCELLED_BY_PERSON)
    return ended


def _take(connection: Connection, key: int, now: datetime, witnessed: Sequence[Witnessed]) -> tuple[RunInfo, RunInfo]:
    """Settle what an earlier process left behind, and raise the fence; the run before and after."""
    _write_back(connection, witnessed)
    before = run_by_key(connection, key)
    give_up_on_sending(connection, key, to_micros(now))
    taken = replace(before, fence=before.fence + 1)
    connection.execute(update(runs).where(runs.c.key == key).values(fence=taken.fence))
    return before, taken


def _end(connection: Connection, run: RunInfo, now: datetime) -> int:
    ended = end_unsent(connection, run.key, _UNSENT, _CODE, to_micros(now))
    reason = f"{CANCELLED_BY_PERSON} with {ended} messages unsent"
    set_state(connection, run, RunState.CANCELLED, now=now, reason=reason)
    return ended


def _write_back(connection: Connection, witnessed: Sequence[Witnessed]) -> None:
    groups: dict[tuple[int, int, str], list[Outcome]] = {}
    for each in witnessed:
        groups.setdefault((each.run_key, each.fence, each.period), []).append(each.outcome)
    for (run_key, fence, period), outcomes in groups.items():
        settle(connection, run_key, fence, period, outcomes)
