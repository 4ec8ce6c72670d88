"""One campaign with payloads in every field, carried out by the real script against a gateway that means harm.

Everything that came out of it is kept, for tests that look for what must not be there.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from acceptance.console import Console, Done, Preloaded, environment_with
from PIL import Image

from .hostile_gateway import CANARIES, CLIENT_ID, EVIL, FORMULA, SECRET, HostileGateway

FORMULAS = [*(sign + "1+1" for sign in "=+-@＝＋－＠"), FORMULA, "'=1+1", "''-1", "\u200b=1+1", "' @x", "|calc", "'tis"]
INVALID = ["=1+1", "+cmd|' /C calc'!A0", "@SUM(A1)", EVIL, "-48501", '\'="5"']
PEOPLE = [f"+485022040{row:02d}" for row in range(30, 30 + len(FORMULAS) + 1)]
VICTIMS = [f"+485022040{row:02d}" for row in range(81, 91)]
OPTED_OUT, FILTERED, TEST_HANDSET = "+48601000777", "+48601000888", "+48601000999"
NUMBERS = [*PEOPLE, *VICTIMS, OPTED_OUT, FILTERED, TEST_HANDSET]
CAMPAIGN = "campaigns/hostile.yaml"
_FILE = f"""\
version: 1
campaign: hostile
description: {json.dumps(EVIL)}
purpose: transactional
sender: {json.dumps("=<b>ACME</b>")}
recipients:
  - csv: "lists/<b>people.csv"
    where: keep != "no"
  - number: "{PEOPLE[0]}"
    vars: {{name: {json.dumps(EVIL)}, code: X, keep: "yes"}}
exclude:
  - csv: lists/optout.csv
message:
  subject: "{{{{ name }}}}"
  attachments:
    - file: "media/<i>&.png"
    - text: templates/text.txt.j2
test_recipients: ["{TEST_HANDSET}"]
poll: {{until: 2s}}
"""
_TEXT = "{{ name }} {{ code }} nr {{ number }}\n"


@dataclass(slots=True)
class Story:
    """What came of it.

    Attributes:
        folder: the workspace.
        log: everything that was logged at DEBUG.
        temporary: folder of temporary files, crash logs among them.
        run: the run's id.
        outputs: how each command ended, by its arguments.
        arguments: command lines of all processes of this machine, seen while messages were sent.
        live: bytes of the ledger's files, seen while messages were sent.
    """

    folder: Path
    log: Path
    temporary: Path
    run: str = ""
    outputs: dict[str, Done] = field(default_factory=dict)
    arguments: list[bytes] = field(default_factory=list)
    live: dict[str, bytes] = field(default_factory=dict)

    @property
    def reports(self) -> Path:
        return self.folder / "reports" / self.run

    def files(self) -> dict[str, bytes]:
        """Every file that is there now, by its path."""
        roots = (self.folder, self.temporary, self.log.parent)
        return {str(path): path.read_bytes() for root in roots for path in root.rglob("*") if path.is_file()}

    def watch(self, _: str) -> None:
        """Look at processes and at the ledger's files, as somebody else on this machine could."""
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                self.arguments.append(process.read_bytes())
            except OSError:
                continue  # it has ended meanwhile
        self.live |= {path.name: path.read_bytes() for path in (self.folder / ".mmsflow").rglob("*") if path.is_file()}


