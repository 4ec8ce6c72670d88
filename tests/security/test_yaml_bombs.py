"""A campaign file cannot grow beyond what stands in it, nor say two things at once."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise
from pathlib import Path

import pytest

from mmsflow.campaign.load import load_campaign
from mmsflow.errors import InvalidInput

_LEVELS = "abcdefghi"
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join(['*' + below] * 9)}]\n" for below, name in pairwise(_LEVELS)
)
BOMBS = {
    "a billion laughs": (BOMB, "alias|anchor"),
    "a list within itself": ("recipients: &a [*a]\n", "alias|anchor"),
    "merge keys": ("a: &a {x: 1}\nb: {<<: *a}\n", "alias|anchor"),
    "a thousand lists in each other": ("a: " + "[" * 1000 + "]" * 1000, "deep"),
    "a thousand blocks in each other": ("".join(f"{' ' * n}a:\n" for n in range(1000)), "deep"),
    "a tag that makes an object": ("a: !!python/object/apply:os.system [id]\n", "tag"),
    "the same key twice": ("version: 1\nversion: 1\n", "second time"),
    "more than a megabyte": ("#" * 1_000_001, "larger than 1 MB"),
    "a number of a hundred thousand digits": (f"version: {'9' * 100_000}\n", ""),
    "two documents": ("version: 1\n---\nversion: 1\n", "document"),
}


@pytest.mark.parametrize(("text", "said"), BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_is_a_located_error_and_takes_little_memory(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "bomb.yaml"
    path.write_text(text)
    tracemalloc.start()
    try:
        with pytest.raises(InvalidInput) as caught:
            load_campaign(path, tmp_path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    findings = caught.value.findings
    assert any(word in finding.message for finding in findings for word in said.split("|"))
    assert all(len(finding.message) < 400 for finding in findings)
    assert peak < 20_000_000 + 30 * len(text)


def test_the_bomb_is_a_small_one() -> None:
    assert len(BOMB) < 400
