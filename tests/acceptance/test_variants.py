"""An A/B test from its file to the report, through the real script."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from mmsflow.message.variants import Assignment

from .console import Console, Done
from .independent_gateway import IndependentGateway
from .workspace import CAMPAIGN, change_campaign, numbers, report_rows, write_list

_VARIANTS = """\
variants:
  - name: plain
    weight: 2
  - name: kind
    subject: "{{ code }} dla Ciebie"
poll:"""
SIMULATOR = {"MMSFLOW_GATEWAY": "simulator", "MMSFLOW_GATEWAY_URL": "", "MMSFLOW_SIMULATOR_DELAY": "1s"}
ARMS = ("plain", "kind")


@pytest.fixture
def two_arms(quick: Console, workspace: Path) -> Console:
    """A console whose campaign has two variants, weights 2 and 1, for 40 people."""
    change_campaign(workspace, {"poll:": _VARIANTS})
    write_list(workspace, numbers(40))
    return quick


def arm_of(number: str) -> str:
    return ARMS[Assignment("offer", [2, 1]).arm_of(number)]


def expected() -> Mapping[str, int]:
    return Counter(map(arm_of, numbers(40)))


def test_a_run_on_the_simulator_reports_every_recipient_with_their_arm(two_arms: Console, workspace: Path) -> None:
    run = two_arms("run", CAMPAIGN, "--yes", "--json", **SIMULATOR)
    assert run.code in (0, 7), run.err  # the simulator may leave one of unknown fate
    rows = report_rows(workspace / "reports" / run.document["run"] / "report.csv")
    assert {row["number"]: row["variant"] for row in rows} == {number: arm_of(number) for number in numbers(40)}
    assert {row["variant"] for row in rows} == set(ARMS)
    for row in rows:
        assert row["subject"].endswith(" dla Ciebie") == (row["variant"] == "kind")


def test_a_top_up_in_another_order_gives_everybody_the_arm_they_always_had(
    two_arms: Console, workspace: Path, gateway: IndependentGateway
) -> None:
    people = numbers(40)
    write_list(workspace, people[:25])
    two_arms("run", CAMPAIGN, "--yes", "--no-wait").ended_with(0)
    write_list(workspace, [*reversed(people)])
    two_arms("run", CAMPAIGN, "--yes", "--no-wait", "--top-up").ended_with(0)
    assert sorted(gateway.numbers) == sorted(people)
    for message in gateway.messages:
        assert ("dla Ciebie" in str(message.fields["subject"])) == (arm_of(message.number) == "kind")


def test_check_and_plan_tell_how_many_get_each_arm(two_arms: Console) -> None:
    sizes = expected()
    arms = [
        {"name": "plain", "weight": 2, "messages": sizes["plain"]},
        {"name": "kind", "weight": 1, "messages": sizes["kind"]},
    ]
    assert two_arms("check", "--json").ended_with(0).document["campaigns"][0]["variants"] == arms
    assert two_arms("plan", CAMPAIGN, "--json").ended_with(0).document["variants"] == arms
    for command in (("check",), ("plan", CAMPAIGN)):
        shown = two_arms(*command).ended_with(0)
        lines = [line.split() for line in shown.out.splitlines()]
        for arm in arms:
            assert any(line[-3:] == [arm["name"], str(arm["weight"]), str(arm["messages"])] for line in lines)


def test_a_test_message_of_a_variant_is_the_first_row_of_that_arm(
    two_arms: Console, gateway: IndependentGateway
) -> None:
    for arm in ARMS:
        two_arms("send-test", CAMPAIGN, "--to", "501102030", "--variant", arm, "--yes").ended_with(0)
        first = next(at for at, number in enumerate(numbers(40)) if arm_of(number) == arm)
        assert gateway.messages[-1].fields["subject"] == {"plain": f"Kod K{first}", "kind": f"K{first} dla Ciebie"}[arm]


def test_a_variant_that_does_not_exist_is_refused_with_the_names_of_those_that_do(
    two_arms: Console, workspace: Path, gateway: IndependentGateway
) -> None:
    refused = two_arms("send-test", CAMPAIGN, "--to", "501102030", "--variant", "kid", "--yes").ended_with(3)
    assert "no variant `kid`" in refused.err
    assert "did you mean kind?" in refused.err.replace("`", "")
    refused = two_arms("send-test", CAMPAIGN, "--to", "501102030", "--variant", "xyz", "--yes").ended_with(3)
    assert "plain" in refused.err
    assert "kind" in refused.err
    assert gateway.messages == []


def warnings(done: Done) -> str:
    return done.ended_with(0).out + done.err


def test_links_that_alarm_are_warned_of_by_check_plan_and_preview_and_stop_nothing(
    quick: Console, workspace: Path
) -> None:
    change_campaign(workspace, {"Kod {{ code }}": "https://{{ code }}.bit.ly"})
    for command in (("check",), ("plan", CAMPAIGN), ("preview", CAMPAIGN)):
        assert "5 messages have links through a public URL shortener" in warnings(quick(*command))
    documents = [
        quick("check", "--json").ended_with(0).document["campaigns"][0],
        quick("plan", CAMPAIGN, "--json").ended_with(0).document,
        quick("preview", CAMPAIGN, "--json").ended_with(0).document,
    ]
    for document in documents:
        assert any("shortener" in warning for warning in document["warnings"])
