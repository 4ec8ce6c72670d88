"""What a template may cost: steps are counted, so that a message and a whole campaign end in time on any machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmsflow.campaign import sandbox
from mmsflow.campaign.sandbox import ALLOWANCE, MAX_STEPS
from mmsflow.campaign.templating import TemplateProblem, Templates

_LOOPS = "{% for i in range(999) %}{% for j in range(999) %}BODY{% endfor %}{% endfor %}"
_LONG = "{% set s = 'ż' * 50000 %}{% set t = 'a ' * 40000 %}"

# Each is small, grows nothing beyond its bounds, and would take from minutes to days if nobody counted.
SLOW = {
    "a filter over a long text again and again": "{% set x = s | upper %}",
    "sorting": "{% set x = s | sort %}",
    "unique letters": "{% set x = s | unique | list %}",
    "the largest letter": "{% set x = s | max %}",
    "a regular expression": "{% set x = t | wordcount %}",
    "escaping": "{% set x = s | urlencode | length %}",
    "title case": "{% set x = t | title %}",
    "a text's method": "{% set x = t.split(' ') %}",
    "searching by method": "{% set x = t.count('a ') %}",
    "searching by operator": "{% if 'b' in t %}{% endif %}",
    "searching by test": "{% if 'b' is in t %}{% endif %}",
    "comparing": "{% if s == s ~ '' %}{% endif %}",
    "joining": "{% set x = s ~ s[:10] %}",
    "adding": "{% set x = s + 'b' %}",
    "copying slices": "{% set x = s[i:] %}",
    "formatting": "{% set x = '%999d' | format(i) %}",
    "powers": "{% set x = 7 ** 300 %}",
    "many empty outputs": "{{ '' }}" * 1000,
    "a cell again and again": "{% set x = cell | lower %}",
}


@pytest.mark.parametrize("body", SLOW.values(), ids=SLOW.keys())
def test_work_is_counted_whatever_it_is(body: str) -> None:
    template = Templates(Path("/nonexistent")).compile(_LONG + _LOOPS.replace("BODY", body) + "{{ cell | length }}")
    with pytest.raises(TemplateProblem, match=f"more than {MAX_STEPS} steps"):
        template.render({"cell": "Ż" * 50_000})


@pytest.mark.parametrize(
    "source",
    [
        "{% set x %}" + _LOOPS.replace("BODY", "{{ i }}" * 500) + "{% endset %}",
        "{% macro m() %}" + "{{ cell }}" * 500 + "{% endmacro %}" + _LOOPS.replace("BODY", "{% set x = m() %}"),
        "{% macro m() %}{{ caller() }}{% endmacro %}"
        + _LOOPS.replace("BODY", "{% call m() %}" + "{{ cell }}" * 500 + "{% endcall %}"),
        "{% filter upper %}" + _LOOPS.replace("BODY", "{{ i }}" * 500) + "{% endfilter %}",
    ],
    ids=["a captured text", "a macro", "a call block", "a filter block"],
)
def test_what_is_collected_before_it_is_measured_is_counted_too(source: str) -> None:
    with pytest.raises(TemplateProblem, match="steps"):
        Templates(Path("/nonexistent")).compile(source).render({"cell": ""})


def test_included_files_and_blocks_are_counted_each_time(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "part").write_text("{{ cell }}" * 500)
    (tmp_path / "templates" / "base").write_text("{% block a %}{% endblock %}")
    (tmp_path / "templates" / "child").write_text(
        "{% extends 'base' %}{% block a %}" + "{{ cell }}" * 500 + "{% endblock %}"
    )
    templates = Templates(tmp_path)
    for source in ("{% include 'part' %}", "{% include 'child' %}"):
        with pytest.raises(TemplateProblem, match="steps"):
            templates.compile(_LOOPS.replace("BODY", source)).render({"cell": ""})


@pytest.mark.parametrize(
    "source",
    ["{{ cell" + " | upper" * 300 + " }}", "{{ " + "-" * 300 + "1 }}", "{{ cell }}" * 20_000],
    ids=["filters in a row", "signs in a row", "too many pieces"],
)
def test_a_template_that_would_take_long_to_compile_is_refused_unread(source: str) -> None:
    with pytest.raises(TemplateProblem, match=r"nested too deeply|pieces"):
        Templates(Path("/nonexistent")).compile(source)


def test_an_ordinary_message_needs_a_thousandth_of_its_budget() -> None:
    templates = Templates(Path("/nonexistent"))
    source = (
        "Dzień dobry {{ name | title }}!{% for item in items.split(',') %} {{ loop.index }}. {{ item }}{% endfor %}"
    )
    template = templates.compile(source)
    assert template.render({"name": "ola", "items": "a,b"}) == "Dzień dobry Ola! 1. a 2. b"
    assert MAX_STEPS - templates._sandbox.steps_left < MAX_STEPS / 1000


def test_a_campaign_of_demanding_messages_ends_though_each_alone_is_within_its_budget(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sandbox, "CAMPAIGN_RESERVE", 2 * MAX_STEPS)
    template = Templates(Path("/nonexistent")).compile(
        "{{ name }}{% for i in range(900) %}{{ i }}{{ i }}{{ i }}{% endfor %}"
    )
    texts = {template.render({"name": "x"}) for _ in range(20)}
    assert len(texts) == 1
    with pytest.raises(TemplateProblem, match=f"{ALLOWANCE} steps a message on average"):
        template.render_many([{"name": "x"}] * 1000)


def test_a_campaign_of_ordinary_messages_goes_on_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "CAMPAIGN_RESERVE", 10 * ALLOWANCE)
    template = Templates(Path("/nonexistent")).compile("{{ name }}{% for i in range(99) %}{{ i }}{{ i }}{% endfor %}")
    assert len({template.render({"name": "x"}) for _ in range(300)}) == 1
