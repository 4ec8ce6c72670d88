"""Users' templates: what they say, what they need, and that they can neither get out nor grow without bounds."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsflow.campaign.bounded import MAX_CHARACTERS
from mmsflow.campaign.templating import TemplateProblem, Templates


@pytest.fixture
def templates(workspace: Path) -> Templates:
    return Templates(workspace)


def test_a_template_is_rendered_with_the_row_it_is_given(templates: Templates) -> None:
    template = templates.compile("{{ name | title }}, kod {{ code }}: {{ '%.2f' | format(price | float) }} zł")

    assert template.render({"name": "ola", "code": "A1", "price": "9.5", "other": object()}) == "Ola, kod A1: 9.50 zł"


def test_nothing_is_escaped_in_a_text_message(templates: Templates) -> None:
    assert templates.compile("{{ shop }}").render({"shop": "M&S <b>"}) == "M&S <b>"


def test_a_variable_without_a_value_stops_the_row_and_is_named_with_its_line(templates: Templates) -> None:
    with pytest.raises(TemplateProblem) as refused:
        templates.compile("Hello\n{{ name }}").render({"name": None})

    assert (refused.value.variable, refused.value.line, refused.value.exit_code) == ("name", 2, 3)
    assert "default" in refused.value.advice


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{{ city | default('us') }}", "us"),
        ("{% if city is defined %}{{ city }}{% endif %}", ""),
        ("{% if city %}in {{ city }}{% else %}here{% endif %}", "here"),
        ("{{ city or 'here' }}", "here"),
        ("{% if city != '' %}in {{ city }}{% endif %}", ""),
        ("{% if city == 'Ełk' %}in {{ city }}{% endif %}", ""),
    ],
)
def test_an_empty_cell_that_was_left_out_may_be_given_a_default_or_be_tested(
    source: str, said: str, templates: Templates
) -> None:
    template = templates.compile(source)

    assert template.render({}) == said
    assert template.render_many([{}, {"city": None}]) == [said, said]


@pytest.mark.parametrize("source", ["{{ city }}", "{{ city | upper }}", "{{ city ~ '!' }}", "{{ city | length }}"])
def test_any_other_use_of_an_empty_cell_fails(source: str, templates: Templates) -> None:
    with pytest.raises(TemplateProblem, match="`city` has no value"):
        templates.compile(source).render({})


@pytest.mark.parametrize(
    ("source", "variables", "required"),
    [
        ("plain", "", ""),
        ("{{ a }} {{ b | default(c) }}", "a b c", "a c"),
        ("{{ a | default(a2 | d('')) }}", "a a2", ""),
        ("{{ a | upper | default('x') }}", "a", "a"),
        ("{% if a is defined %}{{ a }}{% else %}{{ b }}{% endif %}", "a b", "b"),
        ("{% if a is undefined %}-{% elif b %}{{ a }}{% endif %}", "a b", "b"),
        ("{% if a is not defined %}-{% else %}{{ a }}{% endif %}", "a", ""),
        ("{% if a is defined and a == 'x' %}{{ a }}{% endif %}{{ b if b is defined else c }}", "a b c", "c"),
        ("{% if a is defined or b %}{{ a }}{% endif %}", "a b", "a b"),
        ("{% if a is defined %}-{% endif %}{{ a }}", "a", "a"),
        ("{% if city %}{{ city }}{% endif %}", "city", "city"),
        ("{% set a = b %}{{ a }}{% for i in range(3) %}{{ i }}{{ loop.index }}{% endfor %}", "b", "b"),
    ],
)
def test_the_variables_of_a_template_and_those_it_cannot_do_without(
    source: str, variables: str, required: str, templates: Templates
) -> None:
    template = templates.compile(source)

    assert template.variables == frozenset(variables.split())
    assert template.required == frozenset(required.split())
    assert template.is_static is (not variables)


def test_included_and_imported_files_come_from_the_templates_folder_with_their_variables(workspace: Path) -> None:
    (workspace / "templates" / "main.txt.j2").write_text(
        "{% from 'macros.j2' import shout %}{{ shout(name) }} {% include 'templates/foot.txt' %}", encoding="utf-8"
    )
    (workspace / "templates" / "macros.j2").write_text("{% macro shout(x) %}{{ x | upper }}!{% endmacro %}")
    (workspace / "templates" / "foot.txt").write_text("{{ shop }}{{ city | default('') }}")
    templates = Templates(workspace)

    template = templates.compile_file("templates/main.txt.j2")

    assert template.variables == {"name", "shop", "city"}
    assert template.required == {"name", "shop"}
    assert template.render({"name": "ola", "shop": "ACME"}) == "OLA! ACME"
    assert set(templates.files) == {"templates/main.txt.j2", "templates/macros.j2", "templates/foot.txt"}


def test_a_file_is_read_once_so_all_messages_are_made_of_the_same_state(workspace: Path) -> None:
    path = workspace / "templates" / "a.txt"
    path.write_text("first")
    templates = Templates(workspace)
    templates.compile_file("templates/a.txt")
    path.write_text("second")

    assert templates.compile_file("templates/a.txt").render({}) == "first"


@pytest.mark.parametrize("text", ["\n{{ shop + 1 }}", "\n{{ shop | uper }}", "\n{{ shop }"])
def test_a_problem_in_an_included_file_names_that_file_and_its_line(text: str, workspace: Path) -> None:
    (workspace / "templates" / "foot.txt").write_text(text)

    with pytest.raises(TemplateProblem) as refused:
        Templates(workspace).compile("{% include 'foot.txt' %}").render({"shop": "ACME"})

    assert (refused.value.file, refused.value.line) == ("templates/foot.txt", 2)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"a": "{% include 'b' %}", "b": "{% include 'a' %}"}, "includes itself"),
        ({"a": "{% include 'a' %}"}, "includes itself"),
        ({"a": "{% include 'nope' %}"}, "no such file"),
        ({"a": "{% include '../secret' %}"}, "leads out of the workspace"),
        ({"a": "{% include '/etc/passwd' %}"}, "no such file"),
        ({"a": "{% include name %}"}, "must be written out"),
        ({"a": "{% extends name %}"}, "must be written out"),
        ({"a": "{% import 'b' as b %}{{ b }}", "b": "text"}, "is a file of macros"),
        (
            {str(n): f"{{% include '{n + 1}' %}}" * 3 for n in range(9)} | {"a": "{% include '0' %}", "9": ""},
            "more than",
        ),
    ],
)
def test_files_that_must_not_be_included_are_refused_before_anything_is_rendered(
    files: dict[str, str], said: str, workspace: Path
) -> None:
    for name, text in files.items():
        (workspace / "templates" / name).write_text(text)

    with pytest.raises(TemplateProblem, match=said):
        Templates(workspace).compile_file("templates/a")


@pytest.mark.parametrize(
    "path", ["../outside.txt", "/etc/passwd", "templates", "templates/link", "nul\0", "", "templates/no"]
)
def test_a_template_file_must_be_a_regular_file_of_the_workspace(path: str, workspace: Path) -> None:
    (workspace / "templates" / "link").symlink_to("/etc/hostname")

    with pytest.raises(TemplateProblem):
        Templates(workspace).compile_file(path)


def test_a_template_file_that_is_not_utf8_is_named_with_its_line(workspace: Path) -> None:
    (workspace / "templates" / "a").write_bytes(b"ok\nz\xb3oty")

    with pytest.raises(TemplateProblem) as refused:
        Templates(workspace).compile_file("templates/a")

    assert (refused.value.file, refused.value.line) == ("templates/a", 2)


_DOUBLE = "{% set s = 'ab' %}" + "{% set s = STEP %}" * 40 + "{{ s }}"

ESCAPES = [
    "{{ ''.__class__ }}",
    "{{ name.__class__.__mro__ }}",
    "{{ name['__class__'] }}",
    "{{ name | attr('__class__') }}",
    "{{ ''.join.__self__ }}",
    "{{ '{0.__class__}'.format(name) }}",
    "{{ '{x.__class__}'.format_map({'x': 1}) }}",
    "{{ name.upper().__init__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ [].append(1) }}",
    "{{ range.__globals__ }}",
    "{{ lipsum.__globals__ }}",
    "{{ cycler.__init__ }}",
    "{{ namespace() }}",
    "{% for x in 'a' %}{{ loop.__init__ }}{% endfor %}",
    "{% macro m() %}{{ varargs }}{% endmacro %}{{ m(1) }}",
    "{{ range }}",
    "{{ name.upper }}",
    "{{ [1] }}",
    "{{ none }}",
    "{{ '\\ud800' }}",
]
BOMBS = [
    "{{ 'a' * 50000000 }}",
    "{{ 50000000 * 'a' }}",
    "{{ [1] * 100000000 }}",
    "{{ 9 ** 9 ** 9 ** 9 }}",
    "{{ 2 ** -99999999999 }}",
    "{{ (10 ** 300) * (10 ** 300) }}",
    "{{ '%1000000000d' | format(3) }}",
    "{{ '%*d' | format(1000000000, 3) }}",
    "{{ '%1000000000d' % 3 }}",
    "{{ '{:1000000000}'.format(1) }}",
    "{{ 'a' | center(1000000000) }}",
    "{{ 'a' | indent(1000000000) }}",
    "{{ 'a'.ljust(1000000000) }}",
    "{{ 'a\t'.expandtabs(1000000000) }}",
    "{{ 1 | round(1000000000) }}",
    "{{ 1 | round(-1000000000) }}",
    "{{ ('a' * 99999) | replace('a', 'b' * 99999) }}",
    "{{ ('a' * 99999) | replace('', 'b' * 99999) }}",
    "{{ ('a' * 99999) | join('b' * 99999) }}",
    "{{ range(10 ** 9) | list }}",
    "{% for i in range(10 ** 9) %}x{% endfor %}",
    "{% for i in range(999) %}{% for j in range(999) %}{% for k in range(999) %}{% endfor %}{% endfor %}{% endfor %}",
    "{% for x in [1, 2] recursive %}{{ loop([1, 2]) }}{% endfor %}",
    "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    _DOUBLE.replace("STEP", "s ~ s"),
    _DOUBLE.replace("STEP", "s + s"),
    _DOUBLE.replace("STEP", "[s, s]"),
    _DOUBLE.replace("STEP", "{'a': s, 'b': s}"),
    _DOUBLE.replace("STEP", "[s, s] | join(s)"),
    _DOUBLE.replace("STEP", "s | replace('b', s)"),
    _DOUBLE.replace("{% set s = STEP %}", "{% set s %}{{ s }}{{ s }}{% endset %}"),
    "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "{% if 1 %}" * 300 + "{% endif %}" * 300,
    "{% for x in 'a' %}" * 60 + "{% endfor %}" * 60,
    "x" * 300_000,
]


@pytest.mark.parametrize("source", ESCAPES)
def test_a_template_cannot_leave_the_sandbox_or_show_its_insides(source: str, templates: Templates) -> None:
    with pytest.raises(TemplateProblem):
        templates.compile(source).render({"name": "Ola"})


@pytest.mark.parametrize("source", BOMBS)
def test_a_template_that_would_grow_without_bounds_is_stopped(source: str, templates: Templates) -> None:
    with pytest.raises(TemplateProblem) as refused:
        templates.compile(source).render({"name": "Ola"})

    assert len(refused.value.message) < 300


def test_a_template_has_its_whole_budget_for_every_row(templates: Templates) -> None:
    template = templates.compile("{% for i in range(900) %}{% for j in 'abc' %}{% endfor %}{% endfor %}{{ name }}")

    assert template.render_many([{"name": "a"}] * 10) == ["a"] * 10


@pytest.mark.parametrize("value", [object(), [1], {"a": 1}, b"x", len])
def test_only_scalars_enter_a_template(value: object, templates: Templates) -> None:
    template = templates.compile("{{ name }}")

    with pytest.raises(TemplateProblem, match="`name` is a "):
        template.render({"name": value})
    with pytest.raises(TemplateProblem, match="`name` is a "):
        template.render_many([{"name": value}])


@pytest.mark.parametrize(
    ("source", "said", "advice"),
    [
        ("{{ name | uper }}", "there is no filter `uper`", "did you mean `upper`?"),
        ("{% if age %}{{ name | uper }}{% endif %}", "there is no filter `uper`", "did you mean `upper`?"),
        ("{% if age is numbr %}{% endif %}", "there is no test `numbr`", ""),
        ("{{ name }", "unexpected '}'", ""),
        ("{% fo x in y %}", "unknown tag 'fo'", ""),
        ("{{ age + 1 }}", "do not go together", "cells are texts: turn one into a number with `| int`"),
        ("{{ 1 / 0 }}", "divides by zero", "test the divisor first"),
    ],
)
def test_a_mistake_in_a_template_is_explained(source: str, said: str, advice: str, templates: Templates) -> None:
    with pytest.raises(TemplateProblem) as refused:
        templates.compile(source).render({"age": "5", "name": "Ola"})

    assert said in refused.value.message
    assert refused.value.advice == advice
    assert refused.value.line == 1


def test_a_number_in_a_problem_is_masked(templates: Templates) -> None:
    with pytest.raises(TemplateProblem) as refused:
        templates.compile("{{ {'a': 1}[phone] }}").render({"phone": "+48501102030"})

    assert "501102030" not in refused.value.message


BATCHED = [
    "{{ name }}, kod {{ code }}",
    "{{ name | title }}{% if city %} w {{ city }}{% elif code == 'A' %}!{% else %}?{% endif %}",
    "{{ name if city is defined else 'x' }}{{ city | default(code) ~ '-' }}",
    "{% set n = name %}{% for c in n %}{{ loop.index }}{{ c }}{% endfor %}",
]


@pytest.mark.parametrize("source", BATCHED)
@settings(max_examples=25, deadline=None)
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {"name": st.text(max_size=8), "code": st.sampled_from(["A", "B", 7, 1.5, True])},
            optional={"city": st.text(min_size=1, max_size=5)},
        ),
        max_size=5,
    )
)
def test_many_rows_at_once_give_the_same_texts_as_one_by_one(source: str, rows: list[dict[str, object]]) -> None:
    template = Templates(Path("/nonexistent")).compile(source)

    assert template.render_many(rows) == [template.render(row) for row in rows]


@pytest.mark.parametrize("source", ["{{ name }}", "{% for c in name %}{{ c }}{% endfor %}"])
def test_among_many_rows_the_first_failing_one_is_named(source: str, templates: Templates) -> None:
    rows: list[dict[str, object]] = [{"name": "x"} for _ in range(704)]
    rows[700] = {}

    with pytest.raises(TemplateProblem) as refused:
        templates.compile(source).render_many(rows)

    assert (refused.value.row, refused.value.variable) == (700, "name")


def test_the_output_cap_holds_for_rows_rendered_together(templates: Templates) -> None:
    rows: list[dict[str, object]] = [{"name": "x"}, {"name": "x" * (MAX_CHARACTERS + 1)}]

    with pytest.raises(TemplateProblem) as refused:
        templates.compile("{{ name }}").render_many(rows)

    assert refused.value.row == 1


@pytest.mark.parametrize(
    ("condition", "outcome"),
    [
        ('segment == "gold" and city != ""', False),
        ('segment == "gold" or city', True),
        ('segment in ["gold", "silver"]', True),
        ("age | int >= 18", True),
        ('name.startswith("O")', True),
        ("not city", True),
        ("vip is defined", False),
    ],
)
def test_a_condition_is_asked_over_the_columns_of_a_row(condition: str, outcome: bool, templates: Templates) -> None:
    row = {"segment": "gold", "city": "", "age": "18", "name": "Ola"}
    expression = templates.expression(condition)

    assert expression(row) is outcome
    assert expression.of_many([row, row]) == [outcome, outcome]


def test_a_condition_over_a_column_that_is_not_there_is_an_error_not_a_no(templates: Templates) -> None:
    expression = templates.expression('segmnt == "gold"')

    with pytest.raises(TemplateProblem) as refused:
        expression({"segment": "gold"})

    assert (refused.value.variable, refused.value.advice) == ("segmnt", "did you mean `segment`?")
    assert expression.required == {"segmnt"}


@pytest.mark.parametrize("condition", ["", "a = 'b'", "a && b", "a == ", "a }} {{ b", "{{ a }}", "a | nope"])
def test_what_is_not_one_expression_is_refused(condition: str, templates: Templates) -> None:
    with pytest.raises(TemplateProblem):
        templates.expression(condition)


@settings(max_examples=200, deadline=None)
@given(source=st.text(alphabet="{}%#ab1 |.~*+()[]'\"<=,:-\n", max_size=40) | st.text(max_size=40))
def test_no_text_at_all_gives_anything_but_a_text_or_a_problem(source: str) -> None:
    templates = Templates(Path("/nonexistent"))
    for compile_it in (
        lambda: templates.compile(source).render({"a": "x", "b": 1}),
        lambda: templates.expression(source),
    ):
        try:
            compile_it()
        except TemplateProblem as problem:
            outcome = problem.message
        else:
            outcome = "done"
        assert outcome
