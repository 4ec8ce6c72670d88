"""Runs as a whole: finding them, taking them over, and their state."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain, islice
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from mmsflow.errors import LedgerError
from mmsflow.ledger.codec import decode_object, encode_object, maybe_instant, maybe_micros, to_instant, to_micros
from mmsflow.ledger.events import append_run_event
from mmsflow.ledger.model import (
    CANCELLED_BY_PERSON,
    Blob,
    FrozenInput,
    Lift,
    NewRun,
    PausedBy,
    RunInfo,
    RunState,
    WaveRecord,
)
from mmsflow.ledger.schema import IS_POLLED, blobs, inputs, messages, runs, tallies, waves

_ENDED = [state.value for state in RunState if state.is_ended]
_BLOBS_AT_ONCE = 50  # a picture has up to a MiB


def find_runs(
    connection: Connection,
    *,
    run: str | None = None,
    accounts: Collection[str] | None = None,
    campaign: str | None = None,
    occurrence: str | None = None,
    tests: bool = True,
    due_from: datetime | None = None,
    unfinished: bool = False,
    limit: int | None = None,
) -> list[RunInfo]:
    """The runs that fit every filter given, newest first; see ``LedgerReader.runs``."""
    query = select(runs).order_by(runs.c.key.desc()).limit(limit)
    exact = {"run": run, "campaign": campaign, "occurrence": occurrence}
    for column, wanted in exact.items():
        if wanted is not None:
            query = query.where(runs.c[column] == wanted)
    if accounts is not None:
        query = query.where(runs.c.account.in_(accounts))
    if not tests:
        query = query.where(runs.c.test.is_(False))
    if due_from is not None:
        query = query.where(runs.c.due_at >= to_micros(due_from))
    if unfinished:
        waits = select(messages.c.id).where(messages.c.run_key == runs.c.key, IS_POLLED).exists()
        query = query.where(runs.c.state.not_in(_ENDED) | waits)
    return [_info(row) for row in connection.execute(query)]


def runs_with(connection: Connection, accounts: Collection[str], states: Collection[str]) -> list[RunInfo]:
    """The runs of an account, tests left out, with messages in one of these states, as the tallies have them."""
    has = (tallies.c.run_key == runs.c.key, tallies.c.state.in_(states), tallies.c.wave > 0, tallies.c.n > 0)
    query = select(runs).where(runs.c.account.in_(accounts), ~runs.c.test, select(tallies.c.n).where(*has).exists())
    return [_info(row) for row in connection.execute(query.order_by(runs.c.key.desc()))]


def accounts_of(connection: Connection) -> dict[str, int]:
    """Every account with its runs, tests left out."""
    query = select(runs.c.account, func.count()).where(~runs.c.test).group_by(runs.c.account)
    return {row[0]: row[1] for row in connection.execute(query)}


def accounts_of_campaign(connection: Connection, campaign: str) -> list[tuple[str, str]]:
    """Each account that a campaign had a run on, tests left out, with the id of the newest one; the newest first."""
    newest = select(func.max(runs.c.key)).where(runs.c.campaign == campaign, ~runs.c.test).group_by(runs.c.account)
    query = select(runs.c.account, runs.c.run).where(runs.c.key.in_(newest)).order_by(runs.c.key.desc())
    return [(account, run) for account, run in connection.execute(query)]


def clients_of(connection: Connection, accounts: Collection[str]) -> set[str]:
    """The fingerprints of the client ids that an account's runs were begun with; tests do not count."""
    query = select(runs.c.client).distinct().where(runs.c.account.in_(accounts), ~runs.c.test, runs.c.client != "")
    return set(connection.execute(query).scalars())


def count_runs(connection: Connection, accounts: Collection[str]) -> dict[RunState, int]:
    """Runs of an account by state, without tests, zeros included."""
    query = select(runs.c.state, func.count()).where(runs.c.account.in_(accounts), ~runs.c.test).group_by(runs.c.state)
    return dict.fromkeys(RunState, 0) | {RunState(state): number for state, number in connection.execute(query)}


def run_by_key(connection: Connection, key: int) -> RunInfo:
    """One run.

    Raises:
        LedgerError: there is none with this key.
    """
    run = find_by_key(connection, key)
    if run is None:
        raise LedgerError(
            f"the ledger has no run number {key}", "List the runs with `mmsflow runs`.", cause="unknown_run"
        )
    return run


