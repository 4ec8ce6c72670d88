"""How much room on disks a run needs, by file system; the factors were measured, see ``docs/operations.md``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

_MIB = 1024 * 1024

# Of a message the ledger keeps its texts and, measured, 400 to 570 bytes more: numbers, index entries, events, polls.
# What is assumed is half as much again: a message that is tried or asked for several times has more events.
_TEXT_FACTOR = 1.25
_MESSAGE_BYTES = 900
_ASIDE_BYTES = 200
_PART_FACTOR = 1.1
# All that is frozen goes through the write-ahead log once, in one transaction, before it is in the ledger's own file;
# the evidence journal, and a log that is small, are in here, too.
_LOG_FACTOR = 2
_LEDGER_FIXED = 12 * _MIB
_SIMULATOR_BYTES = 350
_SORT_BYTES = 150  # of a message, while its indexes are made
_TEMPORARY_FIXED = 4 * _MIB

_REPORT_BYTES = {"csv": 300, "json": 500, "html": 30, "xlsx": 700}  # the workbook with its temporary files
_REPORT_FIXED = 2 * _MIB
_REPORT_COPIES = 2  # a report that is written anew stands beside the one before until it is complete


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a planned run consists of.

    Attributes:
        messages, aside: rows with and without a message.
        row_bytes: what the draft keeps of all rows, without parts.
        part_bytes: parts that the ledger does not have yet.
        formats: of the report.
        simulated: the simulator in this process keeps a record of its own beside the ledger.
    """

    messages: int
    aside: int
    row_bytes: int
    part_bytes: int
    formats: Collection[str]
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class Need:
    """Room that is needed for one purpose: ``what`` for people, in ``folder``."""

    what: str
    folder: str
    needed: int


@dataclass(frozen=True, slots=True)
class FileSystem:
    """A file system, told apart by ``device``; ``free`` bytes are None where it does not say."""

    device: int
    free: int | None


@dataclass(frozen=True, slots=True)
class Shortage:
    """A file system with too little room.

    Attributes:
        needs: all that is to go there.
        needed, free: bytes.
    """

    needs: tuple[Need, ...]
    needed: int
    free: int

    def __str__(self) -> str:
        """Say it in one sentence without a full stop."""
        what = " and ".join(f"{need.what} in {need.folder}" for need in self.needs)
        return f"about {size_text(self.needed)} are needed for {what}, and {size_text(self.free)} are free there"


def needs_of(contents: Contents, *, ledger: str, reports: str, temporary: str) -> tuple[Need, ...]:
    """Estimate the room for a run until its last report, by the folder in which it is taken."""
    kept = (
        contents.row_bytes * _TEXT_FACTOR
        + contents.messages * _MESSAGE_BYTES
        + contents.aside * _ASIDE_BYTES
        + contents.part_bytes * _PART_FACTOR
    )
    simulated = contents.row_bytes + contents.messages * _SIMULATOR_BYTES if contents.simulated else 0
    rows = contents.messages + contents.aside
    report = sum(_REPORT_BYTES[name] for name in contents.formats) * rows * _REPORT_COPIES
    return (
        Need("the ledger", ledger, int(kept * _LOG_FACTOR + simulated) + _LEDGER_FIXED),
        Need("the reports", reports, report + _REPORT_FIXED),
        Need("temporary files", temporary, contents.messages * _SORT_BYTES + _TEMPORARY_FIXED),
    )


def shortages(placed: Sequence[tuple[Need, FileSystem]]) -> list[Shortage]:
    """List the file systems on which the needs that meet there have too little room, the greatest lack first."""
    together: defaultdict[int, list[tuple[Need, int]]] = defaultdict(list)
    for need, system in placed:
        if system.free is not None:
            together[system.device].append((need, system.free))
    found = []
    for each in together.values():
        needed, free = sum(need.needed for need, _ in each), min(free for _, free in each)
        if needed > free:
            found.append(Shortage(tuple(need for need, _ in each), needed, free))
    return sorted(found, key=lambda short: short.free - short.needed)


def size_text(size: int) -> str:
    """Write bytes as people read them, such as ``1.4 GiB``."""
    if size < 10 * _MIB:
        return f"{size / _MIB:.1f} MiB"
    return f"{size / _MIB:.0f} MiB" if size < 1024 * _MIB else f"{size / _MIB / 1024:.1f} GiB"
