"""Preparing a campaign beside the event loop, so that the gateway's connections and other terminals are served on."""

from __future__ import annotations

import asyncio
from collections.abc import Container
from contextlib import suppress
from pathlib import Path
from threading import Event

from mmsflow.campaign.load import LoadedCampaign
from mmsflow.workflow.intake import Intake
from mmsflow.workflow.prepare import Fitting, Prepared, Progress, Seen, prepare


class _Stopped(Exception):
    """Ends the thread from within."""


async def prepare_aside(
    path: Path,
    workspace: Path,
    *,
    already_sent: Container[str] = (),
    progress: Progress | None = None,
    fitting: Fitting | None = None,
    intake: Intake | None = None,
    seen: Seen | None = None,
    loaded: LoadedCampaign | None = None,
) -> Prepared:
    """As ``prepare``, in a thread; ``progress``, ``fitting`` and ``seen`` are called there.

    A cancellation ends the thread and its worker processes before it goes on: at the next 500 rows, or within a tenth
    of a second while pictures are fitted.
    """
    stopped = Event()

    def rows(count: int) -> None:
        _heed(stopped)
        if progress:
            progress(count)

    def pictures(done: int, total: int) -> None:
        _heed(stopped)
        if fitting:
            fitting(done, total)

    work = asyncio.ensure_future(
        asyncio.to_thread(
            prepare,
            path,
            workspace,
            already_sent=already_sent,
            progress=rows,
            fitting=pictures,
            intake=intake,
            seen=seen,
            loaded=loaded,
        )
    )
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        stopped.set()
        with suppress(Exception):  # whatever else it found is of no interest any more
            (await work).draft.close()
        raise


def _heed(stopped: Event) -> None:
    if stopped.is_set():
        raise _Stopped
