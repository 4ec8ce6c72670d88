"""The commands that set a workspace up and look after it: demonstrate, begin, ask the quota, simulate, mend."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmsflow.cli.options import SETUP, AsJson, Yes
from mmsflow.errors import UsageError

setting_up = typer.Typer()


@setting_up.command(rich_help_panel=SETUP)
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


@setting_up.command(rich_help_panel=SETUP)
def init(directory: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")]) -> int:
    """Make a new workspace with one small campaign that runs on the simulator."""
    from mmsflow.cli.commands.init import init as command

    return command(directory)


@setting_up.command(rich_help_panel=SETUP)
def quota(
    measure: Annotated[
        bool, typer.Option("--measure", help="Find out which calls count beside sending; may use up 12 requests.")
    ] = False,
    json: AsJson = False,
) -> int:
    """Show the gateway's counter, what our unfinished runs still need, and the drift between the two counts.

    Where the gateway has several counters, the tightest counts and all are shown.
    """
    from mmsflow.cli.commands.quota import quota as command

    return command(measure=measure, as_json=json)


@setting_up.command(rich_help_panel=SETUP)
def account(
    answer: Annotated[
        str, typer.Argument(metavar="[ANSWER]", help="same, separate or rotated; default: list, what is known.")
    ] = "list",
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[OLD NEW]", help="The account's name of before, and the one of now.")
    ] = None,
    json: AsJson = False,
) -> int:
    """Show which account is in force, and say whether another name means the same one.

    `same OLD NEW`: one contract, so history, caps and unfinished runs of OLD count for NEW. `separate OLD NEW`: two
    contracts, so a campaign goes out anew. `rotated`: the client id in force is a new one of the same contract. The
    answer is kept in mmsflow.toml, and a running daemon follows it without a restart.
    """
    from mmsflow.cli.commands.account import account as command

    return command(answer, names or [], as_json=json)


@setting_up.command(rich_help_panel=SETUP)
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


@setting_up.command(rich_help_panel=SETUP)
def schema() -> int:
    """Print the JSON Schema of campaign files, for editors."""
    from mmsflow.cli.commands.schema import schema as command

    return command()


@setting_up.command(rich_help_panel=SETUP)
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The copy, a new file outside the workspace.")],
    move: Annotated[
        bool, typer.Option("--move", help="Close the ledger here: the copy goes on elsewhere, without a question.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE if it exists.")] = False,
    json: AsJson = False,
) -> int:
    """Copy the ledger, also beside a daemon that sends. The copy knows that it is one.

    Put back or opened, a copy sends nothing before a person has decided, unless nothing in it is unfinished.
    """
    from mmsflow.cli.commands.backup import backup as command

    return command(file, move=move, force=force, as_json=json)


@setting_up.command(rich_help_panel=SETUP)
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A copy of the ledger, by `backup` or otherwise.")],
    json: AsJson = False,
) -> int:
    """Put a copy back as the ledger; the present one is kept aside. Nothing is sent before a person has decided.

    Refused while another process holds the ledger. It says what may have gone out since the copy was taken.
    """
    from mmsflow.cli.commands.backup import restore as command

    return command(file, as_json=json)


@setting_up.command(rich_help_panel=SETUP)
def doctor(
    notify: Annotated[bool, typer.Option("--notify", help="Send a test notice by each channel, now.")] = False,
    learn: Annotated[
        bool, typer.Option("--learn", help="Send test messages to your own handset, and see what the gateway answers.")
    ] = False,
    to: Annotated[list[str] | None, typer.Option(metavar="NUMBER", help="With --learn: your own handset.")] = None,
    sender: Annotated[
        str, typer.Option(metavar="NAME", help="With --learn: who the messages come from; default: the campaigns'.")
    ] = "",
    yes: Yes = False,
    json: AsJson = False,
) -> int:
    """Look at this set-up and say what is wrong with it, and how to mend it.

    --learn asks first, then sends one message in each form, follows them for three minutes at most, keeps the answers
    masked in .mmsflow/learned/, and names what is not as the operator's document has it.
    """
    if learn:
        from mmsflow.cli.commands.learn import learn as learning

        return learning(to or [], sender, yes=yes, as_json=json)
    if to or sender or yes:
        raise UsageError("--to, --sender and --yes belong to --learn", "add --learn, or leave them out")
    from mmsflow.cli.commands.doctor import doctor as command

    return command(notify=notify, as_json=json)
