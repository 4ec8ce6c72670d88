"""Filters for Polish texts: names, dates, numbers, amounts and the forms of nouns."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsflow.campaign.polish import FILTERS, PRICE
from mmsflow.campaign.sandbox import MAX_STEPS
from mmsflow.campaign.templating import TemplateProblem, Templates

NBSP = "\u00a0"


@pytest.fixture
def templates(tmp_path: Path) -> Templates:
    return Templates(tmp_path)


def shown(templates: Templates, expression: str, value: object) -> str:
    template = templates.compile("{{ x | " + expression + " }}")
    text = template.render({"x": value})
    assert template.render_many([{"x": value}] * 2) == [text, text]
    return text


def fault(templates: Templates, expression: str, value: object) -> TemplateProblem:
    with pytest.raises(TemplateProblem) as refused:
        shown(templates, expression, value)
    assert refused.value.advice
    return refused.value


@pytest.mark.parametrize(
    ("given_name", "name"),
    [
        ("jan KOWALSKI", "Jan Kowalski"),
        ("  anna-maria \t nowak-jeziorańska ", "Anna-Maria Nowak-Jeziorańska"),
        ("ŁUKASZ", "Łukasz"),
        ("święty ŻÓŁĆ", "Święty Żółć"),
        ("o'connor", "O'Connor"),
        ("SINÉAD O’CONNOR", "Sinéad O’Connor"),
        ("Ronald McDonald", "Ronald McDonald"),
        ("Vincent van Gogh", "Vincent van Gogh"),
        ("NGUYEN VAN HUNG", "Nguyen Van Hung"),
        ("le thi hoa", "Le Thi Hoa"),
        ("AL PACINO", "Al Pacino"),
        ("juan de la cruz", "Juan de la Cruz"),
        ("LUDWIG VAN DER ROHE", "Ludwig van der Rohe"),
        ("ursula von der leyen", "Ursula von der Leyen"),
        ("van der berg", "Van der Berg"),
        ("van der Berg", "van der Berg"),
        ("Charles DE GAULLE", "Charles de Gaulle"),
        ("de", "De"),
        ("Van Morrison", "Van Morrison"),
        ("LE", "Le"),
        ("jAN", "Jan"),
        ("(jan)", "(Jan)"),
        ("a.nowak", "A.nowak"),
    ],
)
def test_names_get_their_capital_letters(templates: Templates, given_name: str, name: str) -> None:
    assert shown(templates, "pl_name", given_name) == name


@pytest.mark.parametrize(
    ("given_name", "first"), [("jan maria KOWALSKI", "Jan"), ("anna-maria x", "Anna-Maria"), (" ŁUKASZ ", "Łukasz")]
)
def test_the_first_name_is_the_first_word(templates: Templates, given_name: str, first: str) -> None:
    assert shown(templates, "pl_first_name", given_name) == first


@pytest.mark.parametrize(
    "written",
    ["2026-12-05", "2026-12-5", "05.12.2026", "5.12.2026", "5.12.2026 r.", "2026-12-05 00:00:00", "2026-12-05T10:30",
     "46361", "46361.0", 46361, 46361.0, " 2026-12-05 "],
)  # fmt: skip
def test_dates_of_lists_and_of_excel_are_read(templates: Templates, written: object) -> None:
    assert shown(templates, "pl_date", written) == "5 grudnia 2026"


@pytest.mark.parametrize(
    ("form", "text"),
    [("", "1 września 2027"), ("short", "1.09.2027"), ("day", "1 września"), ("weekday", "środa, 1 września")],
)
def test_dates_have_four_forms(templates: Templates, form: str, text: str) -> None:
    assert shown(templates, f"pl_date({form!r})", "2027-09-01") == text


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("jutro", "`pl_date` needs a date, it got a text with letters"),
        ("12/05/2026", "`pl_date` cannot tell which number is the day and which the month"),
        ("05.12.26", "`pl_date` cannot tell the century of a year of two digits"),
        ("30.02.2026", "`pl_date` got a day that no calendar has"),
        ("0000-00-00", "`pl_date` got a day that no calendar has"),
        ("17", "`pl_date` needs a date, it got a number"),
        ("?", "`pl_date` needs a date, it got a text without letters"),
        ("5" * 5000, "`pl_date` needs a date, it got a long text"),
        (True, "`pl_date` needs a date, it got a text with letters"),
    ],
)
def test_what_is_no_date_is_a_problem_of_its_row(templates: Templates, written: object, message: str) -> None:
    assert fault(templates, "pl_date", written).message == message


def test_a_form_of_dates_that_does_not_exist_is_named_with_those_that_do(templates: Templates) -> None:
    found = fault(templates, "pl_date('long')", "2026-12-05")
    assert found.message == "`pl_date` does not know that form"
    assert found.advice == 'its forms are "short", "day", "weekday", or none'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1234.5", "1234,5"),
        (1234.5, "1234,5"),
        ("1234,50", "1234,5"),
        ("12345.5", f"12{NBSP}345,5"),
        (f"12{NBSP}345", f"12{NBSP}345"),
        ("1 234 567", f"1{NBSP}234{NBSP}567"),
        ("-7", "-7"),
        ("−7,25", "-7,25"),
        ("-0", "0"),
        ("007", "7"),
        (3, "3"),
    ],
)
def test_numbers_have_a_decimal_comma_and_groups_from_five_digits(
    templates: Templates, value: object, text: str
) -> None:
    assert shown(templates, "pl_number", value) == text


def test_numbers_are_rounded_half_up_when_decimals_are_asked_for(templates: Templates) -> None:
    assert shown(templates, "pl_number(2)", "2.345") == "2,35"
    assert shown(templates, "pl_number(2)", "2") == "2,00"
    assert shown(templates, "pl_number(0)", "9999.5") == f"10{NBSP}000"
    assert shown(templates, "pl_number(0)", "-0.2") == "0"
    assert "decimals" in fault(templates, "pl_number(99)", "2").message


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1234.5", f"1{NBSP}234,50{NBSP}zł"),
        ("19,99", f"19,99{NBSP}zł"),
        (0, f"0,00{NBSP}zł"),
        ("2.345", f"2,35{NBSP}zł"),
        ("-0.001", f"0,00{NBSP}zł"),
        ("99999999999999999999", f"99{NBSP}999{NBSP}999{NBSP}999{NBSP}999{NBSP}999{NBSP}999,00{NBSP}zł"),
    ],
)
def test_amounts_are_in_zloty_and_do_not_break(templates: Templates, value: object, text: str) -> None:
    assert shown(templates, "pl_amount", value) == text


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (0, "punktów"), (1, "punkt"), (2, "punkty"), (4, "punkty"), (5, "punktów"), (11, "punktów"), (12, "punktów"),
        (14, "punktów"), (21, "punktów"), (22, "punkty"), (24, "punkty"), (25, "punktów"), (101, "punktów"),
        (112, "punktów"), (122, "punkty"), ("1.0", "punkt"), ("-1", "punkt"), ("1,5", "punktu"), ("0.5", "punktu"),
    ],
)  # fmt: skip
def test_the_noun_takes_the_form_of_its_number(templates: Templates, value: object, form: str) -> None:
    assert shown(templates, "pl_plural('punkt', 'punkty', 'punktów', 'punktu')", value) == form


def test_a_fraction_without_a_form_of_its_own_is_a_problem_of_its_row(templates: Templates) -> None:
    found = fault(templates, "pl_plural('punkt', 'punkty', 'punktów')", "1.5")
    assert found.message == "`pl_plural` has no form for a fraction"
    assert "fourth form" in found.advice


@pytest.mark.parametrize("name", ["pl_number", "pl_amount", "pl_plural('a', 'b', 'c')"])
@pytest.mark.parametrize("value", ["x", "", "1,234.50", "12 34", "1e5", "inf", True, "9" * 5000, "1.", "٣"])
def test_what_is_no_number_is_a_problem_that_says_how_to_write_one(
    templates: Templates, name: str, value: object
) -> None:
    found = fault(templates, name, value)
    assert "needs a number, it got" in found.message
    assert found.advice == "write it as 1234.50 or 1234,50"


def test_blanks_and_novels_are_no_names(templates: Templates) -> None:
    assert fault(templates, "pl_name", "   ").message == "there are only blanks where a name is needed"
    assert fault(templates, "pl_first_name", "x" * 201).message == "a text of 201 characters is no name"


@pytest.mark.parametrize("expression", ["pl_name", "pl_date", "pl_number", "pl_plural('a', 'b', 'c')"])
def test_an_empty_cell_is_missing_as_for_every_other_filter(templates: Templates, expression: str) -> None:
    template = templates.compile("{{ x | " + expression + " }}")
    assert template.required == {"x"}
    with pytest.raises(TemplateProblem, match="`x` has no value"):
        template.render({"x": None})


@pytest.mark.parametrize("source", ["{{ x | pl_date([]) }}", "{{ x | pl_plural(1) }}", "{{ x | pl_number('a') }}"])
def test_wrong_arguments_are_problems_too(templates: Templates, source: str) -> None:
    with pytest.raises(TemplateProblem):
        templates.compile(source).render({"x": "2026-12-05"})


@settings(deadline=None)
@given(st.text(max_size=60), st.sampled_from(["pl_name", "pl_first_name", "pl_date", "pl_number", "pl_amount"]))
def test_any_text_is_shown_in_bounds_or_is_a_problem(text: str, name: str) -> None:
    try:
        made = FILTERS[name](text)
    except TemplateProblem:
        return
    assert len(made) <= 2 * len(text) + 30


def test_the_filters_are_paid_for_in_steps(templates: Templates) -> None:
    source = "{% for n in range(1000) %}{% for m in range(10) %}{{ x | pl_number }}{% endfor %}{% endfor %}"
    assert PRICE * 1000 * 10 > MAX_STEPS
    with pytest.raises(TemplateProblem, match="steps"):
        templates.compile(source).render({"x": 1})


def test_babel_is_imported_only_when_such_a_filter_runs() -> None:
    program = (
        "import sys; from pathlib import Path; from mmsflow.campaign.templating import Templates\n"
        "template = Templates(Path('.')).compile('{{ x | pl_number }}')\n"
        "assert 'babel' not in sys.modules\n"
        "assert template.render({'x': '1.5'}) == '1,5'\n"
        "assert 'babel' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
