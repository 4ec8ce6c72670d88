"""What was read can be frozen by content, a list that changes meanwhile is noticed, and memory stays small."""

from __future__ import annotations

import hashlib
import tracemalloc

import pytest

from mmsflow.audience.consent import refusals
from mmsflow.audience.model import ListDigest
from mmsflow.errors import InvalidInput

from .conftest import Workspace

A = {"csv": "lists/a.csv"}
CONSENT = {"column": "consent", "accept": ["yes"]}


def test_every_list_is_known_by_its_bytes_once_it_was_read(workspace: Workspace) -> None:
    content = "\ufeffmsisdn;name\r\n501102030;Żaneta\r\n".encode()
    workspace.write("lists/a.csv", content)
    workspace.write("lists/out.jsonl", '{"tel": 1120}\n'.replace("1120", "502102030"))
    audience = workspace.audience(A, exclude=[{"jsonl": "lists/out.jsonl"}])
    assert list(audience.inputs) == []
    list(audience.rows())
    assert {item.path for item in audience.inputs} == {"lists/a.csv", "lists/out.jsonl"}
    assert ListDigest("lists/a.csv", hashlib.sha256(content).hexdigest(), len(content)) in audience.inputs


def test_a_list_that_changes_between_two_passes_is_an_error(workspace: Workspace) -> None:
    workspace.write("lists/a.csv", "msisdn,consent\n501102030,yes\n")
    audience = workspace.audience(A, consent=CONSENT)
    assert not audience.refusals.no_consent
    workspace.write("lists/a.csv", "msisdn,consent\n501102030,nie\n")
    with pytest.raises(InvalidInput) as caught:
        list(audience.rows())
    assert "changed" in caught.value.findings[0].message


def test_a_header_that_changes_between_two_passes_is_an_error(workspace: Workspace) -> None:
    workspace.write("lists/a.csv", "msisdn,name\n501102030,Ola\n")
    audience = workspace.audience(A)
    assert audience.columns
    workspace.write("lists/a.csv", "name,msisdn\nOla,501102030\n")
    with pytest.raises(InvalidInput) as caught:
        list(audience.rows())
    assert "changed" in caught.value.findings[0].message


def test_a_key_that_appears_between_two_passes_is_an_error(workspace: Workspace) -> None:
    workspace.write("lists/a.jsonl", '{"msisdn": "501102030"}\n')
    audience = workspace.audience({"jsonl": "lists/a.jsonl"})
    assert audience.columns
    workspace.write("lists/a.jsonl", '{"msisdn": "501102030", "name": "Ola"}\n')
    with pytest.raises(InvalidInput) as caught:
        list(audience.rows())
    assert "changed" in caught.value.findings[0].message


def test_a_person_who_opts_out_after_approval_is_refused_at_the_next_look(workspace: Workspace) -> None:
    workspace.write("lists/a.csv", "msisdn\n501102030\n502102030\n")
    workspace.write("lists/out.csv", "msisdn\n503102030\n")
    campaign = workspace.campaign(A, exclude=[{"csv": "lists/out.csv"}])
    before = refusals(campaign, workspace.path)
    assert before.is_refused("+48502102030") is None
    assert before.is_current()
    workspace.write("lists/out.csv", "msisdn\n503102030\n502102030\n")
    assert not before.is_current()
    assert refusals(campaign, workspace.path).is_refused("+48502102030") == "opted out: lists/out.csv row 3"


def test_a_consent_that_is_taken_back_is_a_refusal_unless_only_opt_outs_are_asked(workspace: Workspace) -> None:
    workspace.write("lists/a.csv", "msisdn,consent\n501102030,no\n")
    campaign = workspace.campaign(A, consent=CONSENT)
    assert refusals(campaign, workspace.path).is_refused("+48501102030") == "no consent in lists/a.csv row 2"
    assert refusals(campaign, workspace.path, consent_lists=False).is_refused("+48501102030") is None


def test_an_opt_out_list_that_is_gone_is_an_error_at_the_next_look(workspace: Workspace) -> None:
    workspace.write("lists/out.csv", "msisdn\n503102030\n")
    campaign = workspace.campaign({"number": "501102030"}, exclude=[{"csv": "lists/out.csv"}])
    before = refusals(campaign, workspace.path)
    (workspace.path / "lists" / "out.csv").unlink()
    assert not before.is_current()
    with pytest.raises(InvalidInput):
        refusals(campaign, workspace.path)


def peak_bytes(workspace: Workspace, rows: int, distinct: int) -> int:
    lines = (f"{501_000_000 + row % distinct},{'x' * 60}\n" for row in range(rows))
    workspace.write("lists/a.csv", "msisdn,name\n" + "".join(lines))
    audience = workspace.audience(A)
    assert audience.plans
    tracemalloc.start()
    assert sum(1 for _ in audience.rows()) == rows
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_grows_with_distinct_numbers_not_with_rows(workspace: Workspace) -> None:
    peak_bytes(workspace, 100, 100)
    few = peak_bytes(workspace, 2_000, 1_000)
    assert peak_bytes(workspace, 20_000, 1_000) < few + 100_000
    assert peak_bytes(workspace, 20_000, 20_000) < few + 20_000 * 200
