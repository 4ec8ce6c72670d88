"""The command line, whole. Commands import what they need when they run, so that --help stays quick."""

from __future__ import annotations

from typing import Annotated

import typer

from mmsflow.cli.deciding import deciding
from mmsflow.cli.running import running
from mmsflow.cli.setting_up import setting_up
from mmsflow.cli.writing import writing

_HELP = """MMS campaigns as code: a YAML file in git, a plan against the operator's quota, and a report that accounts
for every recipient.

Start with [bold]mmsflow demo[/bold], which needs no account and no network."""

_EPILOG = """Exit codes: 0 done · 1 unforeseen · 2 usage · 3 invalid campaign, list, template or medium ·
4 gateway refused us · 5 gateway unavailable · 6 plan stale or nothing to do · 7 run not finished ·
8 another process holds the ledger · 130 interrupted."""

app = typer.Typer(
    name="mmsflow",
    help=_HELP,
    epilog=_EPILOG,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from mmsflow import __version__
        from mmsflow.cli.output import tell

        tell(f"mmsflow {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


# In the order of the help's panels.
app.add_typer(setting_up)
app.add_typer(writing)
app.add_typer(running)
app.add_typer(deciding)
