"""``mmsflow daemon``: campaigns run by themselves, until a signal asks to stop."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from mmsflow.cli.output import colourful, say
from mmsflow.cli.session import Session
from mmsflow.daemon.logs import logging_to
from mmsflow.daemon.service import Service, serve
from mmsflow.daemon.systemd import Notifier
from mmsflow.errors import UsageError
from mmsflow.notifying.channels import channels_of
from mmsflow.settings import SETTINGS_FILE, Settings
from mmsflow.web.server import serving, sign_in_link
from mmsflow.workflow.purge import refuse_short_memory

_INTERRUPTED = 130
_FORMATS = ("auto", "console", "json")


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonOptions:
    """How the daemon runs; see the options of ``daemon``. What is empty or None is as the settings say."""

    waits: bool
    host: str
    port: int | None
    web: bool
    log_format: str


def daemon(options: DaemonOptions) -> int:
    """Run the workspace's campaigns; returns the exit code."""
    session = Session.start()
    settings = _in_force(session.settings, options)
    _refuse_what_cannot_work(session.workspace, settings)
    refuse_short_memory(settings)
    channels = channels_of(settings, session.clock)
    on_terminal = sys.stderr.isatty()
    as_json = settings.log_format == "json" or (settings.log_format == "auto" and not on_terminal)

    def ready(address: str) -> None:
        if on_terminal:
            say(f"the web page is at {sign_in_link(address, settings)}" if address else "there is no web page")
            say("Ctrl-C stops gently, a second one at once; runs are safe and go on with the next start")

    with logging_to(
        sys.stderr, session.clock, as_json=as_json, level=settings.log_level, colours=colourful(sys.stderr)
    ) as log:
        service = Service(
            settings=settings,
            clock=session.clock,
            log=log,
            notifier=Notifier.of(os.environ),
            channels=channels,
            page=serving if options.web else None,
            ready=ready,
            waits=options.waits,
        )
        return 0 if asyncio.run(serve(service)) else _INTERRUPTED


def _in_force(settings: Settings, options: DaemonOptions) -> Settings:
    if options.log_format and options.log_format not in _FORMATS:
        raise UsageError(f"there is no log format {options.log_format}", f"choose one of: {', '.join(_FORMATS)}")
    return replace(
        settings,
        web_host=options.host or settings.web_host,
        web_port=settings.web_port if options.port is None else options.port,
        log_format=options.log_format or settings.log_format,
    )


def _refuse_what_cannot_work(workspace: Path, settings: Settings) -> None:
    """Before anything is taken or opened.

    Raises:
        UsageError: no workspace, no gateway, or no credentials for it.
    """
    if not (workspace / SETTINGS_FILE).is_file() and not (workspace / "campaigns").is_dir():
        raise UsageError(
            f"{workspace} is no workspace: it has neither {SETTINGS_FILE} nor campaigns/",
            "go to your workspace, name it with MMSFLOW_WORKSPACE, or make one with `mmsflow init DIR`",
            cause="no_workspace",
        )
    _ = settings.credentials