def find_by_key(connection: Connection, key: int) -> RunInfo | None:
    """One run; None where there is none with this key."""
    row = connection.execute(select(runs).where(runs.c.key == key)).first()
    return None if row is None else _info(row)


def is_purged(connection: Connection, key: int) -> bool:
    """Whether a run's personal data were removed."""
    return connection.execute(select(runs.c.purged_at).where(runs.c.key == key)).scalar() is not None


def insert_run(connection: Connection, new: NewRun) -> int:
    """The run's own row, its inputs, its waves, and those blobs that the ledger has not got yet; its key.

    Raises:
        LedgerError: the run, or another one of its occurrence, is there already.
    """
    values = {
        "run": new.run,
        "campaign": new.campaign,
        "account": new.account,
        "occurrence": new.occurrence,
        "test": new.test,
        "campaign_file": new.campaign_file,
        "campaign_sha256": new.campaign_sha256,
        "plan_sha256": new.plan_sha256,
        "git_commit": new.git_commit,
        "git_clean": new.git_clean,
        "sender": new.sender,
        "priority": new.priority,
        "delivery_report": new.delivery_report,
        "config": encode_object(new.config),
        "created_at": to_micros(new.created_at),
        "rows": new.rows,
        "due_at": maybe_micros(new.due_at),
        "client": new.client,
        "content_sha256": new.content_sha256,
        "state": RunState.PLANNED.value,
        "updated_at": to_micros(new.created_at),
    }
    try:
        key = int(connection.execute(insert(runs).returning(runs.c.key), values).scalar_one())
    except IntegrityError as error:
        raise already_there(new) from error
    _insert_inputs(connection, key, new.inputs)
    _insert_waves(connection, key, new.waves)
    _insert_blobs(connection, chain(new.blobs, new.parts))
    return key


def already_there(new: NewRun) -> LedgerError:
    """Refuse a second run of a name or an occurrence."""
    return LedgerError(
        f"the ledger has a run {new.run} already, or another one for its occurrence ({new.occurrence})",
        f"Look at it with `mmsflow status {new.run}`; nothing was stored a second time.",
        cause="run_exists",
    )


def set_state(
    connection: Connection,
    run: RunInfo,
    state: RunState,
    *,
    now: datetime,
    paused_by: PausedBy = PausedBy.NOBODY,
    reason: str = "",
    resumes_at: datetime | None = None,
    cause: str = "",
) -> None:
    """Move a run; the history keeps each change of its state, of who paused it and why, and of the reason."""
    at = to_micros(now)
    values = {
        "state": state.value,
        "paused_by": paused_by.value,
        "reason": reason,
        "resumes_at": maybe_micros(resumes_at),
        "cause": cause or paused_by.cause,
        "updated_at": at,
    }
    connection.execute(update(runs).where(runs.c.key == run.key), values)
    if (run.state, run.paused_by, run.reason) != (state, paused_by, reason):
        detail = {"paused_by": paused_by.value, "cause": values["cause"]} if paused_by else {}
        append_run_event(connection, run.key, at, run.fence, run.state, state, reason, detail)


def pause(
    connection: Connection,
    run: RunInfo,
    by: PausedBy,
    *,
    now: datetime,
    reason: str,
    resumes_at: datetime | None,
    cause: str = "",
) -> None:
    """Pause a run; what a person decided is replaced by no pause that lifts itself or that another command lifts."""
    decided = run.paused_by is PausedBy.USER or run.reason == CANCELLED_BY_PERSON
    if not decided:
        paused, at = RunState.PAUSED, resumes_at
        set_state(connection, run, paused, now=now, paused_by=by, reason=reason, resumes_at=at, cause=cause)
    elif by is not PausedBy.USER:
        detail = {"paused_by": run.paused_by.value} if run.paused_by else {}
        said = f"{run.reason}; besides, sending stopped: {reason}"
        append_run_event(connection, run.key, to_micros(now), run.fence, run.state, run.state, said, detail)


def note(connection: Connection, run: RunInfo, text: str, detail: Mapping[str, object], now: datetime) -> None:
    """A step in a run's own history that moves nothing."""
    append_run_event(connection, run.key, to_micros(now), run.fence, run.state, run.state, text, detail)


