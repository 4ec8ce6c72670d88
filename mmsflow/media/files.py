"""Reading attachments: inside the workspace only, bounded, and named for the wire."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path, PurePosixPath

from mmsflow.media.problem import refused
from mmsflow.mms.content import KIB
from mmsflow.mms.workspace_files import open_inside

# Larger files are refused unread: a photograph of 50 megapixels has less.
_READ_LIMIT_BYTES = 64 * KIB * KIB


def read_file(workspace: Path, path: str) -> bytes:
    """The content of a file below the workspace, 64 MiB at most.

    Raises:
        InvalidInput: one finding: not there, outside, cannot be read, or too large.
    """
    pieces, size = [], 0
    with open_inside(workspace, path) as file:
        try:
            while piece := file.read(KIB * KIB):
                pieces.append(piece)
                size += len(piece)
                if size > _READ_LIMIT_BYTES:
                    what = f"it has more than {_READ_LIMIT_BYTES // KIB // KIB} MiB"
                    raise refused(path, what, "attach a smaller file")
        except OSError as error:
            raise refused(path, f"it cannot be read: {error.strerror}", "look at its disk") from None
    return b"".join(pieces)


def wire_name(path: str, ending: str = "") -> str:
    """A file name for the wire: ASCII letters, digits, dot, hyphen and underscore, at most 64 of them.

    Args:
        path: as the campaign names it.
        ending: without its dot, in place of the file's own where that says another kind.
    """
    stem, dot, own = PurePosixPath(path).name.removesuffix(".j2").rpartition(".")
    if not dot:
        stem, own = own, ""
    stem, own = _plain(stem) or "part", _plain(own)
    if ending and own.lower() not in _SAME_ENDINGS.get(ending, {ending}):
        own = ending
    return f"{stem[: 63 - len(own)]}.{own}" if 0 < len(own) < 16 else stem[:64]


_SAME_ENDINGS = {"jpg": {"jpg", "jpeg", "jpe"}}


def _plain(text: str) -> str:
    # Ł and ł have no decomposition, so normalisation alone would drop them.
    normal = unicodedata.normalize("NFKD", text.replace("ł", "l").replace("Ł", "L"))
    return re.sub(r"[^A-Za-z0-9._-]+", "-", normal.encode("ascii", "ignore").decode()).strip("-.")
