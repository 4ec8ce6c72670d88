"""The attachments of a campaign: files as they are, pictures made to fit, codes drawn; each distinct one once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TypeVar, cast

from mmsflow.campaign.amounts import DEFAULT_BUDGET, Budget
from mmsflow.errors import InvalidInput
from mmsflow.media.cache import MediaCache
from mmsflow.media.files import read_file, wire_name
from mmsflow.media.fitting import Fitter, Made, Picture, Told, Wish
from mmsflow.media.kinds import other_type, picture_kind
from mmsflow.media.model import Code, Frame, SentPart
from mmsflow.media.problem import Unusable, refused
from mmsflow.media.store import MemoryStore, PartStore
from mmsflow.media.unfitted import unfitted_type
from mmsflow.media.workers import Job, Workers
from mmsflow.mms.content import KIB, Part

__all__ = ["MediaLibrary", "wire_name"]

T = TypeVar("T")

_ENDINGS = {"image/jpeg": "jpg", "image/png": "png", "image/gif": "gif"}
_CODES_A_JOB = 25
_DENSE_VERSION = 10  # 57 modules a side: at arm's length on a small screen cameras begin to fail


@dataclass(frozen=True, slots=True)
class Original:
    """A file that was used, as it stands in the workspace."""

    sha256: str
    size_bytes: int


@dataclass(slots=True)
class _Warnings:
    places: set[str] = field(default_factory=set)
    dense_codes: int = 0


class MediaLibrary:
    """What the messages of one campaign attach. Their bytes go into a store; the library remembers facts only.

    Attributes:
        budget: of each message.
        originals: every file that was used, by path as the campaign or a row names it.
    """

    def __init__(
        self, workspace: Path, budget: Budget = DEFAULT_BUDGET, store: PartStore | None = None, told: Told | None = None
    ) -> None:
        """
        Args:
            workspace: folder that paths start from.
            budget: of each message.
            store: where parts are kept; in memory when not given.
            told: several times a second, while pictures are fitted or codes are drawn.
        """
        self.budget = budget
        self.originals: dict[str, Original] = {}
        self._workspace = workspace
        self._store = store or MemoryStore()
        self._told = told or (lambda _done, _total: None)
        self._progress = (0, 0)
        self._workers = Workers(lambda: self._told(*self._progress))
        self._cache = MediaCache(workspace)
        frame = Frame(budget.width, budget.height)
        self._fitter = Fitter(frame, self._reread, self._workers, self._cache, self._count)
        self._pictures: dict[str, Picture | InvalidInput | None] = {}
        self._parts: dict[str, SentPart | InvalidInput] = {}
        self._warnings = _Warnings()

    def __enter__(self) -> MediaLibrary:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the workers; what was kept can still be read. Again is harmless."""
        self._workers.close()
        self._cache.trim()

    def part(self, path: str) -> SentPart:
        """The file at ``path`` below the workspace as a part, byte for byte.

        Raises:
            InvalidInput: one finding: not there, outside, not a medium that an MMS carries, or too large.
        """
        if path not in self._parts:
            self._parts[path] = _or_error(lambda: self._as_it_is(path))
        return _or_raise(self._parts[path])

    def picture(self, path: str) -> Picture | None:
        """The file as a picture to be fitted, None where it is a sound, a film, a card or a text.

        Raises:
            InvalidInput: one finding: not there, outside, or not a medium that an MMS carries.
        """
        if path not in self._pictures:
            self._pictures[path] = _or_error(lambda: self._known_picture(path))
        return _or_raise(self._pictures[path])

    def fit(self, wishes: Iterable[Wish]) -> Mapping[Wish, list[SentPart] | InvalidInput]:
        """The pictures of each wish as parts that together take its bytes at most, or one finding that says why not."""
        return {wish: self._kept(wish, made) for wish, made in self._fitter.fit(list(dict.fromkeys(wishes)))}

    def draw(self, texts: Sequence[str], *, shared: bool = False) -> list[SentPart | Unusable]:
        """A QR code for each text, in their order.

        Args:
            shared: the codes are the same for everybody.
        """
        distinct = list(dict.fromkeys(texts))
        chunks = [tuple(distinct[at : at + _CODES_A_JOB]) for at in range(0, len(distinct), _CODES_A_JOB)]
        jobs = [Job(chunk, "draw", lambda chunk=chunk: (chunk,)) for chunk in chunks]  # type: ignore[misc]
        drawn: dict[str, SentPart | Unusable] = {}
        for chunk, result in self._workers.run(jobs):
            chunk_texts = cast("tuple[str, ...]", chunk)
            codes = cast("list[Code | Unusable] | Unusable", result)
            each = [codes] * len(chunk_texts) if isinstance(codes, Unusable) else codes
            drawn.update(zip(chunk_texts, self._kept_codes(each, shared=shared), strict=True))
        return [drawn[text] for text in texts]

    def add(self, part: Part) -> SentPart:
        """Keep a part that was made elsewhere."""
        self._store.add_parts([part])
        return SentPart(part.content_type, part.filename, part.sha256, part.size_bytes)

    def bytes_of(self, sha256: str) -> bytes:
        """The content behind a laid-out part, by its digest."""
        return self._store.content(sha256)

    def warnings(self) -> list[str]:
        """A sentence for each thing that can be sent but should be known."""
        found = [f"{path} says in its EXIF where it was taken, and `fit: false` sends that along" for path in
                 sorted(self._warnings.places)]  # fmt: skip
        if count := self._warnings.dense_codes:
            noun = "QR code is" if count == 1 else "QR codes are"
            found.append(f"{count} {noun} so dense that not every camera reads them from a screen; shorten the text")
        return found

    @property
    def processes(self) -> list[int]:
        """The ids of the worker processes that live now."""
        return self._workers.processes

    def _count(self, done: int, total: int) -> None:
        self._progress = (done, total)
        self._told(done, total)

    def _read(self, path: str) -> bytes:
        data = read_file(self._workspace, path)
        original = Original(hashlib.sha256(data).hexdigest(), len(data))
        if self.originals.setdefault(path, original) != original:
            raise refused(path, "it was changed while it was read", "start again")
        return data

    def _reread(self, picture: Picture) -> bytes:
        return self._read(picture.path)

    def _known_picture(self, path: str) -> Picture | None:
        data = self._read(path)
        kind = picture_kind(path, data)
        return Picture(path, kind, self.originals[path].sha256) if kind else None

    def _as_it_is(self, path: str) -> SentPart:
        data = self._read(path)
        most = self.budget.size_bytes
        if kind := picture_kind(path, data):
            content_type, has_place = unfitted_type(path, data, kind, whole=len(data) <= most)
            if has_place:
                self._warnings.places.add(path)
        else:
            content_type = other_type(path, data)
        if len(data) > most:
            what = f"it has {len(data) / KIB:.0f} KiB, an MMS carries {most // KIB} KiB in all"
            fix = "leave `fit: false` out, or save it smaller" if kind else "save it shorter or at a lower quality"
            raise refused(path, what, fix)
        return self.add(Part(content_type, wire_name(path), data))

    def _kept(self, wish: Wish, made: list[Made] | InvalidInput) -> list[SentPart] | InvalidInput:
        if isinstance(made, InvalidInput):
            return made
        return [
            self.add(Part(each.content_type, wire_name(picture.path, _ENDINGS[each.content_type]), each.data))
            for picture, each in zip(wish.pictures, made, strict=True)
        ]

    def _kept_codes(self, codes: Sequence[Code | Unusable], *, shared: bool) -> list[SentPart | Unusable]:
        parts = [code if isinstance(code, Unusable) else Part("image/png", "qr.png", code.png) for code in codes]
        self._store.add_parts([part for part in parts if isinstance(part, Part)], drawn=not shared)
        self._warnings.dense_codes += sum(isinstance(code, Code) and code.version > _DENSE_VERSION for code in codes)
        return [
            SentPart(part.content_type, part.filename, part.sha256, part.size_bytes) if isinstance(part, Part) else part
            for part in parts
        ]


def _or_error(read: Callable[[], T]) -> T | InvalidInput:
    try:
        return read()
    except InvalidInput as error:
        return error


def _or_raise(known: T | InvalidInput) -> T:
    if isinstance(known, InvalidInput):
        raise known
    return known
