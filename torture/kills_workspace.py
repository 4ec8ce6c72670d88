"""A workspace with a campaign of a few hundred recipients, and the judgement of what became of it.

Duplicates and losses are counted from the simulator's record. The report is asked for one thing only: which messages
it calls "maybe sent".
"""

from __future__ import annotations

import csv
import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

NAME = "torture"
CAMPAIGN_FILE = f"campaigns/{NAME}.yaml"

_CAMPAIGN = """\
version: 1
campaign: torture
purpose: transactional
sender: ACME
recipients:
  - csv: lists/people.csv
exclude:
  - csv: lists/optout.csv
message:
  subject: "{{ name }}, kod {{ code }}"
%s
report: {formats: [csv, json]}
"""
_PREFIXES = ("45", "50", "51", "53", "57", "60", "66", "69", "72", "73", "78", "79", "88")
_FINISHED = frozenset({"delivered", "failed", "expired", "undetermined", "accepted"})
_UNSENT = frozenset({"pending", "not_sent", "excluded"})


@dataclass(frozen=True, slots=True)
class Workspace:
    """A folder with the campaign; ``valid`` are the numbers that must get exactly one message, ``optout`` none."""

    folder: Path
    valid: frozenset[str]
    optout: frozenset[str]

    @property
    def ledger(self) -> Path:
        return self.folder / ".mmsflow" / "ledger.db"

    @property
    def log(self) -> Path:
        return self.folder / "commands.log"


def make_workspace(folder: Path, rng: Random, recipients: int, *, poll_until: str = "4s") -> Workspace:
    """Write the campaign and its lists: ``recipients`` valid rows, and among them duplicates, opt-outs and nonsense.

    Args:
        poll_until: how long delivery reports are asked for; empty for a campaign without delivery reports.
    """
    numbers = _numbers(rng, recipients + 8)
    valid, optout = numbers[:recipients], numbers[recipients:]
    rows = [(number, f"Osoba {index}", f"K{index:04d}") for index, number in enumerate(numbers)]
    rows += [rng.choice(rows) for _ in range(5)] + [("12", "Nikt", "K"), ("", "Nikt", "K")]
    rng.shuffle(rows)
    for name in ("campaigns", "lists"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "mmsflow.toml").write_text("")
    reports = f"poll: {{until: {poll_until}}}" if poll_until else "delivery_report: false"
    (folder / CAMPAIGN_FILE).write_text(_CAMPAIGN % reports, "utf-8")
    _write(folder / "lists" / "people.csv", [("msisdn", "name", "code"), *rows])
    _write(folder / "lists" / "optout.csv", [("msisdn",), *((number,) for number in optout)])
    return Workspace(folder, frozenset(valid), frozenset(optout))


def _numbers(rng: Random, count: int) -> list[str]:
    found: dict[str, None] = {}
    while len(found) < count:
        found[f"+48{rng.choice(_PREFIXES)}{rng.randrange(10**7):07d}"] = None
    return list(found)


def _write(path: Path, rows: list[tuple[str, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


@dataclass(slots=True)
class Judgement:
    """What became of the campaign.

    Attributes:
        received: messages at the simulator; duplicates: those beyond the first of a number.
        lost: valid numbers that got nothing and are not called "maybe sent".
        unknown: messages called "maybe sent"; worst_unknown: the most that one restart found.
        violations: what must not be, a sentence each.
    """

    received: int = 0
    duplicates: int = 0
    lost: int = 0
    unknown: int = 0
    worst_unknown: int = 0
    violations: list[str] = field(default_factory=list)


def judge(workspace: Workspace, by_number: Mapping[str, int], *, bound: int) -> Judgement:
    """Hold the simulator's record against the report.

    Args:
        by_number: messages for each number, from the simulator's record.
        bound: the most "maybe sent" messages that one kill may leave.
    """
    buckets = report_buckets(workspace)
    maybe = {number for number, bucket in buckets.items() if bucket == "maybe_sent"}
    got = set(by_number)
    verdict = Judgement(
        received=sum(by_number.values()),
        duplicates=sum(count - 1 for count in by_number.values()),
        lost=len(workspace.valid - got - maybe),
        unknown=len(maybe),
        worst_unknown=max(unknown_by_restart(workspace.ledger), default=0),
    )
    claims = {
        "numbers got more than one message": {number for number, count in by_number.items() if count > 1},
        "valid numbers got nothing and are not called maybe sent": workspace.valid - got - maybe,
        "numbers got a message that must not": got - workspace.valid,
        "numbers got a message but are called unsent": {n for n in got if buckets.get(n) in _UNSENT},
        "numbers got nothing but are called sent": {
            n for n, bucket in buckets.items() if bucket in _FINISHED and n not in got
        },
        "valid numbers are not in the report": workspace.valid - set(buckets),
    }
    verdict.violations = [f"{len(numbers)} {claim}" for claim, numbers in claims.items() if numbers]
    if verdict.worst_unknown > bound:
        verdict.violations.append(f"one kill left {verdict.worst_unknown} unknown, {bound} are allowed")
    return verdict


def report_buckets(workspace: Workspace) -> dict[str, str]:
    """The bucket of every valid or opted-out number in the newest run's report; a duplicate row does not count."""
    reports = sorted(workspace.folder.glob("reports/*/report.csv"))
    if not reports:
        return {}
    with reports[-1].open(newline="", encoding="utf-8-sig") as file:
        rows = [row for row in csv.DictReader(file) if row["bucket"] not in {"duplicate", "invalid"}]
    return {"+" + row["number"].lstrip("'+"): row["bucket"] for row in rows}


def unknown_by_restart(ledger: Path) -> list[int]:
    """How many messages each restart found on the wire, from the ledger's history."""
    if not ledger.exists():
        return []
    with closing(sqlite3.connect(f"{ledger.as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
        rows = connection.execute("SELECT at FROM events WHERE old = 'sending' AND new = 'unknown'").fetchall()
    return list(Counter(at for (at,) in rows).values())
