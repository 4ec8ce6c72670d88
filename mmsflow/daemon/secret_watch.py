"""Secrets in files, followed by the daemon: a rotated one is told to the log, one that cannot be read to people."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mmsflow.clock import Clock
from mmsflow.daemon.telling import Teller
from mmsflow.ledger.operation import NoticeKind
from mmsflow.secret_file import SecretFile

_PATIENCE = 2  # looks: a file that is being replaced is empty or gone for a moment


class SecretWatch:
    """Tells what became of the secrets' files.

    Whoever uses a secret reads it anew by itself; nothing here hands one on.

    Args:
        files: the secrets of the settings in force that are read from files.
        rotated: called with the name of a setting whose file holds another secret now.
    """

    def __init__(
        self, files: Sequence[SecretFile], clock: Clock, teller: Teller, rotated: Callable[[str], None]
    ) -> None:
        self._files, self._clock, self._teller, self._rotated = files, clock, teller, rotated
        self._changes = {file.name: file.changes for file in files}
        self._in_vain = dict.fromkeys(self._changes, 0)
        self._settled: set[str] = set()

    async def follow(self, every: float) -> None:
        """Look every so many seconds, until cancelled."""
        while True:
            self.look()
            await self._clock.sleep(every)

    def look(self) -> None:
        """Tell what has changed since the last look."""
        for file in self._files:
            file.reveal()
            if file.changes != self._changes[file.name]:
                self._changes[file.name] = file.changes
                self._teller.event("secret_read_anew", setting=f"{file.name}_file", file=str(file.path))
                self._rotated(file.name)
            self._look_at_trouble(file)

    def _look_at_trouble(self, file: SecretFile) -> None:
        notice = f"secret/{file.name}"
        if not file.trouble:
            self._in_vain[file.name] = 0
            if notice not in self._settled:
                self._settled.add(notice)
                self._teller.settle(notice)  # also what an earlier process has told
            return
        self._in_vain[file.name] += 1
        if self._in_vain[file.name] != _PATIENCE:
            return
        self._settled.discard(notice)
        self._teller.people(
            notice,
            NoticeKind.NEEDS_PERSON,
            f"the {file.name.replace('_', ' ')} cannot be read anew from {file.path}: {file.trouble}; "
            "the one from before stays in use",
            "put the secret into the file, readable for the user of the daemon; no restart is needed",
            cause="secret_unreadable",
        )
