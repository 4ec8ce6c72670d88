"""Files that appear all at once, or not at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, TextIO


class Drafts(ExitStack):
    """Files in the making beside their final names, mode 0600; ``publish`` puts them in place when all are whole.

    A report that somebody reads is therefore never half written, and one that fails leaves the earlier one alone.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._files: list[tuple[TextIO | BinaryIO, Path, Path]] = []

    def open(self, name: str, encoding: str = "utf-8") -> TextIO:
        """A text file that becomes ``name``; what has no place in the encoding is written as a question mark."""
        handle, draft = self._draft(name)
        file = self.enter_context(os.fdopen(handle, "w", encoding=encoding, errors="replace", newline=""))
        self._files.append((file, draft, self._folder / name))
        return file

    def open_binary(self, name: str) -> BinaryIO:
        """A file of bytes that becomes ``name``."""
        handle, draft = self._draft(name)
        file = self.enter_context(os.fdopen(handle, "w+b"))
        self._files.append((file, draft, self._folder / name))
        return file

    def scratch_folder(self) -> Path:
        """A folder for what is needed only while the files are made; its owner alone can look into it."""
        return Path(self.enter_context(tempfile.TemporaryDirectory(dir=self._folder, prefix=".scratch.")))

    def _draft(self, name: str) -> tuple[int, Path]:
        handle, path = tempfile.mkstemp(dir=self._folder, prefix=f".{name}.", suffix=".draft")
        draft = Path(path)
        self.callback(draft.unlink, missing_ok=True)
        return handle, draft

    def publish(self) -> dict[str, Path]:
        """Make every draft durable and give it its name; the paths by file name."""
        for file, _, _ in self._files:
            file.flush()
            os.fsync(file.fileno())
            file.close()
        for _, draft, path in self._files:
            draft.replace(path)
        return {path.name: path for _, _, path in self._files}
