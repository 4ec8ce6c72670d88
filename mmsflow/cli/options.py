"""Options and arguments that several commands share, and the panels of the help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

BEGIN, RUNS, SETUP = "Write and look", "Carry out", "Set up"

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout and nothing else there.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
ShowNumbers = Annotated[
    bool, typer.Option("--show-numbers", help="Show numbers in full instead of their last three digits.")
]
CampaignFile = Annotated[
    str, typer.Argument(metavar="FILE", help="A campaign file, such as campaigns/winter-sale.yaml.")
]
RunName = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, such as winter-sale-20261201-1.")]
NoWait = Annotated[
    bool, typer.Option("--no-wait", help="Leave where the next message would go out later than in a moment.")
]
Adopt = Annotated[
    bool, typer.Option("--adopt", help="This ledger is the one from now on, whatever the run's marker says.")
]
SameAccount = Annotated[
    bool, typer.Option("--same-account", help="Earlier runs under another name are this account's: nobody twice.")
]
SeparateAccount = Annotated[
    bool, typer.Option("--separate-account", help="Another contract: everybody gets the campaign anew.")
]
RotatedClient = Annotated[
    bool, typer.Option("--rotated-client", help="The new client id is of the same contract as the one before.")
]
Rejects = Annotated[
    Path | None,
    typer.Option(
        "--rejects", metavar="CSV", help="Write every row that gets no message, with its reason and its cells."
    ),
]
