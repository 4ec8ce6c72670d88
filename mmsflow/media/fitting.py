"""Pictures made to fit: looked at, measured and made in the workers, each step once for each distinct input."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Protocol, TypeVar, cast

from mmsflow.errors import InvalidInput
from mmsflow.media.cache import MediaCache, cache_key
from mmsflow.media.model import CONTENT_TYPES, Candidate, Frame, Look
from mmsflow.media.problem import Unusable
from mmsflow.media.solver import allowances, choose
from mmsflow.media.workers import Job, Workers
from mmsflow.mms.content import KIB

VERSION = 1
"""Of the algorithm; what an older one made is not taken from the cache."""

_AT_ONCE = 16  # messages whose pictures are worked on together


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture file by content: its path, its format by content, the hex digest of the file."""

    path: str
    kind: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Made:
    """A picture as it is sent."""

    content_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Wish:
    """The pictures of one message, in order, and the bytes that they may take together."""

    pictures: tuple[Picture, ...]
    budget_bytes: int


class Reread(Protocol):
    """Gives the bytes of a picture once more, and raises InvalidInput when they are no longer the same."""

    def __call__(self, picture: Picture) -> bytes: ...


@dataclass(frozen=True, slots=True)
class _Order:
    """A call of one of the workers' functions with a picture's bytes and these arguments."""

    picture: Picture
    name: str
    arguments: tuple[object, ...]


Item = TypeVar("Item", bound=Hashable)

Told = Callable[[int, int], None]
"""Told how many pictures are done, and how many there are; what it raises ends the work."""


class Fitter:
    """Fits pictures into messages; remembers looks and measurements by content."""

    def __init__(self, frame: Frame, reread: Reread, workers: Workers, cache: MediaCache, told: Told) -> None:
        self._frame = frame
        self._reread = reread
        self._workers = workers
        self._cache = cache
        self._told = told
        self._looks: dict[str, Look | Unusable] = {}
        self._tables: dict[str, list[Candidate] | Unusable] = {}

    def fit(self, wishes: Sequence[Wish]) -> Iterator[tuple[Wish, list[Made] | InvalidInput]]:
        """Each wish with its pictures as they are sent, or with one finding that says why they cannot be."""
        for start in range(0, len(wishes), _AT_ONCE):
            yield from self._fit_some(wishes[start : start + _AT_ONCE])

    def _fit_some(self, wishes: Sequence[Wish]) -> Iterator[tuple[Wish, list[Made] | InvalidInput]]:
        pictures = {picture.sha256: picture for wish in wishes for picture in wish.pictures}
        self._look([picture for sha256, picture in pictures.items() if sha256 not in self._looks])
        measured = {
            picture.sha256: picture
            for wish in wishes
            if not self._all_kept(wish)
            for picture in wish.pictures
            if picture.sha256 not in self._tables and isinstance(self._looks[picture.sha256], Look)
        }
        self._measure(list(measured.values()))
        verdicts = {wish: self._chosen(wish) for wish in wishes}
        wanted: dict[tuple[Picture, Candidate, int], None] = {}
        for verdict in verdicts.values():
            if not isinstance(verdict, InvalidInput):
                wanted.update(dict.fromkeys(verdict))
        made = self._make(list(wanted))
        for wish, verdict in verdicts.items():
            yield wish, verdict if isinstance(verdict, InvalidInput) else _complete(verdict, made)

    def _all_kept(self, wish: Wish) -> bool:
        looks = [self._looks[picture.sha256] for picture in wish.pictures]
        kept = [look.kept for look in looks if isinstance(look, Look) and look.kept]
        return len(kept) == len(looks) and sum(kept) <= wish.budget_bytes

    def _look(self, pictures: Sequence[Picture]) -> None:
        jobs = {picture: _Order(picture, "look", (picture.kind, self._frame)) for picture in pictures}
        for picture, result in self._results(jobs, _encode_look, _decode_look):
            self._looks[picture.sha256] = cast("Look | Unusable", result)

    def _measure(self, pictures: Sequence[Picture]) -> None:
        jobs = {}
        for picture in pictures:
            look = self._looks[picture.sha256]
            kept = look.kept if isinstance(look, Look) else 0
            jobs[picture] = _Order(picture, "measure", (picture.kind, self._frame, kept))
        for done, (picture, result) in enumerate(self._results(jobs, _encode_table, _decode_table), 1):
            self._tables[picture.sha256] = cast("list[Candidate] | Unusable", result)
            self._told(done, len(jobs))

    def _chosen(self, wish: Wish) -> list[tuple[Picture, Candidate, int]] | InvalidInput:
        """For each picture its candidate and the bytes that it may take."""
        tables: list[list[Candidate]] = []
        all_kept = self._all_kept(wish)
        for picture in wish.pictures:
            look = self._looks[picture.sha256]
            if isinstance(look, Unusable):
                return look.at(picture.path)
            table = [Candidate("kept", 0, 0, 0, look.kept, 1.0)] if all_kept else self._tables[picture.sha256]
            if isinstance(table, Unusable):
                return table.at(picture.path)
            tables.append(table)
        chosen = choose(tables, wish.budget_bytes)
        if chosen is None:
            return _too_much(wish, tables)
        return list(zip(wish.pictures, chosen, allowances(chosen, wish.budget_bytes), strict=True))

    def _make(self, wanted: Sequence[tuple[Picture, Candidate, int]]) -> dict[object, Made | InvalidInput]:
        jobs = {
            (picture, chosen, bytes_): _Order(picture, "make", (picture.kind, self._frame, chosen, bytes_))
            for picture, chosen, bytes_ in wanted
        }
        made: dict[object, Made | InvalidInput] = {}
        for item, result in self._results(jobs, bytes, bytes):
            if isinstance(result, Unusable):
                made[item] = result.at(item[0].path)
            else:
                made[item] = Made(_content_type(item[0], item[1]), cast("bytes", result))
        return made

    def _results(
        self, orders: Mapping[Item, _Order], encode: Callable[..., bytes], decode: Callable[[bytes], object]
    ) -> Iterator[tuple[Item, object]]:
        """The result of each order, from the cache where it is there."""
        keys, missing = {}, []
        for item, order in orders.items():
            keys[item] = cache_key(VERSION, order.name, order.picture.sha256, *order.arguments)
            cached = self._cache.get(keys[item])
            value = _trusted(decode, cached) if cached is not None else None
            if value is None:
                missing.append(Job(item, order.name, partial(self._call, order)))
            else:
                yield item, value
        for key, result in self._workers.run(missing):
            item = cast("Item", key)
            if not isinstance(result, Unusable):
                self._cache.put(keys[item], encode(result))
            yield item, result

    def _call(self, order: _Order) -> tuple[object, ...]:
        return (self._reread(order.picture), *order.arguments)


