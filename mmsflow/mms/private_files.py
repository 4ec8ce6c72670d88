"""What mmsflow writes beside the user's files: for its owner only, whatever the umask, and never half written.

Everything is written to a draft first, which gets its name when it is whole. A process that is killed leaves its draft
behind. Each draft is locked as long as its process lives (``flock``, which the kernel drops however the process ends),
so the next writer of the same file can tell a dead draft from a living one and removes it. Neither an age nor a
process id has to be judged.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

_MADE_UP = r"[a-z0-9_]{8}"  # what tempfile puts into a name
_LONGEST_NAME = 100


def make_private_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing too, each 0700; one that exists is left as it is.

    ``Path.mkdir(mode=…, parents=True)`` gives the mode to the last one only: under an open umask anybody could put
    another folder in its place.

    Raises:
        OSError: it cannot be made, or something else stands there.
    """
    missing = []
    for each in (folder, *folder.parents):
        if each.is_dir():
            break
        missing.append(each)
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)


def write_private(path: Path, text: str) -> None:
    """Write a text file (0600) that appears whole and durable, or not at all; a link of that name is replaced.

    Raises:
        OSError: it cannot be written; what stood there is untouched.
    """
    with private_draft(path, newline=None, errors="strict") as file:
        file.write(text)


@contextmanager
def private_draft(
    path: Path, *, encoding: str = "utf-8", newline: str | None = "", errors: str = "replace", mode: int = 0o600
) -> Iterator[TextIO]:
    """A text file to write to, which gets its name when the block has ended well; see ``write_private``.

    What has no place in the encoding is written as a question mark, unless ``errors`` says otherwise. Drafts of the
    same name that killed processes left are removed.

    Raises:
        OSError: it cannot be written; what stood there is untouched.
    """
    sweep_drafts(path.parent, [path.name])
    descriptor, draft = open_draft(path.parent, path.name)
    try:
        with os.fdopen(descriptor, "w", encoding=encoding, errors=errors, newline=newline) as file:
            os.fchmod(descriptor, mode)
            yield file
            file.flush()
            os.fsync(file.fileno())
            draft.replace(path)
    finally:
        discard_draft(draft)


def open_draft(folder: Path, name: str) -> tuple[int, Path]:
    """Make an empty draft (0600) of ``name``, locked until its descriptor is closed; descriptor and path.

    Raises:
        OSError: it cannot be made.
    """
    while True:
        descriptor, path = tempfile.mkstemp(dir=folder, prefix=f".{name[:_LONGEST_NAME]}.", suffix=".draft")
        with suppress(OSError):  # a file system without locks: nobody can tell then, and so nobody sweeps
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor, Path(path)
        os.close(descriptor)  # somebody swept it between our making and our locking it


def discard_draft(draft: Path) -> None:
    """Remove a draft that is not needed; silent where it cannot be removed, since the next writer sweeps it.

    It runs after a failure as well, and must not take its place.
    """
    with suppress(OSError):
        draft.unlink(missing_ok=True)


def lock_folder(folder: Path) -> int | None:
    """Lock a folder of drafts until the descriptor is closed; None where the file system has no locks."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return descriptor
    os.close(descriptor)
    return None


def sweep_drafts(folder: Path, names: Iterable[str], scratch: str = "") -> list[Path]:
    """Remove the drafts that killed processes have left in a folder, and nothing else.

    Args:
        names: of the files whose drafts are meant.
        scratch: beginning of the names of scratch folders; none are looked for when empty.

    Returns:
        What was removed. What cannot be looked at or removed stays, without an error.
    """
    wanted = "|".join(re.escape(name[:_LONGEST_NAME]) for name in names)
    files = re.compile(rf"\.(?:{wanted})\.{_MADE_UP}\.draft")
    folders = re.compile(rf"{re.escape(scratch)}{_MADE_UP}") if scratch else None
    removed = []
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            is_file = bool(files.fullmatch(entry.name)) and entry.is_file(follow_symlinks=False)
            is_folder = bool(folders and folders.fullmatch(entry.name)) and entry.is_dir(follow_symlinks=False)
            if (is_file or is_folder) and _removed_if_dead(Path(entry.path)):
                removed.append(Path(entry.path))
    return removed


def _removed_if_dead(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if os.fstat(descriptor).st_uid != os.geteuid():
            return False
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    except OSError:  # locked: its process lives
        return False
    finally:
        os.close(descriptor)
    return True
