"""Opening the user's files: inside the workspace only, regular files only, whatever the path says.

Lists, templates and media name files in a campaign, and a name may come from a row of a list; so every path is
untrusted until it is open.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import ExitStack
from difflib import get_close_matches
from pathlib import Path
from typing import BinaryIO

from mmsflow.errors import Finding, InvalidInput

_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: opening a FIFO must not wait for its writer; what was opened is looked at before it is read.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def open_inside(workspace: Path, relative: str) -> BinaryIO:
    """Open a regular file of the workspace for reading.

    Symlinks that stay inside the workspace are followed. The path is resolved first and then walked folder by
    folder without following anything, so a link that is swapped in between leads nowhere.

    Args:
        workspace: the workspace's root.
        relative: path below it, with ``/``; any text at all.

    Returns:
        An unbuffered binary file; the caller closes it.

    Raises:
        InvalidInput: one finding that names ``relative``: not there, outside, not a regular file, no permission.
    """
    try:
        root = workspace.resolve(strict=True)
        inside = _resolve(root, relative)
        descriptor = _walk(root, inside)
    except (OSError, RuntimeError, ValueError) as error:
        raise _refusal(workspace, relative, error) from error
    return _regular(descriptor, relative)


def _resolve(root: Path, relative: str) -> Path:
    """The file's real path below ``root``; ValueError where it is not below it."""
    if not relative or os.path.isabs(relative):  # noqa: PTH117 - the text is judged before it becomes a path
        raise ValueError("the path must be relative to the workspace")
    # Raises ValueError for a path outside and for a NUL byte, RuntimeError for links that go in circles.
    return (root / relative).resolve(strict=True).relative_to(root)


def _walk(root: Path, inside: Path) -> int:
    with ExitStack() as folders:
        here = os.open(root, _FOLDER)
        folders.callback(os.close, here)
        for folder in inside.parts[:-1]:
            here = os.open(folder, _FOLDER, dir_fd=here)
            folders.callback(os.close, here)
        return os.open(inside.name or ".", _FILE, dir_fd=here)


def _regular(descriptor: int, relative: str) -> BinaryIO:
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(descriptor, "rb", buffering=0)
    os.close(descriptor)
    kind = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
    raise _invalid(relative, f"it is {kind}", "name a file inside the workspace")


def _refusal(workspace: Path, relative: str, error: Exception) -> InvalidInput:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return _invalid(relative, "no such file", _did_you_mean(workspace, relative))
    if isinstance(error, PermissionError):
        return _invalid(relative, "no permission to read it", "let the user who runs mmsflow read it")
    if isinstance(error, ValueError):
        return _invalid(relative, "it is outside the workspace", "copy it into the workspace and name it from there")
    if isinstance(error, RuntimeError) or (isinstance(error, OSError) and error.errno == errno.ELOOP):
        return _invalid(relative, "its symbolic link leads nowhere safe", "put the file itself there")
    reason = error.strerror if isinstance(error, OSError) else None
    return _invalid(relative, f"it cannot be opened: {reason or 'unknown reason'}", "look at the path and the disk")


def _did_you_mean(workspace: Path, relative: str) -> str:
    folder, _, name = relative.rpartition("/")
    try:
        if not (workspace / folder).resolve().is_relative_to(workspace.resolve()):
            return "create it, or mend the path"
        names = [entry.name for entry in (workspace / folder).iterdir()]
    except (OSError, RuntimeError, ValueError):
        return f"there is no folder {folder!r}; paths are relative to the workspace"
    near = get_close_matches(name, names, n=1)
    return f"did you mean {f'{folder}/' if folder else ''}{near[0]}?" if near else "create it, or mend the path"


def _invalid(relative: str, message: str, fix: str) -> InvalidInput:
    shown = relative if relative.isprintable() and relative else repr(relative)
    return InvalidInput([Finding(shown[:200], 0, 0, message, fix)])
