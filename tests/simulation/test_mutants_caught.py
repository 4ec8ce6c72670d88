"""Planted mistakes must fit the code as it is, and the simulation must notice them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from torture.mutants import ROOT, NotPlanted, judge, mutated
from torture.mutants_planted import MUTANTS, Mutant

_QUICK = ("send before intent", "crash makes ready", "no answer makes ready")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_mistake_can_still_be_planted(mutant: Mutant) -> None:
    source = (ROOT / mutant.module).read_text("utf-8")
    planted = mutated(mutant, source)
    assert planted != source
    compile(planted, mutant.module, "exec")


def test_a_mistake_whose_place_is_gone_is_an_error() -> None:
    with pytest.raises(NotPlanted, match="0 times"):
        mutated(MUTANTS[0], "something else")


def test_there_are_enough_of_them_and_each_has_its_name() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 12


@pytest.mark.parametrize("name", _QUICK)
def test_the_simulation_catches_a_planted_mistake(name: str) -> None:
    (mutant,) = (mutant for mutant in MUTANTS if mutant.name == name)
    verdict = judge(mutant, most_seeds=300)
    assert verdict.caught, verdict.said


def test_a_change_that_is_no_mistake_is_not_caught() -> None:
    harmless = replace(
        MUTANTS[0], name="harmless", module="mmsflow/delivery/__init__.py", old='"""Carrying', new='"""Bringing'
    )
    assert Path(ROOT / harmless.module).read_text("utf-8").count(harmless.old) == 1
    assert not judge(harmless, most_seeds=5).caught
