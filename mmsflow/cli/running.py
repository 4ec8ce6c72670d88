"""The commands that carry campaigns out and show what became of them: run, test, follow, report, compare."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmsflow.cli.options import (
    RUNS,
    Adopt,
    AsJson,
    CampaignFile,
    NoWait,
    RotatedClient,
    RunName,
    SameAccount,
    SeparateAccount,
    ShowNumbers,
    Yes,
)

running = typer.Typer()


@running.command(rich_help_panel=RUNS)
def run(
    file: Annotated[str, typer.Argument(metavar="FILE|PLAN", help="A campaign file, or a plan saved by `plan --out`.")],
    yes: Yes = False,
    no_wait: NoWait = False,
    top_up: Annotated[
        bool, typer.Option("--top-up", help="A new run to those who had nothing from this campaign yet.")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="A new run to everybody, once more.")] = False,
    adopt: Adopt = False,
    same_account: SameAccount = False,
    separate_account: SeparateAccount = False,
    rotated_client: RotatedClient = False,
    other_content: Annotated[
        bool, typer.Option("--other-content", help="Send beside an unfinished run of the same file or content.")
    ] = False,
    max_messages: Annotated[
        int | None, typer.Option("--max", metavar="N", min=1, help="Refuse a run to more than N.")
    ] = None,
    show_numbers: ShowNumbers = False,
    json: AsJson = False,
) -> int:
    """Carry a campaign out: plan, ask, send, follow the delivery reports, write the report.

    The same command after a crash or Ctrl-C goes on where it was; nobody is sent to twice.
    """
    from mmsflow.cli.commands.account import AccountSaid
    from mmsflow.cli.commands.run import RunOptions
    from mmsflow.cli.commands.run import run as command

    return command(
        file,
        RunOptions(
            yes=yes,
            no_wait=no_wait,
            top_up=top_up,
            again=again,
            adopt=adopt,
            other_content=other_content,
            account=AccountSaid(same=same_account, separate=separate_account, rotated=rotated_client),
            at_most=max_messages,
            show_numbers=show_numbers,
            as_json=json,
        ),
    )


@running.command("send-test", rich_help_panel=RUNS)
def send_test(
    file: CampaignFile,
    to: Annotated[
        list[str] | None, typer.Option(metavar="NUMBER", help="A test handset; repeatable. Default: `test_recipients`.")
    ] = None,
    row: Annotated[
        int | None, typer.Option(metavar="ROW", min=1, help="Which row of the list to render; default: the first sent.")
    ] = None,
    variant: Annotated[
        str, typer.Option(metavar="NAME", help="Render the first row of this variant; default: the row's own.")
    ] = "",
    yes: Yes = False,
    json: AsJson = False,
) -> int:
    """Send one rendered message to a test handset. It counts in no history.

    While the daemon holds the ledger, the daemon sends it, and this shows what becomes of it.
    """
    from mmsflow.cli.commands.send_test import send_test as command

    return command(file, to or [], row, variant, yes=yes, as_json=json)


@running.command(rich_help_panel=RUNS)
def status(
    run: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="A run's id; default: all unfinished, else the newest.")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Show it anew every second, until Ctrl-C.")] = False,
    json: AsJson = False,
) -> int:
    """Show live counts, waves, and when a run goes on; works while another process sends."""
    from mmsflow.cli.commands.status import status as command

    return command(run, watch=watch, as_json=json)


@running.command(rich_help_panel=RUNS)
def runs(json: AsJson = False) -> int:
    """List all runs, newest first."""
    from mmsflow.cli.commands.status import runs as command

    return command(as_json=json)


@running.command(rich_help_panel=RUNS)
def why(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="A recipient's number, as you would type it.")],
    show_numbers: ShowNumbers = False,
    json: AsJson = False,
) -> int:
    """Tell one recipient's story over all runs: what happened, when, and why."""
    from mmsflow.cli.commands.why import why as command

    return command(number, show_numbers=show_numbers, as_json=json)


@running.command(rich_help_panel=RUNS)
def poll(run: RunName, json: AsJson = False) -> int:
    """Ask once more for all outstanding delivery reports of a run, and write its report anew."""
    from mmsflow.cli.commands.poll import poll as command

    return command(run, as_json=json)


@running.command(rich_help_panel=RUNS)
def report(
    run: RunName,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where to write it; default reports/RUN.")] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format", metavar="FORMAT", help="csv, html, json or xlsx; repeatable. Default: as the campaign has it."
        ),
    ] = None,
    show_numbers: ShowNumbers = False,
    json: AsJson = False,
) -> int:
    """Write a run's report anew from the ledger: CSV, XLSX, JSON and one HTML page. Needs no network."""
    from mmsflow.cli.commands.report import report as command

    return command(run, out, formats or [], show_numbers=show_numbers, as_json=json)


@running.command(rich_help_panel=RUNS)
def compare(
    first: Annotated[str, typer.Argument(metavar="RUN", help="The id of the run to start from.")],
    second: Annotated[str, typer.Argument(metavar="RUN", help="The id of the run to hold against it.")],
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the comparison as one page.")] = None,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write every number with its bucket in both runs.")
    ] = None,
    json: AsJson = False,
) -> int:
    """Hold two runs against each other: shares, failures, times, and what became of the same numbers."""
    from mmsflow.cli.commands.compare import compare as command

    return command(first, second, html, csv, as_json=json)


@running.command(rich_help_panel=RUNS)
def daemon(
    wait: Annotated[
        bool, typer.Option("--wait", help="While another process holds the ledger, wait for it and take over.")
    ] = False,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where the web page listens; default: the setting `web_host`.")
    ] = "",
    port: Annotated[
        int | None,
        typer.Option(metavar="PORT", min=0, max=65535, help="Its port, 0 for a free one; default: `web_port`."),
    ] = None,
    web: Annotated[bool, typer.Option("--web/--no-web", help="Serve the web page, or do without.")] = True,
    log_format: Annotated[
        str, typer.Option("--log-format", metavar="FORMAT", help="console, json or auto; default: `log_format`.")
    ] = "",
) -> int:
    """Run campaigns by themselves at their times, until Ctrl-C or SIGTERM.

    Only campaigns with `start` at a time, or `every`, begin by themselves, those with `approval: required` after a
    yes. Unfinished runs are gone on with; nobody is sent to twice. The log goes to stderr; SIGHUP has the files read
    again. Stopping lets what is on the wire come in; a second signal does not wait for it.
    """
    from mmsflow.cli.commands.daemon import DaemonOptions
    from mmsflow.cli.commands.daemon import daemon as command

    return command(DaemonOptions(waits=wait, host=host, port=port, web=web, log_format=log_format))
