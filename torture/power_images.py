"""What a disk may hold after a power cut: what was synced for certain, of the rest any part, torn anywhere."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Literal

from torture.power_trace import Delete, Received, Step, Sync, Truncate, Write

LEDGER = "ledger.db"
_SECTOR = 512

Loss = Literal["nothing", "everything", "tail", "writes", "sectors"]
LOSSES: tuple[Loss, ...] = ("everything", "writes", "sectors", "tail", "nothing")
"""What of the unsynced is lost: nothing of it, all, all after some instant, whole writes, or single sectors."""


@dataclass(slots=True)
class DiskFile:
    """One file: the bytes that are safe, and the steps since the last sync."""

    safe: bytearray = field(default_factory=bytearray)
    exists: bool = False  # its name is safe
    pending: list[Write | Truncate] = field(default_factory=list)

    def sync(self) -> None:
        """Everything up to now is safe."""
        for step in self.pending:
            apply(self.safe, step)
        self.pending.clear()
        self.exists = True

    def after(self, loss: Loss, rng: Random) -> bytearray | None:
        """The bytes after a power cut; None where not even the name survived."""
        if loss == "everything":
            return bytearray(self.safe) if self.exists else None
        content = bytearray(self.safe)
        for step in _survivors(self.pending, loss, rng):
            apply(content, step)
        return content


def apply(content: bytearray, step: Write | Truncate) -> None:
    """Carry one step out; a hole reads as zeros."""
    if isinstance(step, Truncate):
        del content[step.size :]
        content.extend(bytes(step.size - len(content)))
        return
    content.extend(bytes(max(0, step.offset - len(content))))
    content[step.offset : step.offset + len(step.data)] = step.data


def _survivors(pending: Sequence[Write | Truncate], loss: Loss, rng: Random) -> Iterator[Write | Truncate]:
    if loss == "tail":
        pending = pending[: rng.randint(0, len(pending))]
    for step in pending:
        if loss in {"nothing", "tail"}:
            yield step
        elif isinstance(step, Truncate) or loss == "writes":
            if rng.random() < 0.5:
                yield step
        else:
            yield from _torn(step, rng)


def _torn(step: Write, rng: Random) -> Iterator[Write]:
    at = step.offset
    while at < step.offset + len(step.data):
        end = (at // _SECTOR + 1) * _SECTOR
        if rng.random() < 0.5:
            yield Write(step.name, at, step.data[at - step.offset : end - step.offset])
        at = end


@dataclass(frozen=True, slots=True)
class Image:
    """A disk after a power cut, and the numbers that the gateway had a message for at that instant."""

    step: int
    loss: Loss
    files: dict[str, bytes]
    received: frozenset[str]


def images(steps: Sequence[Step], rng: Random, count: int, *, honest: bool = True) -> Iterator[Image]:
    """Power cuts at ``count`` instants drawn from the trace, each with another loss in turn.

    Args:
        honest: false for a disk that lies: no sync ever happened. Such images must show damage.
    """
    disk: dict[str, DiskFile] = {}
    received: set[str] = set()
    cuts = sorted(rng.randrange(len(steps)) for _ in range(count))
    done = 0
    for number, step in enumerate(steps):
        _advance(disk, received, step, honest=honest)
        while done < count and cuts[done] == number:
            loss = LOSSES[done % len(LOSSES)]
            yield Image(number, loss, _files(disk, loss, rng), frozenset(received))
            done += 1


def _advance(disk: dict[str, DiskFile], received: set[str], step: Step, *, honest: bool) -> None:
    if isinstance(step, Received):
        received.add(step.number)
        return
    file = disk.setdefault(step.name, DiskFile())
    if isinstance(step, Sync):
        if honest or not received:
            file.sync()
    elif isinstance(step, Delete):
        # SQLite folds the log into the database, and syncs it, before it removes the log.
        disk.pop(step.name)
    else:
        file.pending.append(step)


def _files(disk: dict[str, DiskFile], loss: Loss, rng: Random) -> dict[str, bytes]:
    contents = ((name, file.after(loss, rng)) for name, file in disk.items())
    return {name: bytes(content) for name, content in contents if content is not None}


def faults_of(image: Image, folder: Path) -> list[str]:
    """Write the image to ``folder``, open it as the next start would, and say what must not be."""
    for leftover in folder.iterdir():
        leftover.unlink()
    for name, content in image.files.items():
        (folder / name).write_bytes(content)
    if not image.received:
        return []
    try:
        states = _states(folder / LEDGER, image.received)
    except sqlite3.Error as error:
        return [f"the ledger is damaged: {error}"]
    unsent = any(states.get(number, "missing") in {"ready", "missing", "not_sent"} for number in image.received)
    return ["messages that the gateway has look unsent"] if unsent else []


def _states(path: Path, numbers: Iterable[str]) -> dict[str, str]:
    with closing(sqlite3.connect(path)) as connection:
        (word,) = connection.execute("PRAGMA quick_check").fetchone()
        if word != "ok":
            raise sqlite3.DatabaseError(word)
        wanted = set(numbers)
        return {number: state for number, state in connection.execute("SELECT msisdn, state FROM messages")
                if number in wanted}  # fmt: skip
