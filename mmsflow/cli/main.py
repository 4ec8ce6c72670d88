"""The entry point: runs a command and turns every error into an exit code, an explanation and a way out."""

from __future__ import annotations

import os
import sys
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
        from mmsflow.cli.output import show_error

        show_error(error, as_json="--json" in sys.argv)
        code = error.exit_code
    except typer.TyperException as error:
        from mmsflow.cli.output import show_usage

        show_usage(error)
        code = error.exit_code
    except (typer.Abort, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
        code = INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has left; what is still buffered must not fail once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except Exception as error:
        from mmsflow.cli.crash import report_crash

        code = report_crash(error)
    sys.exit(code if isinstance(code, int) else 0)
