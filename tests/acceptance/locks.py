"""The two locks as the tests read them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Locked:
    """One package of a lock: its canonical name, what is asked for, and the digests that its files may have."""

    name: str
    requirement: Requirement
    digests: frozenset[str]


def locked(lock: str) -> Iterator[Locked]:
    """All packages of a lock, also those for other machines; a line that is no package, such as an option, raises."""
    for line in (ROOT / lock).read_text("utf-8").replace("\\\n", " ").splitlines():
        asked, *digests = re.split(r"\s+--hash=", line.strip())
        requirement = Requirement(asked)
        yield Locked(canonicalize_name(requirement.name), requirement, frozenset(digests))


def pins(lock: str, python: str | None = None) -> dict[str, tuple[str, frozenset[str]]]:
    """Version and digests by name, as pip takes them on this machine, or with that Python on it."""
    other = {"python_version": python, "python_full_version": f"{python}.0"} if python else {}
    return {
        each.name: (str(each.requirement.specifier).removeprefix("=="), each.digests)
        for each in locked(lock)
        if each.requirement.marker is None or each.requirement.marker.evaluate({**other})
    }
