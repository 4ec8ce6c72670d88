"""The brake on all sending: a small file beside the ledger, obeyed by every process that sends from that ledger.

That the file exists is what stops; who stopped, why and since when stand in it. So a file that is empty, torn or
unreadable stops as well, and it stops with the daemon dead, over restarts and while the ledger cannot be written.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mmsflow.errors import LedgerError
from mmsflow.mms.private_files import make_private_folder, write_private

ALL_STOPPED = "all_stopped"
"""The stable cause of whatever is refused while all sending is stopped."""

START_ALL = "`mmsflow start --all` lets sending go on"

_MOST_BYTES = 16_384
_LONGEST = 500  # characters of a name or a reason


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop of all sending that is in force.

    Attributes:
        who: whoever stopped it; empty where that is not known.
        why: their reason; may be empty.
        since: aware; None where that is not known.
        trouble: why the stop file cannot be read; empty where it was read.
    """

    who: str = ""
    why: str = ""
    since: datetime | None = None
    trouble: str = ""

    @property
    def reason(self) -> str:
        """Say in one sentence who stopped all sending and why, without the date."""
        if self.trouble:
            return f"all sending is stopped (by whom is not known: {self.trouble})"
        text = f"all sending is stopped by {self.who}" if self.who else "all sending is stopped"
        return f"{text}: {self.why}" if self.why else text

    def as_json(self) -> dict[str, str | None]:
        """Give the shape that ``--json`` shows."""
        since = self.since.isoformat(timespec="seconds") if self.since else None
        return {"who": self.who, "why": self.why, "since": since, "trouble": self.trouble}


class StopFile:
    """The stop file of one ledger, ``<ledger>.stopped``."""

    def __init__(self, ledger: Path) -> None:
        self.path = ledger.with_name(ledger.name + ".stopped")
        self._name = os.fspath(self.path)

    def exists(self) -> bool:
        """Tell whether all sending is stopped; one look at the file system, about a microsecond.

        Only a file that is known to be absent lets anything go out: what cannot be looked at counts as stopped.
        """
        try:
            os.lstat(self._name)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return True

    def read(self) -> Stop | None:
        """Read the stop in force; None where nothing is stopped."""
        if not self.exists():
            return None
        try:
            # O_NONBLOCK: whatever stands there under that name, even a pipe, must not hold a sender up.
            descriptor = os.open(self._name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(descriptor, "rb") as file:
                return _parsed(file.read(_MOST_BYTES))
        except FileNotFoundError:
            # Lifted in this moment, or a link that leads nowhere.
            return Stop(trouble="it leads nowhere") if self.exists() else None
        except OSError as error:
            return Stop(trouble=f"its file cannot be read, {error.strerror or error}")
        except (ValueError, KeyError, TypeError, RecursionError):
            return Stop(trouble="its file cannot be understood")

    def set(self, who: str, why: str, now: datetime) -> Stop:
        """Stop all sending from now on; a stop that is in force and says who stays as it is.

        Returns:
            The stop in force. Where the disk is full its ``trouble`` says so, and it is in force all the same.

        Raises:
            LedgerError: the file cannot be made, so nothing is stopped.
        """
        if (before := self.read()) is not None and not before.trouble:
            return before
        try:
            make_private_folder(self.path.parent)
            # The name first: it takes no room, and it is what stops.
            os.close(os.open(self._name, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
        except OSError as error:
            if before is None or not self._is_seen():
                raise self._unusable("made", error) from error
            return before
        stop = Stop(_one_line(who), _one_line(why), now)
        try:
            write_private(self.path, json.dumps(stop.as_json(), ensure_ascii=False))
        except OSError as error:
            return Stop(stop.who, stop.why, now, f"its file cannot be written, {error.strerror or error}")
        with suppress(OSError):
            _sync_folder(self.path.parent)
        return stop

    def lift(self) -> bool:
        """Let sending go on; False where nothing was stopped.

        Raises:
            LedgerError: the file cannot be removed, so everything stays stopped.
        """
        if not self.exists():
            return False
        try:
            self.path.unlink()
            _sync_folder(self.path.parent)
        except FileNotFoundError:
            return False
        except OSError as error:
            if not self.exists():
                return True
            raise self._unusable("removed", error) from error
        return True

    def _is_seen(self) -> bool:
        """Whether it is there for certain: what we cannot look at, the process that sends may find absent."""
        with suppress(OSError):
            os.lstat(self._name)
            return True
        return False

    def _unusable(self, done: str, error: OSError) -> LedgerError:
        if done == "made":
            advice = "make its folder writable for you and free some space; until then end the processes that send"
        else:
            advice = "make its folder writable for you, or remove the file yourself"
        message = f"the stop file {self.path} cannot be {done}: {error.strerror or error}"
        return LedgerError(message, advice, cause="stop_file")


def _parsed(content: bytes) -> Stop:
    facts = json.loads(content)
    if not isinstance(facts, dict):
        raise TypeError("it is no object")
    since = facts.get("since")
    return Stop(
        _one_line(str(facts.get("who") or "")),
        _one_line(str(facts.get("why") or "")),
        datetime.fromisoformat(since).astimezone() if since else None,
    )


def _one_line(text: str) -> str:
    """What a person wrote, on one line, without characters that steer a terminal, and not endless."""
    clean = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(clean.split())[:_LONGEST]


def _sync_folder(folder: Path) -> None:
    """Make a name that came or went durable: a stop must survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
