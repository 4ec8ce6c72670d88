"""``mmsflow demo``: the whole flow on a fresh copy of the example workspace and the built-in simulator."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from mmsflow.cli.commands.check import check
from mmsflow.cli.commands.plan import plan
from mmsflow.cli.commands.preview import PreviewOptions, preview
from mmsflow.cli.commands.run import RunOptions, run
from mmsflow.cli.output import paint, say, tell
from mmsflow.errors import UsageError
from mmsflow.workflow.example import copy_example

_CAMPAIGN = "campaigns/winter-sale.yaml"
_SHOWN = "campaigns/spring-club.yaml"


def demo(folder: Path | None) -> int:
    """Copy, check, preview, plan, run; the report's path is the last line. Returns the exit code."""
    target = (folder or _free_folder()).resolve()
    copy_example(target)
    for name in [name for name in os.environ if name.startswith("MMSFLOW_")]:
        del os.environ[name]  # the demo must not reach a real account that this shell is set up for
    os.environ["MMSFLOW_GATEWAY"] = "simulator"
    os.chdir(target)
    _step(f"a fresh workspace in {target}")
    _step("mmsflow check")
    code = check([], strict=False, as_json=False)
    _step(f"mmsflow preview {_SHOWN} --html preview.html")
    code = code or preview(_SHOWN, PreviewOptions(limit=3, html="preview.html"))
    _step(f"mmsflow plan {_CAMPAIGN}")
    code = code or plan(_CAMPAIGN, None, as_json=False)
    _step(f"mmsflow run {_CAMPAIGN} --yes")
    code = code or run(_CAMPAIGN, RunOptions(yes=True))
    if code:
        return code
    reports = sorted((target / "reports").glob("*/report.html"))
    _step("that was all: look at the report, and at preview.html, in a browser")
    tell(str(reports[-1]))
    return 0


def _step(text: str) -> None:
    sys.stdout.flush()
    say(f"\n{paint('──', 'good', sys.stderr)} {paint(text, 'strong', sys.stderr)}")


def _free_folder() -> Path:
    here = Path.cwd()
    if not os.access(here, os.W_OK):
        raise UsageError("this folder cannot be written to", "go to another one, or add --dir DIR")
    number = 1
    while (folder := here / ("mmsflow-demo" if number == 1 else f"mmsflow-demo-{number}")).exists():
        number += 1
    return folder
