"""A day of the daemon at speed: campaigns come due one after the other while their files change all the time.

What must hold: every message is sent once and ends in a final bucket, broken files stop nothing, and the process ends
the day with the memory and the open files with which it began it.
"""

from __future__ import annotations

import json
import sqlite3
import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from signal import SIGTERM
from statistics import mean, median

from mmsflow.simulator.config import SimulatorConfig
from torture import seeded
from torture.kills_stage import Command, Launch, Server, environment, simulator
from torture.results import Figure

PURPOSE = "a day of the daemon: campaigns one after the other, files changed all the time, memory and handles watched"

_CAMPAIGNS = 10
_TICK = 0.02
_SAMPLE_SECONDS = 0.25
_PATIENCE_SECONDS = 900.0
_LEEWAY_BYTES = 8 * 1024 * 1024
_LEEWAY_HANDLES = 5
_IN_FLIGHT = 16
_MOST_SOCKETS = 3 * _IN_FLIGHT  # requests, status questions, and the loop's own
_OPEN_BUCKETS = ("ready", "sending", "accepted")

_SENT = """\
version: 1
campaign: day-{number}
purpose: transactional
sender: ACME
recipients:
  - csv: lists/day-{number}.csv
message:
  subject: "{{{{ name }}}}, dzień dobry ({number})"
  attachments:
    - text: templates/day.txt.j2
schedule: {{start: {start:%Y-%m-%d %H:%M}, timezone: UTC}}
poll: {{until: 20s}}
report: {{formats: [csv]}}
"""
_CHANGED = """\
version: 1
campaign: changing
description: Version {version}
purpose: transactional
sender: ACME
recipients:
  - csv: lists/changing.csv
message:
  subject: "{{{{ name }}}}"
schedule: {{every: "{minute} 3 * * *"}}
"""


def configure(parser: ArgumentParser) -> None:
    """The arguments of this campaign."""
    seeded.configure(parser, range(1))
    parser.add_argument("--messages", type=int, default=10_000, help="over all campaigns of the day")
    parser.add_argument("--changes", type=int, default=1_000, help="of files, good and broken ones")
    parser.add_argument("--campaigns", type=int, default=_CAMPAIGNS, help="that come due in it")
    parser.add_argument("--growth", type=float, default=0.10, help="of memory that is allowed, beside 8 MiB")


def main(options: Namespace) -> int:
    """Carry every day out; returns 1 where something was violated."""
    return seeded.carry_out(options, lambda seed, folder: one_day(seed, folder, options))


def one_day(seed: int, folder: Path, options: Namespace) -> dict[str, Figure]:
    """One day, from its seed alone (but for the machine's timing)."""
    began = time.monotonic()
    day = Day(folder, Random(seed), options.messages, options.changes, options.campaigns)
    config = SimulatorConfig(
        state=str(folder / "simulator.db"),
        seed=seed,
        quota=10_000_000,
        latency=(0.001, 0.004),
        delivery_delay=(0.1, 0.5),
    )
    with simulator(config) as server:
        variables = environment(server, in_flight=_IN_FLIGHT, workspace=str(folder), poll_per_second="500")
        daemon = Launch(folder, variables, folder / "daemon.log", fresh=True).start(
            "daemon", "--no-web", "--log-format", "json"
        )
        try:
            day.live_through(daemon)
        finally:
            daemon.signal(SIGTERM)
            code = daemon.wait(_PATIENCE_SECONDS)
        return _judged(seed, day, server, code, options.growth) | {"seconds": round(time.monotonic() - began, 1)}


@dataclass(frozen=True, slots=True)
class Sample:
    """What the process held at one moment."""

    memory_bytes: int
    handles: int  # without sockets: connections to the gateway come and go with what is sent
    sockets: int


