"""What mmsflow writes beside the user's files: for its owner only, whatever the umask, and never half written."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


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
    path: Path, *, encoding: str = "utf-8", newline: str | None = "", errors: str = "replace"
) -> Iterator[TextIO]:
    """A text file (0600) to write to, which gets its name when the block has ended well; see ``write_private``.

    What has no place in the encoding is written as a question mark, unless ``errors`` says otherwise.

    Raises:
        OSError: it cannot be written; what stood there is untouched.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.", suffix=".draft")
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding=encoding, errors=errors, newline=newline) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
