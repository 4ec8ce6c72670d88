"""Noticing that files of the workspace have changed: told by the system, and looked at once a minute all the same."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from watchfiles import Change, awatch

from mmsflow.clock import Clock
from mmsflow.delivery.resting import rest

FOLDERS = ("campaigns", "lists", "templates", "media")
SETTINGS_FILE = "mmsflow.toml"
RELIST_SECONDS = 60.0
_OWN = frozenset({".runs"})  # what we write beside campaigns ourselves


class Watch:
    """Follows the files that campaigns are made of.

    Args:
        workspace: absolute folder; none of its folders need exist yet.
        clock: for the regular look, which finds what network file systems do not tell.
        every: seconds between two such looks.
    """

    def __init__(self, workspace: Path, clock: Clock, every: float = RELIST_SECONDS) -> None:
        self._workspace, self._clock, self._every = workspace, clock, every
        self._seen: frozenset[tuple[str, int, int]] = frozenset()
        self._look = asyncio.Event()

    async def follow(self, changed: Callable[[], None]) -> None:
        """Call ``changed`` at the beginning and after each batch of changes, until cancelled."""
        self._seen = await asyncio.to_thread(self._listing)
        changed()  # what changed since somebody read the files is in this listing already: no later look would find it
        following: asyncio.Task[None] | None = None
        top = asyncio.ensure_future(self._told(changed, self._workspace, top=True))
        watched: tuple[Path, ...] = ()
        try:
            while True:
                there = tuple(path for name in FOLDERS if (path := self._workspace / name).is_dir())
                if there and (following is None or following.done() or there != watched):
                    await _end(following)
                    watched, following = there, asyncio.ensure_future(self._told(changed, *there))
                if top.done():
                    top = asyncio.ensure_future(self._told(changed, self._workspace, top=True))
                await rest(self._clock, self._look, self._every)
                await self._relist(changed)
        finally:
            await _end(top)
            await _end(following)

    async def _relist(self, changed: Callable[[], None]) -> None:
        seen = await asyncio.to_thread(self._listing)
        if seen != self._seen:
            self._seen = seen
            changed()

    async def _told(self, changed: Callable[[], None], *paths: Path, top: bool = False) -> None:
        """What the system tells. Where it cannot (too many watches, a folder that is gone), we look ourselves."""
        wanted = self._of_the_top if top else _of_a_folder
        with suppress(OSError, RuntimeError):
            async for _ in awatch(*paths, recursive=not top, watch_filter=wanted):
                self._seen = await asyncio.to_thread(self._listing)
                self._look.set()  # a folder may have come
                changed()

    def _of_the_top(self, _: Change, path: str) -> bool:
        return Path(path).name in (*FOLDERS, SETTINGS_FILE)

    def _listing(self) -> frozenset[tuple[str, int, int]]:
        return frozenset(self._files())

    def _files(self) -> Iterator[tuple[str, int, int]]:
        for name in FOLDERS:
            for folder, folders, files in os.walk(self._workspace / name):
                folders[:] = [each for each in folders if each not in _OWN]
                for file in files:
                    yield from _stamp(Path(folder) / file)
        yield from _stamp(self._workspace / SETTINGS_FILE)


def _of_a_folder(_: Change, path: str) -> bool:
    return not _OWN.intersection(Path(path).parts)


def _stamp(path: Path) -> Iterator[tuple[str, int, int]]:
    with suppress(OSError):
        facts = path.stat()
        yield str(path), facts.st_mtime_ns, facts.st_size


async def _end(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
