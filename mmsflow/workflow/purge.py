"""Retention: the personal data of runs that ended long ago are removed, from the ledger and from their reports."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from mmsflow.campaign.amounts import read_at_most
from mmsflow.errors import MmsflowError, PlanRefused, RunUnfinished, UsageError
from mmsflow.ledger.model import RunInfo
from mmsflow.ledger.purge import Hindrance
from mmsflow.ledger.store import Ledger, LedgerReader
from mmsflow.settings import Settings
from mmsflow.workflow.forgotten import short_memory

REPORTS = "reports"
# What a report is made of, and the drafts of one that was killed; nothing else is ours to delete.
_OURS = re.compile(r"report\.(csv|html|json|xlsx)|rejects\.csv|\.(report\.\w+|rejects\.csv)\.[^.]+\.draft")
_SCRATCH = re.compile(r"\.scratch\.[a-z0-9_]+")
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Purged:
    """A run whose personal data were removed.

    Attributes:
        rows: of its lists.
        files: of its report that were deleted.
    """

    run: str
    rows: int
    files: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A run that is old enough, and whose personal data stay all the same."""

    run: str
    why: Hindrance


@dataclass(frozen=True, slots=True)
class Due:
    """What a purge would do: runs that can be purged, the oldest first, and those that cannot."""

    runs: tuple[RunInfo, ...]
    kept: tuple[Kept, ...]


def due_runs(ledger: LedgerReader, *, older_than: timedelta, now: datetime, even_maybe_sent: bool = False) -> Due:
    """The runs that ended longer ago than ``older_than``, tests too, and still have their personal data."""
    before = now - older_than
    old = [
        run
        for run in reversed(ledger.runs())
        if run.purged_at is None and run.state.is_ended and run.updated_at <= before
    ]
    return sorted_out(ledger, [run for run in old if ledger.last_touched(run.key) <= before], even_maybe_sent)


def sorted_out(ledger: LedgerReader, runs: Sequence[RunInfo], even_maybe_sent: bool = False) -> Due:
    """Of these runs, those that can be purged and those that cannot."""
    found = [(run, ledger.hindrance(run.key, even_maybe_sent=even_maybe_sent)) for run in runs]
    kept = tuple(Kept(run.run, why) for run, why in found if why is not None)
    return Due(tuple(run for run, why in found if why is None), kept)


def purge_runs(
    ledger: Ledger,
    workspace: Path,
    runs: Sequence[RunInfo],
    *,
    now: datetime,
    even_maybe_sent: bool = False,
    told: Callable[[RunInfo, int], None] = lambda _run, _rows: None,
) -> tuple[Purged, ...]:
    """Purge these runs; ``Ledger.scrub`` is still to be called.

    Args:
        told: a run and its rows done so far.

    Raises:
        LedgerError: the ledger cannot be written.
        RunUnfinished: something of one of them is to be done by now.
        MmsflowError: a report cannot be deleted; the data of that run are still there.
    """
    for run in ledger.half_purged():
        for _ in PurgeInSteps(ledger, workspace, run, now=now):
            pass
    done = []
    for run in runs:
        steps = PurgeInSteps(ledger, workspace, run, now=now, even_maybe_sent=even_maybe_sent)
        for rows in steps:
            told(run, rows)
        done.append(steps.purged)
    return tuple(done)


