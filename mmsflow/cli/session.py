"""What every command starts from: the workspace, its settings and the clock."""

from __future__ import annotations

import os
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mmsflow.clock import SystemClock
from mmsflow.errors import Finding, InvalidInput, UsageError
from mmsflow.settings import Settings, find_workspace, load_settings

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from mmsflow.ledger.history import LedgerReader
    from mmsflow.workflow.intake import Intake


@dataclass(frozen=True, slots=True)
class Session:
    """Workspace, settings and clock of one command.

    Attributes:
        workspace: absolute folder.
        settings: environment over mmsflow.toml over defaults.
        clock: the machine's.
    """

    workspace: Path
    settings: Settings
    clock: SystemClock

    @classmethod
    def start(cls, near: Path | None = None) -> Session:
        """Find the workspace above ``near`` (a file, or the current folder) and read its settings."""
        workspace = find_workspace(near or Path.cwd(), os.environ)
        return cls(workspace, load_settings(workspace, os.environ), SystemClock())

    def intake(self, *, lenient: bool = False, rejects: Path | None = None) -> Intake:
        """What ``prepare`` needs beside a campaign file; without a gateway the account's history is not known.

        Args:
            lenient: as ``Intake`` has it.
            rejects: where the rows set aside are to be written; nowhere when None.
        """
        from mmsflow.workflow.intake import Intake
        from mmsflow.workflow.rejects import write_rejects

        def ledger() -> AbstractContextManager[LedgerReader]:
            from mmsflow.wiring import reading_ledger  # most commands that check a campaign never look into history

            return reading_ledger(self.settings)

        try:
            account = self.settings.account
        except UsageError:
            account = ""

        return Intake(
            suppression=self.settings.suppression,
            at_most=self.settings.at_most,
            account=account,
            ledger=ledger,
            now=self.clock.now(),
            retain=self.settings.retain,
            lenient=lenient,
            rejects=partial(write_rejects, rejects) if rejects is not None else None,
        )

    @classmethod
    def for_file(cls, file: str) -> tuple[Session, Path]:
        """The session of a file that must exist.

        Raises:
            InvalidInput: it does not.
        """
        path = Path(file)
        if not path.is_file():
            what = "is a folder" if path.is_dir() else "no such file"
            beside = {each.name: each for each in path.parent.glob("*.y*ml")} if path.name else {}
            near = get_close_matches(path.name, beside, 1)
            fix = f"did you mean {beside[near[0]]}?" if near else "name a campaign file, such as campaigns/NAME.yaml"
            raise InvalidInput([Finding(file, 0, 0, what, fix)])
        return cls.start(path), path.resolve()