def write_workspace(folder: Path) -> None:
    """The campaign, its lists, its template and its picture."""
    for name in ("campaigns", "lists", "media", "templates"):
        (folder / name).mkdir(parents=True)
    (folder / "mmsflow.toml").touch()
    (folder / CAMPAIGN).write_text(_FILE, "utf-8")
    (folder / "templates" / "text.txt.j2").write_text(_TEXT, "utf-8")
    Image.new("RGB", (8, 8), "red").save(folder / "media" / "<i>&.png")
    (folder / "lists" / "optout.csv").write_text(f"number\n{OPTED_OUT}\n", "utf-8")
    rows = [(number, name, "A1", "yes") for number, name in zip(PEOPLE, [EVIL, *FORMULAS], strict=True)]
    rows += [(number, f"kod dla {number[3:6]} {number[6:9]} {number[9:]}", number, "yes") for number in VICTIMS]
    rows += [(number, "x", "x", "yes") for number in (*INVALID, OPTED_OUT, PEOPLE[1])]
    rows.append((FILTERED, "x", "x", "no"))
    with (folder / "lists" / "<b>people.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("number", "name", "code", "keep"), *rows])


_SCRIPT = Path(__file__).with_name("watched.py")
_IMPORTS = {"PYTHONPATH": str(Path(__file__).parents[1])}


class Watched(Preloaded):
    """A runner: the script with all its logging on, in forks of one process."""

    def __init__(self, files: Path) -> None:
        self._files = files
        self._process = subprocess.Popen(
            [sys.executable, _SCRIPT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment_with(_IMPORTS),
            encoding="utf-8",
        )


def watched(arguments: list[str], folder: Path, environment: Mapping[str, str]) -> Done:
    """A runner: the script with all its logging on, in a process of its own."""
    done = subprocess.run(
        [sys.executable, _SCRIPT, *arguments],
        cwd=folder,
        env=dict(environment) | _IMPORTS,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    return Done(done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8"))


def tell(gateway: HostileGateway, folder: Path) -> Story:
    """Run every command that touches recipients or the gateway."""
    story = Story(folder / "workspace", folder / "log" / "debug.log", folder / "tmp")
    story.log.parent.mkdir()
    story.temporary.mkdir()
    write_workspace(story.folder)
    gateway.on_send = story.watch
    variables = {
        "MMSFLOW_GATEWAY_URL": gateway.url,
        "MMSFLOW_CLIENT_ID": CLIENT_ID,
        "MMSFLOW_CLIENT_SECRET": SECRET,
        "WATCHED_LOG": str(story.log),
        "TMPDIR": str(story.temporary),
        "PYTHONASYNCIODEBUG": "1",
    }
    forks = Watched(story.log.parent)
    try:
        _carry_out(story, Console(story.folder, variables, watched), Console(story.folder, variables, forks))
    finally:
        forks.close()
    return story


def _carry_out(story: Story, real: Console, quick: Console) -> None:
    def run(*arguments: str) -> Done:
        done = story.outputs[" ".join(arguments)] = quick(*arguments)
        return done

    def both(*arguments: str) -> None:
        run(*arguments)
        run(*arguments, "--json")

    for before in (["check", CAMPAIGN], ["check", CAMPAIGN, "--strict"], ["preview", CAMPAIGN, "--limit", "99"]):
        both(*before)
    both("plan", CAMPAIGN)
    run("plan", CAMPAIGN, "--out", "plan.json")
    both("approve", CAMPAIGN, "--yes", "--by", "Ewa")
    done = story.outputs["run"] = real("run", CAMPAIGN, "--yes", "--json")
    story.run = done.document["run"]
    run("run", CAMPAIGN, "--yes")
    run("send-test", CAMPAIGN, "--yes")
    for after in ("status", "report", "poll", "resolve", "verify"):
        both(after, story.run)
    tested = next(each["run"] for each in quick("runs", "--json").document["runs"] if each["test"])
    both("compare", story.run, tested, "--html", "comparison.html")
    for alone in ("runs", "quota", "doctor"):
        both(alone)
    for number in (*VICTIMS, PEOPLE[0], FILTERED):
        story.outputs[f"why …{number[-3:]}"] = quick("why", number)
        story.outputs[f"why …{number[-3:]} --json"] = quick("why", number, "--json")
    crash = " ".join((*CANARIES, *NUMBERS, f"Authorization: Bearer {CANARIES[2]}"))
    suppressed = {"MMSFLOW_SUPPRESSION": "lists/optout.csv"}
    for doing in ("check", "add"):
        asked = ("optout", doing, VICTIMS[0], OPTED_OUT)
        story.outputs[f"optout {doing}"] = quick(*asked, **suppressed)
        story.outputs[f"optout {doing} --json"] = quick(*asked, "--json", **suppressed)
    story.outputs["a crash"] = real("quota", WATCHED_CRASH=crash)