class PurgeInSteps:
    """The purge of one run, in steps of a tenth of a second or so; iterate over it to its end.

    Each step gives the rows done so far. Cut off between two steps, it is finished by ``Ledger.scrub``.

    Attributes:
        purged: what was removed, once it has ended.
    """

    def __init__(
        self, ledger: Ledger, workspace: Path, run: RunInfo, *, now: datetime, even_maybe_sent: bool = False
    ) -> None:
        self._ledger, self._workspace, self._run = ledger, workspace, run
        self._now, self._even_maybe_sent = now, even_maybe_sent
        self.purged = Purged(run.run, run.rows, 0)

    def __iter__(self) -> Iterator[int]:
        run = self._ledger.find_run(self._run.run) or self._run
        if run.purged_at is None:
            self._refuse_hindered(run)
        # The files first: once the ledger has forgotten a run, nothing would look for them again.
        files = _delete_report(self._workspace, run.run)
        yield from self._ledger.purge_in_steps(run.key, self._now, even_maybe_sent=self._even_maybe_sent)
        # And once more: another terminal may have been writing one, of the run as it was.
        self.purged = replace(self.purged, files=files + _delete_report(self._workspace, run.run))

    def _refuse_hindered(self, run: RunInfo) -> None:
        if why := self._ledger.hindrance(run.key, even_maybe_sent=self._even_maybe_sent):
            raise RunUnfinished(
                f"the personal data of {run.run} stay: {why.reason}", why.advice, cause="purge_hindered"
            )


def received_already(ledger: LedgerReader, account: str, campaign: str) -> frozenset[str]:
    """The numbers that had a message of the campaign, for a top-up.

    Raises:
        PlanRefused: of one of its runs that is not known any more.
    """
    for purged in ledger.purged_runs(account):
        if purged.campaign == campaign:
            raise PlanRefused(
                f"the personal data of {purged.run} were removed, so who had a message of {campaign} is not known",
                "`--again` sends to everybody; to leave some out, name a list of them under `exclude`",
                cause="purged",
            )
    return frozenset(ledger.sent_numbers(account, campaign))


def refuse_short_memory(settings: Settings) -> None:
    """Do nothing where numbers are kept at least as long as the workspace's frequency cap asks for them.

    Raises:
        UsageError: they would be removed before.
    """
    if settings.retain is None or not settings.at_most:
        return
    cap = read_at_most(settings.at_most)
    if why := short_memory(cap, settings.retain):
        raise UsageError(
            f"the setting at_most cannot be kept: {why}",
            "let `retain` be longer, or the cap's time",
            cause="cap_outlives_data",
        )


def _delete_report(workspace: Path, run: str) -> int:
    """Delete a run's report, and its folder where it is empty then; how many files. No link is followed.

    Raises:
        MmsflowError: a file cannot be deleted.
    """
    try:
        with _folder(workspace, None) as top, _folder(REPORTS, top) as reports, _folder(run, reports) as folder:
            files = _delete_ours(folder)
            with suppress(OSError):  # not empty: what others put there stays
                os.rmdir(run, dir_fd=reports)
            return files
    except (FileNotFoundError, NotADirectoryError):
        return 0  # there is none, or a link stands there, and where it leads is not ours
    except OSError as error:
        if error.errno == errno.ELOOP:
            return 0
        raise MmsflowError(
            f"the report of {run} cannot be deleted: {error.strerror}",
            f"make {REPORTS}/{run} writable for you",
            cause="report_not_deleted",
        ) from error


def _delete_ours(folder: int) -> int:
    files = 0
    for entry in _entries(folder):
        if _OURS.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
            os.unlink(entry.name, dir_fd=folder)
            files += 1
        elif _SCRATCH.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
            files += _delete_scratch(entry.name, folder)
    return files


def _delete_scratch(name: str, folder: int) -> int:
    """A folder that a killed report left, with what it wrote there."""
    files = 0
    with _folder(name, folder) as scratch:
        for entry in _entries(scratch):
            if entry.is_file(follow_symlinks=False):
                os.unlink(entry.name, dir_fd=scratch)
                files += 1
    with suppress(OSError):
        os.rmdir(name, dir_fd=folder)
    return files


def _entries(folder: int) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return list(entries)


@contextmanager
def _folder(path: str | Path, inside: int | None) -> Iterator[int]:
    descriptor = os.open(path, _FOLDER if inside is not None else _FOLDER & ~os.O_NOFOLLOW, dir_fd=inside)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
