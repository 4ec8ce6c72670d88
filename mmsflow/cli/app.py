"""Every command with its options and help. Bodies import what they need when they run, so that --help stays quick."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmsflow.cli.deciding import deciding
from mmsflow.cli.options import (
    BEGIN,
    RUNS,
    SETUP,
    Adopt,
    AsJson,
    CampaignFile,
    NoWait,
    Rejects,
    RunName,
    ShowNumbers,
    Yes,
)

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

        print(f"mmsflow {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command(rich_help_panel=SETUP)
def demo(
    folder: Annotated[
        Path | None, typer.Option("--dir", metavar="DIR", help="A new folder for it; default mmsflow-demo.")
    ] = None,
) -> int:
    """Run the whole flow on a copy of the example workspace and the built-in simulator.

    Nothing leaves this machine. The path of the report stands alone on the last line.
    """
    from mmsflow.cli.commands.demo import demo as command

    return command(folder)


@app.command(rich_help_panel=SETUP)
def init(directory: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")]) -> int:
    """Make a new workspace with one small campaign that runs on the simulator."""
    from mmsflow.cli.commands.init import init as command

    return command(directory)


@app.command(rich_help_panel=BEGIN)
def check(
    files: Annotated[
        list[str] | None, typer.Argument(metavar="[FILES]...", help="Campaign files; default: all of the workspace.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Invalid, duplicate and excluded rows are errors too.")
    ] = False,
    rejects: Rejects = None,
    json: AsJson = False,
) -> int:
    """Validate campaigns, lists, templates and media, offline: every error at once, each with its place."""
    from mmsflow.cli.commands.check import check as command

    return command(files or [], rejects, strict=strict, as_json=json)


@app.command(rich_help_panel=BEGIN)
def preview(
    file: CampaignFile,
    limit: Annotated[int, typer.Option(metavar="N", min=0, help="How many of the first messages to show.")] = 3,
    to: Annotated[str, typer.Option(metavar="NUMBER", help="Show this recipient's message only.")] = "",
    row: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Show the message of this row only, of each list.")
    ] = None,
    html: Annotated[
        str, typer.Option(metavar="FILE", help="Write one page with handsets and a search, instead of showing here.")
    ] = "",
    show_numbers: ShowNumbers = False,
    json: AsJson = False,
) -> int:
    """Show what handsets would show: the first messages, and the longest and oddest ones. Sends nothing."""
    from mmsflow.cli.commands.preview import PreviewOptions
    from mmsflow.cli.commands.preview import preview as command

    return command(file, PreviewOptions(limit, to, row, html, show_numbers, json))


@app.command(rich_help_panel=BEGIN)
def plan(
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE]", help="A campaign file; default: the calendar of all campaigns.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="PLAN", help="Save the plan, to be run exactly or refused.")
    ] = None,
    rejects: Rejects = None,
    days: Annotated[
        int, typer.Option(metavar="N", min=1, max=366, help="Without FILE: how many days ahead to look.")
    ] = 14,
    json: AsJson = False,
) -> int:
    """Query the quota and show waves, dates, exclusions by reason and warnings. Sends nothing.

    Without FILE: every scheduled time and unfinished run of the workspace, all against the one quota they share.
    """
    if file is not None:
        from mmsflow.cli.commands.plan import plan as command

        return command(file, out, rejects, as_json=json)
    if out or rejects:
        from mmsflow.errors import UsageError

        raise UsageError("--out and --rejects are for the plan of one campaign", "name its file")
    from mmsflow.cli.commands.agenda import agenda

    return agenda(days, as_json=json)


@app.command(rich_help_panel=RUNS)
def run(
    file: Annotated[str, typer.Argument(metavar="FILE|PLAN", help="A campaign file, or a plan saved by `plan --out`.")],
    yes: Yes = False,
    no_wait: NoWait = False,
    top_up: Annotated[
        bool, typer.Option("--top-up", help="A new run to those who had nothing from this campaign yet.")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="A new run to everybody, once more.")] = False,
    adopt: Adopt = False,
    max_messages: Annotated[
        int | None, typer.Option("--max", metavar="N", min=1, help="Refuse a run to more than N.")
    ] = None,
    show_numbers: ShowNumbers = False,
    json: AsJson = False,
) -> int:
    """Carry a campaign out: plan, ask, send, follow the delivery reports, write the report.

    The same command after a crash or Ctrl-C goes on where it was; nobody is sent to twice.
    """
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
            at_most=max_messages,
            show_numbers=show_numbers,
            as_json=json,
        ),
    )


@app.command("send-test", rich_help_panel=RUNS)
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
    """Send one rendered message to a test handset. It counts in no history."""
    from mmsflow.cli.commands.send_test import send_test as command

    return command(file, to or [], row, variant, yes=yes, as_json=json)


@app.command(rich_help_panel=RUNS)
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


@app.command(rich_help_panel=RUNS)
def runs(json: AsJson = False) -> int:
    """List all runs, newest first."""
    from mmsflow.cli.commands.status import runs as command

    return command(as_json=json)


@app.command(rich_help_panel=RUNS)
def why(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="A recipient's number, as you would type it.")],
    show_numbers: ShowNumbers = False,
    json: AsJson = False,
) -> int:
    """Tell one recipient's story over all runs: what happened, when, and why."""
    from mmsflow.cli.commands.why import why as command

    return command(number, show_numbers=show_numbers, as_json=json)


