"""The witness: a small file outside workspace and git that moves with sending, one for each ledger.

It says how far the ledger had got when the last request was about to begin. It is written after the intents are durable
and before their requests begin, so it never says more than the true ledger knows, and always at least as much as went
out: a ledger that knows less is a copy. See docs/decisions/0024.

Two slots with checksums are written in turn: a write that is cut off leaves the slot before it.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from mmsflow.ledger.copies import Progress, WitnessRecord
from mmsflow.mms.private_files import make_private_folder

SYNC_SECONDS, SYNC_MESSAGES = 1.0, 500
"""How much of the witness a power cut may take; a killed process loses nothing of it."""

_SLOT = 16 * 1024
_HEAD = len(b"00000000 00000000 ")
_VERSION = 1
_MOST_RUNS = 40
_MOST_BYTES = _SLOT - _HEAD


class WitnessBusy(OSError):
    """Another process sends with a ledger of the same identity."""


def witness_path(folder: Path, identity: str) -> Path:
    """The witness of the ledger with this identity."""
    return folder / f"{identity}.witness"


def read_witness(path: Path) -> WitnessRecord | None:
    """Read what the witness says; None where there is none.

    Raises:
        ValueError: the file holds nothing that can be read.
        OSError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            content = file.read(2 * _SLOT + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    found = [_parsed(content[at : at + _SLOT]) for at in (0, _SLOT)]
    records = [record for record in found if record is not None]
    if not records:
        raise ValueError("it holds nothing that can be read")
    return max(records, key=lambda record: record.sequence)


def witnesses_of_path(folder: Path, ledger: Path, identity: str) -> list[WitnessRecord]:
    """Read the witnesses of other ledgers that were in use at the path of this one."""
    found = []
    for path in sorted(folder.glob("*.witness")) if folder.is_dir() else ():
        with suppress(ValueError, OSError):
            if path.stem != identity and (record := read_witness(path)) and record.path == str(ledger):
                found.append(record)
    return found


@dataclass(slots=True)
class Witness:
    """The witness, open and locked for the process that sends; made by ``claim``."""

    path: Path
    _descriptor: int
    _record: WitnessRecord
    _path_text: str
    _texts: dict[str, str] = field(default_factory=dict)
    _synced_at: float = 0.0
    _unsynced: int = 0

    @classmethod
    def claim(cls, path: Path, record: WitnessRecord) -> Witness:
        """Lock the witness for this process and write ``record`` to it durably, making file and folder.

        Raises:
            WitnessBusy: another process holds it.
            OSError: it cannot be made or written.
        """
        make_private_folder(path.parent)
        is_new = not path.exists()
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise WitnessBusy("another process sends with a copy of this ledger") from None
            witness = cls(path, descriptor, record, json.dumps(record.path))
            witness._texts = {run: _run_text(run, progress) for run, progress in record.runs.items()}
            witness._write()
            witness.sync()
            if is_new:
                _sync_folder(path.parent)
        except BaseException:
            os.close(descriptor)
            raise
        return witness

    @property
    def record(self) -> WitnessRecord:
        """What it says now."""
        return self._record

    def moved(self, event: int, run: str, progress: Progress) -> None:
        """Say that intents up to ``event`` are durable, ``progress`` of them in this run; not synced each time.

        Raises:
            OSError: it cannot be written; the requests may not begin.
        """
        before = self._record.runs.get(run)
        self._unsynced += progress.begun - (before.begun if before else 0)
        runs = self._record.runs
        if run not in runs and len(runs) >= _MOST_RUNS:
            self._forget_oldest()
        runs[run] = progress
        self._texts[run] = _run_text(run, progress)
        self._record.event = event
        self._write()
        if self._unsynced >= SYNC_MESSAGES or time.monotonic() - self._synced_at >= SYNC_SECONDS:
            self.sync()

    def sync(self) -> None:
        """Have what was written survive a power cut."""
        os.fdatasync(self._descriptor)
        self._synced_at, self._unsynced = time.monotonic(), 0

    def close(self) -> None:
        """Sync and unlock; again is harmless."""
        if self._descriptor < 0:
            return
        with suppress(OSError):
            self.sync()
        os.close(self._descriptor)
        self._descriptor = -1

    def _forget_oldest(self) -> None:
        runs = self._record.runs
        oldest = min(runs, key=lambda run: runs[run].event)
        self._record.complete_after = max(self._record.complete_after, runs[oldest].event)
        del runs[oldest], self._texts[oldest]

    def _write(self) -> None:
        record = self._record
        record.sequence += 1
        while True:
            text = (
                f'{{"version":{_VERSION},"sequence":{record.sequence},"epoch":"{record.epoch}","event":{record.event},'
                f'"complete_after":{record.complete_after},"path":{self._path_text},"runs":{{{",".join(self._texts.values())}}}}}'
            )
            payload = text.encode()
            if len(payload) <= _MOST_BYTES or len(record.runs) < 2:
                break
            self._forget_oldest()
        line = b"%08x %08x %s" % (zlib.crc32(payload), len(payload), payload)
        if os.pwrite(self._descriptor, line, _SLOT * (record.sequence % 2)) != len(line):
            raise OSError(28, "it was written in part only")  # a full disk


def _run_text(run: str, progress: Progress) -> str:
    values = [progress.campaign, progress.account, progress.upto, progress.begun, progress.event]
    return f"{json.dumps(run)}:{json.dumps(values, separators=(',', ':'))}"


def _parsed(slot: bytes) -> WitnessRecord | None:
    try:
        checksum, length = int(slot[:8], 16), int(slot[9:17], 16)
        payload = slot[_HEAD : _HEAD + length]
        if len(payload) != length or zlib.crc32(payload) != checksum:
            return None
        facts = json.loads(payload)
        runs: Mapping[str, list[object]] = facts["runs"]
        return WitnessRecord(
            sequence=int(facts["sequence"]),
            epoch=str(facts["epoch"]),
            event=int(facts["event"]),
            complete_after=int(facts["complete_after"]),
            path=str(facts["path"]),
            runs={run: _progress(*values) for run, values in runs.items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _progress(campaign: object, account: object, *numbers: object) -> Progress:
    upto, begun, event = (int(str(number)) for number in numbers)
    return Progress(str(campaign), str(account), upto, begun, event)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
