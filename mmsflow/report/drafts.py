"""Files that appear whole, or not at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, TextIO

from mmsflow.mms.private_files import discard_draft, lock_folder, open_draft, sweep_drafts

_SCRATCH = ".scratch."


class Drafts(ExitStack):
    """Files in the making beside their final names, mode 0600; ``publish`` puts each in place that is whole.

    A report that somebody reads is therefore never half written, and one that fails leaves the earlier one alone.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._files: dict[str, tuple[TextIO | BinaryIO, Path]] = {}

    def open(self, name: str, encoding: str = "utf-8") -> TextIO:
        """A text file that becomes ``name``; what has no place in the encoding is written as a question mark."""
        handle, draft = self._draft(name)
        file = os.fdopen(handle, "w", encoding=encoding, errors="replace", newline="")
        self._keep(name, file, draft)
        return file

    def open_binary(self, name: str) -> BinaryIO:
        """A file of bytes that becomes ``name``."""
        handle, draft = self._draft(name)
        file = os.fdopen(handle, "w+b")
        self._keep(name, file, draft)
        return file

    def scratch_folder(self) -> Path:
        """A folder for what is needed only while the files are made; its owner alone can look into it."""
        sweep_drafts(self._folder, (), _SCRATCH)
        temporary = tempfile.TemporaryDirectory(dir=self._folder, prefix=_SCRATCH, ignore_cleanup_errors=True)
        folder = Path(self.enter_context(temporary))
        if (lock := lock_folder(folder)) is not None:
            self.callback(os.close, lock)
        return folder

    def publish(self, *names: str) -> dict[str, Path]:
        """Make drafts durable and give them their names; the paths by file name.

        Args:
            names: those that belong together and appear together; all when none is given.

        Raises:
            OSError: one of them cannot be completed or named; what stood there is untouched.
        """
        chosen = {name: self._files[name] for name in names or self._files}
        for file, _ in chosen.values():
            file.flush()
            os.fsync(file.fileno())
        for name, (file, draft) in chosen.items():
            draft.replace(self._folder / name)
            file.close()
        return {name: self._folder / name for name in chosen}

    def _draft(self, name: str) -> tuple[int, Path]:
        sweep_drafts(self._folder, [name])
        handle, draft = open_draft(self._folder, name)
        self.callback(discard_draft, draft)
        return handle, draft

    def _keep(self, name: str, file: TextIO | BinaryIO, draft: Path) -> None:
        self.callback(_close, file)
        self._files[name] = file, draft


def _close(file: TextIO | BinaryIO) -> None:
    """Close a file whose rest may not fit on the disk any more; that was said when it was published, or fails it."""
    try:
        file.close()
    except OSError:  # the buffer's rest: the draft is thrown away
        return
