"""The entry point: runs a command and turns every error into an exit code, an explanation and a way out."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import NoReturn

import typer

from mmsflow.errors import MmsflowError

INTERRUPTED = 130


def main() -> NoReturn:
    """Run the command line and exit with its code."""
    from mmsflow.cli.app import app

    try:
        code = app(prog_name="mmsflow", standalone_mode=False)
    except MmsflowError as error:
        code = _shown(error)
    except typer.TyperException as error:
        from mmsflow.cli.output import show_usage

        show_usage(error)
        code = error.exit_code
    except (typer.Abort, KeyboardInterrupt) as error:
        _say("\n".join(["interrupted", *getattr(error, "__notes__", ())]))
        code = INTERRUPTED
    except BrokenPipeError:
        code = 1  # whoever read our output has left
    except Exception as error:
        from mmsflow.cli.crash import report_crash

        code = report_crash(error)
    sys.exit(_let_go(code if isinstance(code, int) else 0))


def _shown(error: MmsflowError) -> int:
    """Show what a command ended with; its exit code, also where that cannot be shown."""
    from mmsflow.cli.output import OutputFailed, show_error

    try:
        show_error(error, as_json="--json" in sys.argv and not isinstance(error, OutputFailed))
    except (OSError, MmsflowError):  # stdout is gone: the document is lost, people are still told
        show_error(error, as_json=False)
    return error.exit_code


def _say(text: str) -> None:
    from mmsflow.cli.output import say

    say(text)


def _let_go(code: int) -> int:
    """Write what is still buffered; where that fails it must not fail once more at exit, nor hide another code."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            code = code or int(stream is sys.stdout)
    return code
