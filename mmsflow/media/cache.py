"""Results of the workers, kept by what they were made of: the input's digest, the parameters, the algorithm's version.

Each entry is a file of its own: the SHA-256 of the rest in its first 32 bytes, then the rest. One that is torn or was
tampered with is not believed. A folder that cannot be written means no cache and nothing worse.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from mmsflow.mms.private_files import discard_draft, make_private_folder, open_draft

FOLDER = Path(".mmsflow") / "cache" / "media"
MOST_BYTES = 256 << 20
_DIGEST = 32


def cache_key(*facts: object) -> str:
    """Hex SHA-256 over what a result was made of."""
    return hashlib.sha256(repr(facts).encode()).hexdigest()


class MediaCache:
    """Byte strings by key, in a workspace."""

    def __init__(self, workspace: Path, most_bytes: int = MOST_BYTES) -> None:
        self._folder = workspace / FOLDER
        self._most_bytes = most_bytes
        self._wrote = False

    def get(self, key: str) -> bytes | None:
        """What was put under the key, None when it is not there or not whole."""
        path = self._folder / key
        try:
            content = path.read_bytes()
        except OSError:
            return None
        if hashlib.sha256(content[_DIGEST:]).digest() != content[:_DIGEST]:
            return None
        with suppress(OSError):
            os.utime(path)  # what was used lately is kept longest
        return content[_DIGEST:]

    def put(self, key: str, value: bytes) -> None:
        """Keep it if that can be done: whole or not at all, 0600."""
        draft = None
        try:
            make_private_folder(self._folder)
            descriptor, draft = open_draft(self._folder, key)
            with os.fdopen(descriptor, "wb") as file:
                file.write(hashlib.sha256(value).digest() + value)
                file.flush()
                draft.replace(self._folder / key)
            self._wrote = True
        except OSError:
            if draft:
                discard_draft(draft)

    def trim(self) -> None:
        """Remove what was not used for longest until the rest is small enough."""
        if not self._wrote:
            return
        with suppress(OSError):
            entries = []
            for entry in os.scandir(self._folder):
                facts = entry.stat(follow_symlinks=False)
                entries.append((facts.st_mtime_ns, facts.st_size, entry.path))
            total = sum(size for _, size, _ in entries)
            for _, size, path in sorted(entries):
                if total <= self._most_bytes:
                    return
                Path(path).unlink(missing_ok=True)
                total -= size
