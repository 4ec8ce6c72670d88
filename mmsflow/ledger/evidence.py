"""What was witnessed of attempts while the ledger could not be written: a small journal beside it.

The file ``<ledger>.evidence`` is allocated before anything is sent, so that a full disk, which stops the ledger, does
not stop it. Each entry is one line with a checksum and the ledger's own name, on the disk before ``append`` returns. A
torn line, or one of another ledger, is passed over. Applying an entry twice changes nothing, because an outcome only
applies to its own attempt; so only attempts whose intent is known to be durable may be kept here, or a later attempt
could bear the same number.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmsflow.ledger.codec import maybe_instant, maybe_micros, to_instant, to_micros
from mmsflow.ledger.model import Outcome
from mmsflow.mms.status import TRANSITIONS, MessageState

SUFFIX = ".evidence"
_ALLOCATED_BYTES = 512 * 1024
_DETAIL_KEPT = ("wire", "http", "code", "text", "seconds")
_POSSIBLE = TRANSITIONS[MessageState.SENDING]


@dataclass(frozen=True, slots=True)
class Witnessed:
    """One outcome as the journal has it.

    Attributes:
        run_key, fence: of its attempt.
        period: the quota period in which it was to be counted.
    """

    run_key: int
    fence: int
    period: str
    outcome: Outcome


class EvidenceJournal:
    """The journal of one ledger; only the process that holds the ledger writes it.

    Args:
        ledger: the ledger's file.
    """

    def __init__(self, ledger: Path) -> None:
        self.path = ledger.with_name(ledger.name + SUFFIX)
        self._ledger = ""
        self._end = 0
        self._torn = False

    def prepare(self, identity: str) -> list[Witnessed]:
        """Allocate the file; what stands in it about this ledger, oldest first.

        Args:
            identity: of the ledger; entries of any other are passed over.

        Raises:
            OSError: there is no room, or no right.
        """
        self._ledger = identity
        is_new = not self.path.exists()
        with self._opened() as descriptor:
            _allocate(descriptor)
            content = _content(descriptor)
        if is_new:
            _sync_folder(self.path.parent)
        self._end = len(content)
        self._torn = bool(content) and not content.endswith(b"\n")
        entries = (_entry(line, identity) for line in content.split(b"\n"))
        return [entry for entry in entries if entry is not None]

    def append(self, run_key: int, fence: int, period: str, outcomes: Sequence[Outcome]) -> None:
        """Keep outcomes; on the disk when it returns.

        Raises:
            OSError: they could not be kept.
        """
        lines = b"".join(_line(self._ledger, Witnessed(run_key, fence, period, outcome)) for outcome in outcomes)
        if not lines:
            return
        if self._torn:
            lines = b"\n" + lines  # else the first of them would continue the torn one, and be lost with it
        with self._opened() as descriptor:
            _write_all(descriptor, lines, self._end)
            os.fdatasync(descriptor)
        self._end += len(lines)
        self._torn = False

    def clear(self) -> None:
        """Forget everything: it stands in the ledger now.

        Raises:
            OSError: it could not be forgotten.
        """
        with self._opened() as descriptor:
            if content := _content(descriptor):
                _write_all(descriptor, b"\0" * len(content), 0)
                os.fdatasync(descriptor)
        self._end = 0
        self._torn = False

    def clear_unless(self, identity: str, needed: Callable[[Witnessed], bool]) -> bool:
        """Forget everything, unless something in it is still needed; whether nothing was.

        Raises:
            OSError: it could not be read or forgotten.
        """
        if not self.path.exists():
            return True
        if any(needed(entry) for entry in self.prepare(identity)):
            return False
        self.clear()
        return True

    def _opened(self) -> _Descriptor:
        return _Descriptor(self.path)


class _Descriptor:
    """An open descriptor for the length of a block, the file made (0600) where it is missing."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> int:
        self._number = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        return self._number

    def __exit__(self, *_: object) -> None:
        os.close(self._number)


def _allocate(descriptor: int) -> None:
    # Written, not only reserved: a reserved block still has to be turned into a written one when space is short.
    size = os.fstat(descriptor).st_size
    if size < _ALLOCATED_BYTES:
        _write_all(descriptor, b"\0" * (_ALLOCATED_BYTES - size), size)
        os.fsync(descriptor)


def _write_all(descriptor: int, content: bytes, start: int) -> None:
    written = 0
    while written < len(content):
        # A disk without room takes a part of it first, and refuses the rest by an error of its own.
        written += os.pwrite(descriptor, content[written:], start + written)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)  # the new file's name must survive a power cut as well as its content
    finally:
        os.close(descriptor)


def _content(descriptor: int) -> bytes:
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0).rstrip(b"\0")


def _line(ledger: str, witnessed: Witnessed) -> bytes:
    outcome = witnessed.outcome
    facts = {
        "ledger": ledger,
        "run": witnessed.run_key,
        "fence": witnessed.fence,
        "period": witnessed.period,
        "id": outcome.id,
        "attempt": outcome.attempt,
        "state": outcome.state.value,
        "at": to_micros(outcome.at),
        "gateway_id": outcome.gateway_id,
        "reason": outcome.reason,
        "code": outcome.code,
        "not_before": maybe_micros(outcome.not_before),
        "spends": outcome.spends_attempt,
        "posted": outcome.posted,
        "poll": maybe_micros(outcome.next_poll_at),
        "detail": {name: outcome.detail[name] for name in _DETAIL_KEPT if name in outcome.detail},
    }
    text = json.dumps(facts, separators=(",", ":"), default=str).encode()
    return b"%08x %b\n" % (zlib.crc32(text), text)


def _entry(line: bytes, ledger: str) -> Witnessed | None:
    checksum, _, text = line.partition(b" ")
    try:
        if int(checksum, 16) != zlib.crc32(text):
            return None
        facts = json.loads(text)
        if facts["ledger"] != ledger or facts["state"] not in _POSSIBLE:
            return None
        outcome = Outcome(
            id=int(facts["id"]),
            attempt=int(facts["attempt"]),
            state=MessageState(facts["state"]),
            at=to_instant(int(facts["at"])),
            gateway_id=str(facts["gateway_id"]),
            reason=str(facts["reason"]),
            code=str(facts["code"]),
            not_before=maybe_instant(facts["not_before"]),
            spends_attempt=bool(facts["spends"]),
            posted=bool(facts["posted"]),
            next_poll_at=maybe_instant(facts["poll"]),
            detail=dict(facts["detail"]),
        )
        return Witnessed(int(facts["run"]), int(facts["fence"]), str(facts["period"]), outcome)
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