@app.command(rich_help_panel=RUNS)
def poll(run: RunName, json: AsJson = False) -> int:
    """Ask once more for all outstanding delivery reports of a run, and write its report anew."""
    from mmsflow.cli.commands.poll import poll as command

    return command(run, as_json=json)


@app.command(rich_help_panel=RUNS)
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


@app.command(rich_help_panel=RUNS)
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


@app.command(rich_help_panel=SETUP)
def quota(
    measure: Annotated[
        bool, typer.Option("--measure", help="Find out which calls count beside sending; may use up 12 requests.")
    ] = False,
    json: AsJson = False,
) -> int:
    """Show the gateway's counter, what our unfinished runs still need, and the drift between the two counts."""
    from mmsflow.cli.commands.quota import quota as command

    return command(measure=measure, as_json=json)


@app.command(rich_help_panel=SETUP)
def simulator(
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8460,
    preset: Annotated[str, typer.Option(help="happy, typical or rough.")] = "typical",
    quota_: Annotated[int | None, typer.Option("--quota", min=0, help="Requests in a period.")] = None,
    period: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Length of a quota period; default: a day.")
    ] = None,
    delay: Annotated[
        float | None, typer.Option(metavar="SECONDS", min=0, help="Longest wait for a delivery report.")
    ] = None,
    seed: Annotated[int, typer.Option(help="All that is random follows from it.")] = 0,
    state: Annotated[
        str, typer.Option(metavar="FILE", help="Where its record is kept; default: in memory.")
    ] = ":memory:",
) -> int:
    """Play the operator's gateway on this machine, for trying things out and for tests."""
    from mmsflow.cli.commands.simulator import simulator as command

    return command(host, port, preset, quota=quota_, period=period, delay=delay, seed=seed, state=state)


@app.command(rich_help_panel=SETUP)
def schema() -> int:
    """Print the JSON Schema of campaign files, for editors."""
    from mmsflow.cli.commands.schema import schema as command

    return command()


@app.command(rich_help_panel=SETUP)
def doctor(
    notify: Annotated[bool, typer.Option("--notify", help="Send a test notice by each channel, now.")] = False,
    json: AsJson = False,
) -> int:
    """Look at this set-up and say what is wrong with it, and how to mend it."""
    from mmsflow.cli.commands.doctor import doctor as command

    return command(notify=notify, as_json=json)


app.add_typer(deciding)