def _content_type(picture: Picture, chosen: Candidate) -> str:
    return CONTENT_TYPES[picture.kind.lower() if chosen.way == "kept" else chosen.way]


def _complete(
    verdict: Sequence[tuple[Picture, Candidate, int]], made: dict[object, Made | InvalidInput]
) -> list[Made] | InvalidInput:
    results = [made[item] for item in verdict]
    refused = [result for result in results if isinstance(result, InvalidInput)]
    return refused[0] if refused else [result for result in results if isinstance(result, Made)]


def _too_much(wish: Wish, tables: Sequence[Sequence[Candidate]]) -> InvalidInput:
    least = sum(min(candidate.size_bytes for candidate in table) for table in tables)
    room = f"{max(wish.budget_bytes, 0) / KIB:.0f} KiB are left"
    first = wish.pictures[0]
    if len(wish.pictures) == 1:
        what = f"it needs {least / KIB:.0f} KiB at its smallest, {room}"
        return Unusable(what, "attach less beside it, shorten its animation, or raise `message.budget`").at(first.path)
    names = ", ".join(picture.path for picture in wish.pictures[:5])
    what = f"{len(wish.pictures)} pictures need {least / KIB:.0f} KiB at their smallest, {room} ({names})"
    return Unusable(what, "attach fewer pictures, or raise `message.budget`").at(first.path)


def _encode_look(look: Look) -> bytes:
    return json.dumps(asdict(look)).encode()


def _decode_look(text: bytes) -> Look:
    return Look(**json.loads(text))


def _encode_table(table: Iterable[Candidate]) -> bytes:
    return json.dumps([asdict(candidate) for candidate in table]).encode()


def _decode_table(text: bytes) -> list[Candidate]:
    return [Candidate(**facts) for facts in json.loads(text)]


def _trusted(decode: Callable[[bytes], object], cached: bytes) -> object:
    try:
        return decode(cached)
    except (ValueError, TypeError):  # whole, but of another shape
        return None
