"""The documentation as the tests see it: its pages, and the module that writes the generated parts."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]

_FENCE = re.compile(r"^```(?P<info>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its first word, the rest of that line, and its text."""

    kind: str
    note: str
    text: str


@cache
def reference() -> ModuleType:
    """``scripts/reference.py``, which is no part of the package."""
    spec = importlib.util.spec_from_file_location("mmsflow_reference", ROOT / "scripts" / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pages() -> list[Path]:
    """README and its like, and everything below docs/."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def text_of(*names: str) -> str:
    """The text of these pages together; of all pages when none is named."""
    return "\n".join((ROOT / name).read_text("utf-8") for name in names or [str(page) for page in pages()])


def blocks(name: str | Path) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    for found in _FENCE.finditer((ROOT / name).read_text("utf-8")):
        kind, _, note = found["info"].partition(" ")
        yield Block(kind, note, found["text"])


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", page.read_text("utf-8"))