def waves_of(connection: Connection, key: int) -> list[WaveRecord]:
    """The waves as planned, in order."""
    rows = connection.execute(select(waves).where(waves.c.run_key == key).order_by(waves.c.number))
    return [WaveRecord(row.number, maybe_instant(row.starts_at), row.size) for row in rows]


def inputs_of(connection: Connection, key: int) -> list[FrozenInput]:
    """The files that a run was made from, in the order of the plan."""
    rows = connection.execute(select(inputs).where(inputs.c.run_key == key).order_by(inputs.c.position))
    return [FrozenInput(row.kind, row.path, row.sha256, row.size_bytes) for row in rows]


def blob_of(connection: Connection, sha256: str) -> Blob:
    """Frozen bytes by their digest.

    Raises:
        LedgerError: the ledger does not hold them.
    """
    row = connection.execute(select(blobs).where(blobs.c.sha256 == sha256)).first()
    if row is None:
        raise LedgerError(
            f"the ledger has no attachment with the digest {sha256[:12]}…",
            "Restore the ledger from a backup; without it the messages that carry it cannot be sent.",
            cause="ledger_damaged",
        )
    return Blob(row.sha256, row.content_type, row.data)


def _insert_inputs(connection: Connection, key: int, files: Sequence[FrozenInput]) -> None:
    rows = [
        {
            "run_key": key,
            "position": position,
            "kind": file.kind,
            "path": file.path,
            "sha256": file.sha256,
            "size_bytes": file.size_bytes,
        }
        for position, file in enumerate(files, 1)
    ]
    if rows:
        connection.execute(insert(inputs), rows)


def blobs_among(connection: Connection, digests: Iterable[str]) -> set[str]:
    """Find those of the digests whose bytes the ledger has."""
    rest, found = iter(digests), set[str]()
    while chunk := list(islice(rest, _BLOBS_AT_ONCE)):
        found.update(connection.execute(select(blobs.c.sha256).where(blobs.c.sha256.in_(chunk))).scalars())
    return found


def _insert_waves(connection: Connection, key: int, planned: Sequence[WaveRecord]) -> None:
    rows = [
        {"run_key": key, "number": wave.number, "starts_at": maybe_micros(wave.starts_at), "size": wave.size}
        for wave in planned
    ]
    if rows:
        connection.execute(insert(waves), rows)


def _insert_blobs(connection: Connection, frozen: Iterable[Blob]) -> None:
    """Those that the ledger has not got yet; few of them are in memory at a time."""
    rest = iter(frozen)
    while chunk := {blob.sha256: blob for blob in islice(rest, _BLOBS_AT_ONCE)}:
        known = blobs_among(connection, chunk)
        rows = [
            {"sha256": blob.sha256, "content_type": blob.content_type, "data": blob.data}
            for blob in chunk.values()
            if blob.sha256 not in known
        ]
        if rows:
            connection.execute(insert(blobs), rows)


def _info(row: Row[Any]) -> RunInfo:
    return RunInfo(
        key=row.key,
        run=row.run,
        campaign=row.campaign,
        account=row.account,
        occurrence=row.occurrence,
        test=row.test,
        campaign_file=row.campaign_file,
        campaign_sha256=row.campaign_sha256,
        plan_sha256=row.plan_sha256,
        git_commit=row.git_commit,
        git_clean=row.git_clean,
        sender=row.sender,
        priority=row.priority,
        delivery_report=row.delivery_report,
        config=decode_object(row.config),
        created_at=to_instant(row.created_at),
        rows=row.rows,
        state=RunState(row.state),
        paused_by=PausedBy(row.paused_by),
        reason=row.reason,
        fence=row.fence,
        updated_at=to_instant(row.updated_at),
        resumes_at=maybe_instant(row.resumes_at),
        due_at=maybe_instant(row.due_at),
        purged_at=maybe_instant(row.purged_at),
        cause=row.cause or PausedBy(row.paused_by).cause,
        client=row.client,
        content_sha256=row.content_sha256,
        lift=None if row.lifted_left is None else Lift(row.lifted_left, row.lifted_failed, row.lifted_canary),
    )
