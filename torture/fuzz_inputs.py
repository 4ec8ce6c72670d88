"""Campaign files, lists, templates and pictures that nobody should write: located errors or a plan, no traceback."""

from __future__ import annotations

import resource
import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

from mmsflow.errors import InvalidInput
from mmsflow.workflow.prepare import prepare
from torture import seeded
from torture.fuzz_cases import BRIEF_CAMPAIGNS, CAMPAIGN, CASES, FILES, good_files
from torture.results import Figure

PURPOSE = "campaign files, lists, templates and pictures that nobody should write"

_ALLOWED_GROWTH_KIB = 60 * 1024  # one decoded picture of the largest size that is accepted, several times over
_SLOW_SECONDS = 5.0


def configure(parser: ArgumentParser) -> None:
    """The arguments of this campaign."""
    seeded.configure(parser, range(1))
    parser.add_argument("--cases", type=int, default=1000, metavar="N", help="cases of each seed")


def main(options: Namespace) -> int:
    """Carry every seed out; returns 1 where something was violated."""
    return seeded.carry_out(options, lambda number, folder: one_seed(number, folder, options.cases))


def one_seed(number: int, folder: Path, cases: int) -> dict[str, Figure]:
    """So many cases, all of them from the seed."""
    began = time.monotonic()
    trial = Trial(folder)
    trial.put("yaml", CAMPAIGN.encode())
    trial.judge("yaml")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    @seed(number)
    @settings(
        max_examples=cases,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(CASES)
    def every(case: tuple[str, bytes]) -> None:
        kind, content = case
        trial.put(kind, content)
        trial.judge(kind)

    every()
    growth = max(0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    if growth > _ALLOWED_GROWTH_KIB:
        trial.violations.append(f"memory grew by {growth} KiB")
    return {
        "kind": "inputs",
        "seed": number,
        "cases": trial.outcomes.total() - 1,
        **{f"as_{outcome}": count for outcome, count in sorted(trial.outcomes.items())},
        "worst_growth_kib": growth,
        "seconds": round(time.monotonic() - began, 1),
        "violations": trial.violations[:20],
    }


class Trial:
    """A workspace whose files are good but for one.

    Attributes:
        outcomes: how often each kind of file was planned or refused.
        violations: what else happened; the files are kept as ``bad-…`` in the folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._good = good_files()
        self._differs: set[str] = set(FILES)
        self.outcomes: Counter[str] = Counter()
        self.violations: list[str] = []

    def put(self, kind: str, content: bytes) -> None:
        """Write a bad file with a campaign around it, and the good ones over what was different before."""
        contents = {kind: content} if kind == "yaml" else {kind: content, "yaml": BRIEF_CAMPAIGNS[kind].encode()}
        for name in self._differs | set(contents):
            path = self._folder / FILES[name]
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(contents.get(name, self._good[name]))
        self._differs = set(contents)

    def judge(self, kind: str) -> None:
        """Prepare the campaign, as ``check``, ``plan`` and ``run`` do."""
        began = time.thread_time()  # of the processor: a starved machine is no fault of the program's
        try:
            prepared = prepare(self._folder / FILES["yaml"], self._folder)
        except InvalidInput as refusal:
            self.outcomes[f"{kind}_refused"] += 1
            if not refusal.findings or not all(found.file and found.message for found in refusal.findings):
                self._violated(kind, "an error without its place")
        except Exception as error:
            self._violated(kind, f"{type(error).__name__}: {error}"[:160])
        else:
            prepared.draft.close()
            self.outcomes[f"{kind}_planned"] += 1
        if time.thread_time() - began > _SLOW_SECONDS:
            self._violated(kind, f"it took more than {_SLOW_SECONDS:g} s of processor time")

    def _violated(self, kind: str, what: str) -> None:
        kept = self._folder / f"bad-{len(self.violations)}-{Path(FILES[kind]).name}"
        kept.write_bytes((self._folder / FILES[kind]).read_bytes())
        self.violations.append(f"{kind}: {what} ({kept.name})")
