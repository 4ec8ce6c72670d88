"""An error nobody foresaw: one line for the person, and a log to attach to a bug report."""

from __future__ import annotations

import os
import platform
import re
import tempfile
import traceback
from pathlib import Path

from mmsflow import __version__
from mmsflow.cli.output import say
from mmsflow.secret import blotted

_NUMBER = re.compile(r"(?<!\d)(?:\+?48[ .-]?)?\d{3}[ .-]?\d{3}[ .-]?(\d{3})(?!\d)")


def report_crash(error: Exception) -> int:
    """Write the log and say where it is; returns the exit code.

    Arguments and local values stay out of it, secrets of the environment and phone numbers are blotted out.
    """
    text = "".join(traceback.format_exception(error))
    for name, value in os.environ.items():
        if name.startswith("MMSFLOW_") and "SECRET" in name and len(value) > 3:
            text = text.replace(value, "••••")
    text = _NUMBER.sub(r"…\1", blotted(text))
    facts = f"mmsflow {__version__}, Python {platform.python_version()}, {platform.system()}\n\n"
    say(f"error  something unforeseen happened: {type(error).__name__}")
    try:
        descriptor, path = tempfile.mkstemp(prefix="mmsflow-crash-", suffix=".log")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(facts + text)
    except OSError as second:  # the disk may be full, which is perhaps why
        for line in text.splitlines():
            say(line)
        say(f"fix    please report it with the lines above ({second.strerror}: they could not be kept in a file);")
        say("       runs are safe and can be continued")
        return 1
    say(f"fix    please report it and attach {Path(path)}; runs are safe and can be continued")
    return 1
