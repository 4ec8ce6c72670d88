"""Every refusal has a cause of its own, and every cause that the code gives is in the table."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pages import ROOT, text_of

import mmsflow
from mmsflow import errors
from mmsflow.causes import CAUSES, OTHER
from mmsflow.errors import MmsflowError
from mmsflow.ledger.copies import Kind
from mmsflow.ledger.model import PausedBy
from mmsflow.workflow.blocking import OTHER_FILE

PACKAGE = Path(mmsflow.__file__).parent
NEED_ONE = {"PlanRefused", "RunUnfinished", "GatewayRefused", "GatewayUnavailable", "RunHeld", "tripped"}


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE), ast.parse(path.read_text("utf-8"))


def words_of(node: ast.expr) -> list[str]:
    """The words that an expression can give, as far as they are written in it."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) and node.value else []
    if isinstance(node, ast.IfExp):
        return [*words_of(node.body), *words_of(node.orelse)]
    return [word for each in node.values for word in words_of(each)] if isinstance(node, ast.BoolOp) else []


def given() -> Iterator[tuple[str, str]]:
    """Every word that the code gives as a cause, with its place."""
    for path, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                values = [each.value for each in node.keywords if each.arg == "cause"]
                if name == "Blocker" and node.args:
                    values.append(node.args[0])
                for value in values:
                    yield from ((word, f"{path}:{node.lineno}") for word in words_of(value))
            elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    yield from ((word, f"{path}:{node.lineno}") for word in _assigned(target, node.value))


def _assigned(target: ast.expr, value: ast.expr) -> list[str]:
    if isinstance(target, ast.Name | ast.Attribute):
        return words_of(value) if getattr(target, "id", getattr(target, "attr", "")) == "cause" else []
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        return [word for one, other in zip(target.elts, value.elts, strict=True) for word in _assigned(one, other)]
    return []


def test_every_cause_that_the_code_gives_is_in_the_table() -> None:
    unknown = {f"{place} {word}" for word, place in given() if word and word not in CAUSES}

    assert not unknown, "add a line to mmsflow/causes.py for each"


def test_every_refusal_of_its_own_exit_code_says_its_cause() -> None:
    silent = []
    for path, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in NEED_ONE:
                named = any(each.arg == "cause" for each in node.keywords)
                if not named and not any(isinstance(each, ast.Starred) for each in node.args):
                    silent.append(f"{path}:{node.lineno} {node.func.id}")  # type: ignore[attr-defined]

    assert not silent, "give each `cause=`, a word of mmsflow/causes.py"


def test_no_answer_refuses_without_a_cause() -> None:
    silent = [
        f"{path}:{node.lineno}"
        for path, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "Answer"
        and any(each.arg == "refused" for each in node.keywords)
    ]

    assert not silent, "use Answer.refusal, which wants a cause"


def test_every_word_of_the_table_is_given_somewhere() -> None:
    used = {word for word, _ in given()} | {each.cause for each in PausedBy} | {kind.value for kind in Kind}
    used |= {each.cause for each in vars(errors).values() if isinstance(each, type) and issubclass(each, MmsflowError)}

    # ``ended`` of nothing_to_do is one of two words.
    assert sorted(set(CAUSES) - used - {"finished", "cancelled", "disk_space", OTHER_FILE}) == []


@pytest.mark.parametrize("word", CAUSES)
def test_a_word_is_one_and_its_meaning_a_sentence(word: str) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", word)
    assert word != OTHER
    meaning = CAUSES[word].meaning
    assert meaning
    assert not meaning.endswith(".")
    assert CAUSES[word].exit_code in {1, 2, 3, 4, 5, 6, 7, 8, 130}


def test_the_page_has_them_all_and_is_found() -> None:
    page = text_of("docs/causes.md")

    assert [word for word in CAUSES if f"| `{word}` |" not in page] == []
    assert "docs/causes.md" in text_of("README.md")
    assert (ROOT / "docs" / "causes.md").is_file()