@dataclass(slots=True)
class Day:
    """A workspace, what is done to it in the course of a day, and what the process held meanwhile.

    Attributes:
        numbers: everybody who must get exactly one message.
        changed: changes that were made; broken: of them, those that left a file that is wrong.
        samples: taken from the end of the first campaign on.
        violations: what must not be, a sentence each.
    """

    folder: Path
    rng: Random
    messages: int
    changes: int
    campaigns: int
    numbers: set[str] = field(default_factory=set)
    changed: int = 0
    broken: int = 0
    samples: list[Sample] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    def live_through(self, daemon: Command) -> None:
        """Let one campaign after the other come due, and change files all the while."""
        self._write("mmsflow.toml", "")
        self._write("templates/day.txt.j2", "Do usłyszenia, {{ name }}\n")
        self._write("lists/changing.csv", "number,name\n501102030,Ola\n")
        for number in range(self.campaigns):
            self._come_due(number)
            if not self._until_done(number + 1, daemon, warm=number > 0):
                self.violations.append(f"the daemon did not finish campaign {number} (exit code {daemon.poll()})")
                return

    def _come_due(self, number: int) -> None:
        size = self.messages // self.campaigns
        people = [f"+4850{number:02d}{row:05d}" for row in range(size)]
        self.numbers.update(people)
        rows = "".join(f"{each},Osoba {row}\n" for row, each in enumerate(people))
        self._write(f"lists/day-{number}.csv", f"number,name\n{rows}")
        start = datetime.now(UTC) - timedelta(minutes=1)
        self._write(f"campaigns/day-{number}.yaml", _SENT.format(number=number, start=start))

    def _until_done(self, campaigns: int, daemon: Command, *, warm: bool) -> bool:
        due, end, next_sample = self.changes * campaigns // self.campaigns, time.monotonic() + _PATIENCE_SECONDS, 0.0
        while self.changed < due or not self._done(campaigns):
            if daemon.poll() is not None or time.monotonic() > end:
                return False
            if self.changed < due:
                self._change()
            if warm and time.monotonic() >= next_sample:
                self.samples.append(_sample(daemon.pid))
                next_sample = time.monotonic() + _SAMPLE_SECONDS
            time.sleep(_TICK)
        return True

    def _change(self) -> None:
        """Change a file that no campaign of the day is made of; every third one is broken by it."""
        self.changed += 1
        good = _CHANGED.format(version=self.changed, minute=self.rng.randrange(60))
        wrong = self.rng.choice(("sender: ACME\nsender: ACME\n", "version: [", f"{good}colour: red\n", "\0"))
        if self.changed % 3 == 0:
            self.broken += 1
        text = wrong if self.changed % 3 == 0 else good
        if self.changed % 5 == 1:
            self._write("lists/changing.csv", f"number,name\n501102030,Ola\n{'601102030,Jan' * (self.changed % 2)}\n")
        elif self.changed % 50 == 0:
            (self.folder / "campaigns" / "changing.yaml").unlink(missing_ok=True)
        else:
            self._write("campaigns/changing.yaml", text)

    def _done(self, campaigns: int) -> bool:
        with suppress(sqlite3.Error):
            states = tallies(self.folder)
            runs = runs_by_state(self.folder)
            return runs["done"] == campaigns and not sum(states[state] for state in _OPEN_BUCKETS)
        return False

    def _write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def _sample(pid: int) -> Sample:
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    kib = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))
    kinds = Counter("socket:" in kind for kind in _open_files(pid))
    return Sample(int(kib) * 1024, kinds[False], kinds[True])


def _open_files(pid: int) -> Iterator[str]:
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            yield str(entry.readlink())


def tallies(folder: Path) -> Counter[str]:
    """Messages of all runs by state, from the ledger's own counts."""
    return _counted(folder, "SELECT state, sum(n) FROM tallies WHERE wave > 0 GROUP BY state")


def runs_by_state(folder: Path) -> Counter[str]:
    """Runs by state."""
    return _counted(folder, "SELECT state, count(*) FROM runs GROUP BY state")


def _counted(folder: Path, query: str) -> Counter[str]:
    ledger = folder / ".mmsflow" / "ledger.db"
    with closing(sqlite3.connect(f"{ledger.as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
        return Counter(dict(connection.execute(query).fetchall()))


def growth(samples: list[Sample], allowed: float) -> list[str]:
    """What the last third of a day held more than the first one and must not, a sentence each."""
    third = len(samples) // 3
    if not third:
        return ["the day was too short to be measured"]
    first, last = samples[:third], samples[-third:]
    before, after = (mean(each.memory_bytes for each in part) for part in (first, last))
    opened, held = (median(each.handles for each in part) for part in (first, last))
    found = []
    if after > before * (1 + allowed) + _LEEWAY_BYTES:
        found.append(f"memory grew from {before / 2**20:.1f} to {after / 2**20:.1f} MiB")
    if abs(held - opened) > _LEEWAY_HANDLES:
        found.append(f"open files went from {opened:.0f} to {held:.0f}")
    if (sockets := max(each.sockets for each in samples)) > _MOST_SOCKETS:
        found.append(f"{sockets} sockets were open at once")
    return found


def _judged(seed: int, day: Day, server: Server, code: int, allowed: float) -> dict[str, Figure]:
    got, states = server.by_number(), tallies(day.folder)
    faulty = sum(json.loads(line)["event"] == "file_faulty" for line in _log(day.folder))
    claims = {
        f"the daemon ended with exit code {code}": code != 0,
        f"{len(day.numbers - got.keys())} numbers got nothing": bool(day.numbers - got.keys()),
        "numbers got more than one message": any(count > 1 for count in got.values()),
        "numbers got a message that must not": bool(got.keys() - day.numbers),
        f"the ledger has {states.total()} messages of {len(day.numbers)}": states.total() != len(day.numbers),
        "no broken file was noticed": not faulty,
    }
    day.violations += [claim for claim, holds in claims.items() if holds] + growth(day.samples, allowed)
    third = max(1, len(day.samples) // 3)
    return {
        "kind": "daemon",
        "seed": seed,
        "messages": sum(got.values()),
        "changes": day.changed,
        "broken": day.broken,
        "noticed": faulty,
        "samples": len(day.samples),
        **{f"mib_{when}": round(value, 1) for when, value in _memory(day.samples, third).items()},
        "worst_handles": max((each.handles for each in day.samples), default=0),
        "violations": day.violations,
    }


def _memory(samples: list[Sample], third: int) -> dict[str, float]:
    parts = {"first": samples[:third], "last": samples[-third:]}
    return {when: mean(each.memory_bytes for each in part) / 2**20 if part else 0.0 for when, part in parts.items()}


def _log(folder: Path) -> list[str]:
    return [line for line in (folder / "daemon.log").read_text("utf-8").splitlines() if line.startswith("{")]
