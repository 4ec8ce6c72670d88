"""Whether the disks have room for a planned run, looked at before anything of it is written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from mmsflow.account import SIMULATOR
from mmsflow.errors import PlanRefused
from mmsflow.ledger.store import LedgerReader
from mmsflow.plan.room import Contents, FileSystem, Shortage, needs_of, shortages, size_text
from mmsflow.workflow.blocking import Blocker
from mmsflow.workflow.prepare import Prepared


def space_blocker(
    prepared: Prepared, ledger_file: Path, workspace: Path, *, account: str = "", ledger: LedgerReader | None = None
) -> Blocker | None:
    """Compare what the run would take on disks with what is free there; None where there is room, or nobody knows.

    Args:
        ledger_file: where the ledger is, or will be.
        account: that it would be sent with; the built-in simulator's record takes room, too.
        ledger: tells which parts it has already; without one all of them count.
    """
    draft, campaign = prepared.draft, prepared.loaded.campaign
    sizes = draft.part_sizes()
    known = ledger.blobs_among(sizes) if ledger is not None else set()
    contents = Contents(
        messages=draft.messages,
        aside=draft.rows - draft.messages,
        row_bytes=draft.row_bytes(),
        part_bytes=draft.drawn_bytes() + sum(size for sha256, size in sizes.items() if sha256 not in known),
        formats=campaign.report.formats,
        simulated=account == SIMULATOR,
    )
    needs = needs_of(
        contents,
        ledger=str(ledger_file.parent),
        reports=str(workspace / "reports"),
        temporary=tempfile.gettempdir(),
    )
    found = shortages([(need, _file_system(Path(need.folder))) for need in needs])
    return _blocker(found, contents.messages) if found else None


def refuse_without_room(prepared: Prepared, ledger: LedgerReader, workspace: Path, *, account: str) -> None:
    """Do nothing where there is room.

    Raises:
        PlanRefused: a disk has too little, with the numbers.
    """
    blocker = space_blocker(prepared, ledger.path, workspace, account=account, ledger=ledger)
    if blocker is not None:
        raise PlanRefused(blocker.message, blocker.fix, cause="disk_space")


def _blocker(found: list[Shortage], messages: int) -> Blocker:
    missing = size_text(found[0].needed - found[0].free)
    noun = "message" if messages == 1 else "messages"
    return Blocker(
        "disk_space",
        f"there is not enough room for a run of {messages} {noun}: {'; '.join(map(str, found))}",
        f"free {missing} or more there, put `ledger` or TMPDIR on another disk, or send in parts; nothing was written. "
        "`mmsflow purge` removes the personal data of old runs",
    )


def _file_system(folder: Path) -> FileSystem:
    """The file system of a folder that need not exist yet; free bytes unknown where it does not say."""
    there = next((each for each in (folder, *folder.parents) if each.is_dir()), Path("/"))
    try:
        device, status = there.stat().st_dev, os.statvfs(there)
    except OSError:
        return FileSystem(0, None)
    if not status.f_blocks or not status.f_frsize:  # some network file systems know neither size nor room
        return FileSystem(device, None)
    blocks = status.f_bfree if os.geteuid() == 0 else status.f_bavail
    return FileSystem(device, blocks * status.f_frsize)
