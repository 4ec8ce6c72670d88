"""The commands with which people decide: approve a plan; pause, resume, cancel, resolve, purge a run; and its audit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmsflow.cli.options import (
    RUNS,
    Adopt,
    AsJson,
    NoWait,
    RotatedClient,
    RunName,
    SameAccount,
    SeparateAccount,
    ShowNumbers,
    Yes,
)

deciding = typer.Typer()

_SAID = "NUMBER|all"


@deciding.command(rich_help_panel=RUNS)
def approve(
    file: Annotated[str, typer.Argument(metavar="FILE|PLAN", help="A campaign file, or a plan saved by `plan --out`.")],
    by: Annotated[str, typer.Option(metavar="NAME", help="Who says yes; default: the system's user.")] = "",
    top_up: Annotated[bool, typer.Option("--top-up", help="The plan of `run --top-up`, not that of `run`.")] = False,
    yes: Yes = False,
    json: AsJson = False,
) -> int:
    """Show a campaign's plan with what has changed since the last yes, and say yes to exactly this plan.

    A campaign with `approval: required` sends nothing without it. It is good for one run. Works from any terminal.
    """
    from mmsflow.cli.commands.approve import ApproveOptions
    from mmsflow.cli.commands.approve import approve as command

    return command(file, ApproveOptions(by=by, top_up=top_up, yes=yes, as_json=json))


@deciding.command(rich_help_panel=RUNS)
def pause(run: RunName, json: AsJson = False) -> int:
    """Let nothing more go out of a run until `resume`; what is on the wire is settled. Works from any terminal."""
    from mmsflow.cli.commands.control import pause as command

    return command(run, as_json=json)


@deciding.command(rich_help_panel=RUNS)
def resume(
    run: RunName,
    yes: Yes = False,
    no_wait: NoWait = False,
    adopt: Adopt = False,
    same_account: SameAccount = False,
    separate_account: SeparateAccount = False,
    rotated_client: RotatedClient = False,
    show_numbers: ShowNumbers = False,
    json: AsJson = False,
) -> int:
    """Go on with a run exactly as it was frozen: wake the process that holds it, or carry it on here."""
    from mmsflow.cli.carrying import CarryOptions
    from mmsflow.cli.commands.account import AccountSaid
    from mmsflow.cli.commands.resume import resume as command

    options = CarryOptions(no_wait=no_wait, show_numbers=show_numbers, as_json=json)
    said = AccountSaid(same=same_account, separate=separate_account, rotated=rotated_client)
    return command(run, options, said, yes=yes, adopt=adopt)


@deciding.command(rich_help_panel=RUNS)
def cancel(run: RunName, yes: Yes = False, json: AsJson = False) -> int:
    """End a run for good: what is not sent yet is never sent; delivery reports are still followed."""
    from mmsflow.cli.commands.control import cancel as command

    return command(run, yes=yes, as_json=json)


@deciding.command(rich_help_panel=RUNS)
def stop(
    everything: Annotated[bool, typer.Option("--all", help="Everything that sends from this ledger.")] = False,
    why: Annotated[str, typer.Option(metavar="TEXT", help="Why; shown wherever something waits for it.")] = "",
    json: AsJson = False,
) -> int:
    """Stop all sending at once, whoever sends: read before each claim, with the daemon dead or alive, over restarts.

    Waits some seconds until what is on the wire has come in. Exit code 0 when nothing is on the wire, 7 when something
    still is, or the process that sends does not answer; sending is stopped in any case. `pause` stops one run.
    """
    from mmsflow.cli.commands.stop import stop as command

    return command(everything=everything, why=why, as_json=json)


@deciding.command(rich_help_panel=RUNS)
def start(
    everything: Annotated[bool, typer.Option("--all", help="Everything that was stopped.")] = False,
    yes: Yes = False,
    json: AsJson = False,
) -> int:
    """Lift `stop --all`: what waited goes on, and the daemon begins what is due."""
    from mmsflow.cli.commands.stop import start as command

    return command(everything=everything, yes=yes, as_json=json)


@deciding.command(rich_help_panel=RUNS)
def optout(
    action: Annotated[str, typer.Argument(metavar="add|check", help="Add numbers, or see whether they are in it.")],
    number: Annotated[
        list[str] | None, typer.Argument(metavar="[NUMBER]...", help="Numbers, as you would type them.")
    ] = None,
    from_file: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="A list with a header, or one number a line.")
    ] = None,
    why: Annotated[str, typer.Option(metavar="TEXT", help="Kept in the list's column for it, if it has one.")] = "",
    json: AsJson = False,
) -> int:
    """Put numbers into the workspace's suppression list: nothing goes out to them, from the next second or two on.

    Works beside a daemon or a run that sends. One entry that is no number, and nothing is added.
    """
    from mmsflow.cli.commands.optout import optout as command

    return command(action, number or [], from_file, why, as_json=json)


@deciding.command(rich_help_panel=RUNS)
def resolve(
    run: RunName,
    sent: Annotated[list[str] | None, typer.Option(metavar=_SAID, help="These were sent; repeatable.")] = None,
    not_sent: Annotated[
        list[str] | None, typer.Option("--not-sent", metavar=_SAID, help="These were not sent; repeatable.")
    ] = None,
    resend: Annotated[
        list[str] | None, typer.Option(metavar=_SAID, help="Send these again, perhaps twice; repeatable.")
    ] = None,
    yes: Yes = False,
    show_numbers: ShowNumbers = False,
    json: AsJson = False,
) -> int:
    """List the messages that were maybe sent with all evidence, or say what became of them.

    `all` means all that nothing else is said of. They are never sent again by themselves. On a terminal it asks before
    anything is settled; elsewhere only --resend wants --yes.
    """
    from mmsflow.cli.commands.resolve import Said
    from mmsflow.cli.commands.resolve import resolve as command

    said = Said(sent=sent or (), not_sent=not_sent or (), resend=resend or ())
    return command(run, said, yes=yes, show_numbers=show_numbers, as_json=json)


@deciding.command(rich_help_panel=RUNS)
def purge(
    run: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN]...", help="Ids of runs; default: all that are old enough.")
    ] = None,
    older_than: Annotated[
        str, typer.Option(metavar="TIME", help="How long ago a run ended, such as 90d. Default: the setting `retain`.")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be removed, and remove nothing.")] = False,
    even_maybe_sent: Annotated[
        bool,
        typer.Option("--even-maybe-sent", help="Also where messages were maybe sent; nobody can settle them then."),
    ] = False,
    yes: Yes = False,
    json: AsJson = False,
) -> int:
    """Remove numbers, texts and reasons of runs that have ended, for good; their counts stay."""
    from mmsflow.cli.commands.purge import PurgeOptions
    from mmsflow.cli.commands.purge import purge as command

    options = PurgeOptions(
        older_than=older_than, dry_run=dry_run, even_maybe_sent=even_maybe_sent, yes=yes, as_json=json
    )
    return command(run or [], options)


@deciding.command(rich_help_panel=RUNS)
def verify(run: RunName, json: AsJson = False) -> int:
    """Audit a run: go through its whole history again and prove that the ledger's books hold.

    Exit code 0 when everything holds, 1 with a list of violations.
    """
    from mmsflow.cli.commands.verify import verify as command

    return command(run, as_json=json)
