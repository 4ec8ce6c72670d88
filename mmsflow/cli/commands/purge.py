"""``mmsflow purge``: the personal data of runs that have ended are removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import accumulate

from mmsflow.cli.asking import ask_first
from mmsflow.cli.output import print_json, say, table, tell, warn
from mmsflow.cli.progress import erasing
from mmsflow.cli.session import Session
from mmsflow.errors import PlanRefused, RunUnfinished, UsageError
from mmsflow.ledger.model import RunInfo
from mmsflow.ledger.store import Ledger, LedgerReader
from mmsflow.settings import READERS
from mmsflow.wiring import reading_ledger, writing_ledger
from mmsflow.workflow.history import find_run
from mmsflow.workflow.purge import Due, Purged, due_runs, purge_runs, sorted_out


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeOptions:
    """The options of ``purge``; ``older_than`` is empty where the setting decides."""

    older_than: str = ""
    dry_run: bool = False
    even_maybe_sent: bool = False
    yes: bool = False
    as_json: bool = False


def purge(names: Sequence[str], options: PurgeOptions) -> int:
    """Purge runs by name, or all that are old enough; returns the exit code: 7 where one of them had to stay."""
    session = Session.start()
    if names and options.older_than:
        raise UsageError("runs by name and --older-than exclude each other", "choose one")
    older_than = None if names else _age(session, options)
    if options.dry_run:
        with reading_ledger(session.settings) as ledger:
            return _end(session, _due(ledger, session, names, older_than, options), (), options)
    with writing_ledger(session.settings, session.clock, "purge") as ledger:
        due = _due(ledger, session, names, older_than, options)
        done = _purge(session, ledger, due, options)
    return _end(session, due, done, options)


def _age(session: Session, options: PurgeOptions) -> timedelta:
    if not options.older_than:
        if session.settings.retain is None:
            fix = "name runs, or say --older-than 90d, or set `retain` in mmsflow.toml"
            raise UsageError("nothing says how long personal data are kept", fix)
        return session.settings.retain
    try:
        age = READERS["retain"](options.older_than)
    except ValueError as error:
        raise UsageError(f"--older-than {error}") from None
    assert isinstance(age, timedelta)
    return age


def _due(
    ledger: LedgerReader,
    session: Session,
    names: Sequence[str],
    older_than: timedelta | None,
    options: PurgeOptions,
) -> Due:
    if older_than is not None:
        now = session.clock.now()
        return due_runs(ledger, older_than=older_than, now=now, even_maybe_sent=options.even_maybe_sent)
    runs = [find_run(ledger, name) for name in dict.fromkeys(names)]
    if gone := [run.run for run in runs if run.purged_at is not None]:
        raise PlanRefused(f"the personal data of {', '.join(gone)} were removed already", cause="purged")
    return sorted_out(ledger, runs, even_maybe_sent=options.even_maybe_sent)


def _purge(session: Session, ledger: Ledger, due: Due, options: PurgeOptions) -> tuple[Purged, ...]:
    if due.runs:
        rows = sum(run.rows for run in due.runs)
        say(_table(session, due.runs))
        say(f"numbers, texts and reasons of {rows:,} rows are removed for good; the counts stay")
        declined = "everything was left as it is"
        ask_first("Remove them?", yes=options.yes, done="remove them", declined=declined)
    before = dict(
        zip((run.key for run in due.runs), accumulate((run.rows for run in due.runs), initial=0), strict=False)
    )
    with erasing(sum(run.rows for run in due.runs), quiet=options.as_json) as bar:

        def told(run: RunInfo, rows: int) -> None:
            bar(before[run.key] + rows)

        done = purge_runs(
            ledger,
            session.workspace,
            due.runs,
            now=session.clock.now(),
            even_maybe_sent=options.even_maybe_sent,
            told=told,
        )
    if not ledger.scrub():
        warn("another process reads the ledger: bytes of what was removed may stand in its files until the next purge")
    return done


def _end(session: Session, due: Due, done: Sequence[Purged], options: PurgeOptions) -> int:
    """Say what was done, or would be."""
    code = RunUnfinished.exit_code if due.kept else 0
    if options.as_json:
        print_json(
            {
                "dry_run": options.dry_run,
                "purged": [{"run": each.run, "rows": each.rows, "files": each.files} for each in done],
                "due": [{"run": run.run, "rows": run.rows} for run in due.runs] if options.dry_run else [],
                "kept": [{"run": each.run, "reason": each.why.reason, "advice": each.why.advice} for each in due.kept],
            }
        )
        return code
    for each in done:
        tell(f"{each.run}  {each.rows:,} rows, {each.files} files of its report")
    if options.dry_run and due.runs:
        tell(_table(session, due.runs))
    if not due.runs:
        tell("there is nothing to remove")
    for kept in due.kept:
        warn(f"{kept.run} keeps its personal data: {kept.why.reason}; {kept.why.advice}")
    return code


def _table(session: Session, runs: Sequence[RunInfo]) -> str:
    now = session.clock.now()
    return table(
        [(run.run, f"{run.rows:,}", f"{(now - run.updated_at).days} days ago") for run in runs],
        ("run", "rows", "ended"),
    )
