"""Copies of the ledger, taken at random moments while it sends and put back later: nobody may get two messages.

A run is started; while it sends a copy is taken, in one of the ways people take copies. The run goes on for a while and
is killed, stopped or left to end. The copy is put back, in one of the ways people put copies back, and the same command
is started. It must refuse. Then a person decides (`--adopt`), and the run goes on until it is done.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from argparse import ArgumentParser, Namespace
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from signal import SIGINT

from mmsflow.simulator.config import SimulatorConfig
from torture import seeded
from torture.kills_stage import Command, Launch, Server, audit, environment, preload, simulator, until
from torture.kills_workspace import CAMPAIGN_FILE, NAME, Workspace, judge, make_workspace
from torture.results import Figure

PURPOSE = "copies of the ledger, taken while it sends and put back: nobody gets two messages"

TAKEN = ("backup", "cp", "cp_with_log", "folder", "state_folder", "mmsflow_backup")
PUT = ("onto", "renamed", "beside_the_old_log", "elsewhere", "mmsflow_restore")
_PATIENCE_SECONDS = 300.0
_REFUSED, _MAYBE_SENT = 6, 7
_DONE = frozenset({0, _REFUSED, _MAYBE_SENT})


def configure(parser: ArgumentParser) -> None:
    """The arguments of this campaign."""
    seeded.configure(parser, range(3))


def main(options: Namespace) -> int:
    """Carry every seed out; returns 1 where something was violated."""
    preload()
    return seeded.carry_out(options, one_seed)


@dataclass(frozen=True, slots=True)
class Case:
    """How the copy is taken and put back; ``lost`` is what else is gone: the witness, the marker, or nothing."""

    taken: str
    put: str
    lost: str


def case_of(rng: Random) -> Case:
    """Draw a case in which witness or marker survived."""
    taken, put = rng.choice(TAKEN), rng.choice(PUT)
    lost = rng.choice(("", "", "witness", "marker"))
    if lost == "witness" and taken == "folder":
        lost = ""  # with the marker put back too, nobody outside the copy would know anything
    return Case(taken, put, lost)


def one_seed(seed: int, folder: Path) -> dict[str, Figure]:
    """One campaign, from its seed alone (but for the machine's timing)."""
    rng = Random(seed)
    case, in_flight = case_of(rng), rng.choice((2, 4, 16))
    workspace = make_workspace(folder / "workspace", rng, rng.randint(60, 140), poll_until="")
    config = SimulatorConfig(
        state=str(folder / "simulator.db"), seed=seed, quota=1_000_000, latency=(0.01, 0.06), delivery_delay=(0.2, 1.5)
    )
    began = time.monotonic()
    with simulator(config) as server:
        variables = environment(
            server, in_flight=in_flight, workspace=str(workspace.folder), witness=str(folder / "witness")
        )
        launch = Launch(workspace.folder, variables, workspace.log)
        stage = Stage(rng, launch, server, workspace, folder, case)
        stage.play()
        verdict = judge(stage.workspace, server.by_number(), bound=len(workspace.valid))
        if stage.written_off:  # no run, so no report either; nobody was sent to after the copy was put back
            verdict.violations = [f"{verdict.duplicates} received twice"] if verdict.duplicates else []
            verdict.lost = 0
        verdict.violations += stage.violations + audit(stage.launch)
    return {
        "kind": "copies",
        "seed": seed,
        "in_flight": in_flight,
        "case": f"{case.taken}/{case.put}/{case.lost or 'all there'}",
        "recipients": len(workspace.valid),
        "copies": 1,
        "at_copy": stage.at_copy,
        "since_copy": stage.since_copy,
        "refused": stage.refused,
        "written_off": int(stage.written_off),
        "received": verdict.received,
        "duplicates": verdict.duplicates,
        "lost": verdict.lost,
        "unknown": verdict.unknown,
        "seconds": round(time.monotonic() - began, 1),
        "violations": verdict.violations,
    }


class Stage:
    """One story.

    Attributes:
        at_copy, since_copy: messages received until the copy was taken, and from then until it was put back.
        refused: how often the start was refused before a person decided.
        written_off: the copy does not hold the run at all, and nothing more was sent.
        violations: what must not be.
    """

    def __init__(
        self, rng: Random, launch: Launch, server: Server, workspace: Workspace, folder: Path, case: Case
    ) -> None:
        self._rng, self.launch, self._server, self.workspace, self._case = rng, launch, server, workspace, case
        self._copy = folder / "copy"
        self._witness = folder / "witness"
        self.at_copy = self.since_copy = self.refused = 0
        self.written_off = False
        self.violations: list[str] = []

    def play(self) -> None:
        """Send, copy, send on, end, put back, start."""
        process = self._start()
        self._await_received(process, self._rng.randint(0, len(self.workspace.valid) * 2 // 3))
        self._take()
        self.at_copy = self._server.received()
        self._await_received(process, self.at_copy + self._rng.randint(0, len(self.workspace.valid) // 2))
        self._end(process)
        self.since_copy = self._server.received() - self.at_copy
        self._put_back()
        self._go_on()

    def _start(self, *more: str) -> Command:
        return self.launch.start("run", CAMPAIGN_FILE, "--yes", *more)

    def _await_received(self, process: Command, number: int) -> None:
        until(lambda: self._server.received() >= number, process, _PATIENCE_SECONDS)
        end = time.monotonic() + self._rng.uniform(0, 0.05)
        until(lambda: time.monotonic() >= end, process, 1)
        ledger = self.workspace.ledger
        until(lambda: _names_a_ledger(ledger), process, _PATIENCE_SECONDS)

    def _end(self, process: Command) -> None:
        how = self._rng.choice(("killed", "killed", "stopped", "left to end"))
        if how == "killed":
            process.kill()
        elif how == "stopped":
            process.signal(SIGINT)
        process.wait(_PATIENCE_SECONDS)

    def _take(self) -> None:
        """Take the copy, as a tree like the workspace's; a folder that was being written to is copied file by file."""
        copy = self._copy / ".mmsflow" / "ledger.db"
        while not _names_a_ledger(copy):  # taken while the file is made, it holds nothing at all: no copy of anything
            shutil.rmtree(self._copy, ignore_errors=True)
            copy.parent.mkdir(parents=True)
            self._take_once(copy)

    def _take_once(self, copy: Path) -> None:
        ledger = self.workspace.ledger
        match self._case.taken:
            case "backup":
                with closing(sqlite3.connect(ledger)) as source, closing(sqlite3.connect(copy)) as target:
                    source.backup(target)
            case "mmsflow_backup":
                code = self.launch.start("backup", str(copy)).wait(_PATIENCE_SECONDS)
                self._check(code == 0, f"`backup` ended with exit code {code}")
            case "cp":
                shutil.copy(ledger, copy)
            case "cp_with_log" | "state_folder":
                for each in (ledger, ledger.with_name("ledger.db-wal")):
                    with suppress(FileNotFoundError):
                        shutil.copy(each, copy.parent / each.name)
            case "folder":
                shutil.copytree(self.workspace.folder, self._copy, dirs_exist_ok=True)
                (copy.parent / "ledger.db-shm").unlink(missing_ok=True)

    def _put_back(self) -> None:
        ledger, copies = self.workspace.ledger, self._copy / ".mmsflow"
        if self._case.put == "elsewhere":
            self._elsewhere()
        elif self._case.put == "mmsflow_restore" and _is_whole(copies / "ledger.db"):
            code = self.launch.start("restore", str(copies / "ledger.db")).wait(_PATIENCE_SECONDS)
            self._check(code == 0, f"`restore` ended with exit code {code}")
        else:
            if self._case.put != "beside_the_old_log":
                for name in ("ledger.db-wal", "ledger.db-shm"):
                    (ledger.parent / name).unlink(missing_ok=True)
            for each in copies.glob("ledger.db*"):
                if each.suffix in {".db", ".db-wal"}:
                    self._put(each, ledger.parent / each.name)
        if self._case.taken == "folder" and (self._copy / "campaigns" / ".runs").exists():
            shutil.copytree(
                self._copy / "campaigns" / ".runs", self.workspace.folder / "campaigns" / ".runs", dirs_exist_ok=True
            )
        if self._case.lost == "witness":
            shutil.rmtree(self._witness, ignore_errors=True)
        if self._case.lost == "marker":
            (self.workspace.folder / "campaigns" / ".runs" / f"{NAME}.json").unlink(missing_ok=True)

    def _put(self, source: Path, target: Path) -> None:
        if self._case.put == "renamed":
            draft = target.with_name("draft")
            shutil.copy(source, draft)
            draft.replace(target)
        else:
            shutil.copyfile(source, target)

    def _elsewhere(self) -> None:
        """A second workspace beside the first, as somebody makes who tries a copy out, or moves."""
        old, new = self.workspace.folder, self.workspace.folder.with_name("elsewhere")
        shutil.copytree(old, new, ignore=shutil.ignore_patterns(".mmsflow", "reports"))
        (new / ".mmsflow").mkdir(mode=0o700)
        for each in (self._copy / ".mmsflow").glob("ledger.db*"):
            if each.suffix in {".db", ".db-wal"}:
                shutil.copyfile(each, new / ".mmsflow" / each.name)
        self.workspace = replace(self.workspace, folder=new)
        variables = {**self.launch.environment, "MMSFLOW_WORKSPACE": str(new)}
        self.launch = replace(self.launch, folder=new, environment=variables, log=self.workspace.log)

    def _go_on(self) -> None:
        before = self._server.received()
        complete = self.since_copy == 0 or before == 0
        code = self._start().wait(_PATIENCE_SECONDS)
        more = self._server.received() - before
        if code == _REFUSED and not more:
            self.refused += 1
        elif not complete and more and self._case.put != "beside_the_old_log":
            # (the old log makes of some copies the newest state again, which goes on rightly)
            self._check(False, f"{more} messages went out before a person had decided (exit code {code})")
        if code == _REFUSED:
            code = self._start("--adopt").wait(_PATIENCE_SECONDS)
        if code == _REFUSED and "ledger_mixed" in self._causes():
            self._repair()
            code = self._start("--adopt").wait(_PATIENCE_SECONDS)
        if code == _REFUSED and "run_lost" in self._causes():
            self._write_off()
            return
        self._check(code in _DONE, f"after --adopt it ended with exit code {code}")

    def _repair(self) -> None:
        """Do as the refusal says."""
        source = self._copy / ".mmsflow" / "ledger.db"
        code = self.launch.start("restore", str(source)).wait(_PATIENCE_SECONDS)
        self._check(code == 0, f"`restore` of a mixed ledger ended with exit code {code}")

    def _write_off(self) -> None:
        """Who had a run that the copy does not hold is not known, so nothing more is sent."""
        self.written_off = True

    def _causes(self) -> str:
        plan = self.launch.folder / "blocked.json"
        log = replace(self.launch, log=plan)
        plan.unlink(missing_ok=True)
        log.start("run", CAMPAIGN_FILE, "--yes", "--adopt", "--json").wait(_PATIENCE_SECONDS)
        with suppress(ValueError):
            return str(json.loads(plan.read_text("utf-8").splitlines()[-1]))
        return plan.read_text("utf-8")

    def _check(self, holds: bool, what: str) -> None:
        if not holds:
            self.violations.append(what)


def _names_a_ledger(copy: Path) -> bool:
    if not copy.exists():
        return False
    if not copy.stat().st_size:
        return False
    address = f"{copy.as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True, timeout=10)) as connection, suppress(sqlite3.DatabaseError):
        return connection.execute("SELECT ledger FROM identity").fetchone() is not None
    return False


def _is_whole(copy: Path) -> bool:
    """Whether a copy needs no log beside it."""
    return copy.exists() and not copy.with_name(copy.name + "-wal").exists()
