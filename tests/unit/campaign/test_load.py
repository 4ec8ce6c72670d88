"""What a campaign file may say, and how everything wrong with it is told at once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmsflow.campaign.load import load_campaign
from mmsflow.campaign.model import Purpose
from mmsflow.campaign.sources import CsvSource, InlineRecipient
from mmsflow.errors import InvalidInput

from .conftest import SMALLEST, Findings, Load

SIX_MISTAKES = """\
version: 1
campaign: Winter Sale
sender: ACME
priorty: High
recipients:
  - csv: lists/gold.csv
    wher: city != ""
consent: {column: consent, accept: ["yes"]}
message:
  subject: "{{ name }, your code"
schedule:
  start: 2026-03-29 02:30
rate: fast
"""


def test_six_different_mistakes_give_six_findings_each_at_its_line_and_column(findings: Findings) -> None:
    found = findings(SIX_MISTAKES)

    assert [(each.line, each.column) for each in found] == [(2, 11), (4, 1), (7, 5), (10, 12), (12, 10), (13, 7)]
    assert {each.file for each in found} == {"campaigns/a.yaml"}
    assert all(each.message and each.fix and each.severity == "error" for each in found)


def test_the_smallest_campaign_takes_the_documented_defaults(load: Load) -> None:
    campaign = load(SMALLEST).campaign

    assert campaign.priority == "Normal"
    assert campaign.delivery_report is True
    assert campaign.schedule.start == "now"
    assert campaign.schedule.start_instant is None
    assert campaign.schedule.timezone == "Europe/Warsaw"
    assert campaign.rate is None
    assert (campaign.quota.reserve, campaign.quota.share) == (0, 1.0)
    assert campaign.unknown == "hold"
    assert campaign.retry.attempts == 5
    assert campaign.poll.until == timedelta(hours=72)
    assert campaign.report.formats == ("csv", "html", "json")


def test_the_whole_file_is_read_into_the_model(load: Load) -> None:
    loaded = load("""\
version: 1
campaign: winter-sale
description: For members
sender: ACME
recipients:
  - {csv: lists/gold.csv, number: msisdn, where: 'segment == "gold"', delimiter: tab, encoding: windows-1250}
  - {jsonl: lists/more.jsonl}
  - {number: "+48 501 102 030", vars: {name: Ola}}
exclude: [{csv: lists/optout.csv}]
consent: {column: consent, accept: ["yes", tak, 1]}
message:
  subject: hello
  attachments: [{file: "media/{{ city | lower }}.png"}, {text: templates/winter.txt.j2}]
schedule: {start: 2026-12-01 09:00, timezone: Europe/Warsaw, not_after: 2026-12-05 19:00}
rate: 600/min
quota: {reserve: 10, share: 50%}
retry: {attempts: 3}
poll: {until: 7d}
test_recipients: ["+48501102031"]
report: {formats: [csv]}
""")
    campaign = loaded.campaign

    assert campaign.purpose is Purpose.MARKETING
    source = campaign.recipients[0]
    assert isinstance(source, CsvSource)
    assert (source.number, source.delimiter, source.encoding) == ("msisdn", "\t", "windows-1250")
    assert campaign.consent is not None
    assert campaign.consent.accept == ("yes", "tak", "1")
    assert campaign.schedule.start_instant == datetime(2026, 12, 1, 8, tzinfo=UTC)
    assert campaign.schedule.deadline(campaign.schedule.start_instant) == datetime(2026, 12, 5, 18, tzinfo=UTC)
    assert campaign.rate is not None
    assert campaign.rate.per_second == 10.0
    assert campaign.quota.share == 0.5
    assert loaded.warnings == ()


def test_the_digest_is_that_of_the_bytes_on_disk(load: Load) -> None:
    loaded = load(SMALLEST)

    assert loaded.text_bytes == SMALLEST.encode()
    assert loaded.sha256 == hashlib.sha256(SMALLEST.encode()).hexdigest()


def test_later_stages_can_point_at_any_key_and_value(load: Load) -> None:
    loaded = load(SMALLEST)

    assert loaded.positions.of(("message", "subject")) == (8, 12)
    assert loaded.positions.key(("message", "subject")) == (8, 3)
    assert loaded.positions.of(("recipients", 0, "csv")) == (6, 10)
    assert loaded.positions.of(("message", "attachments", 3)) == (7, 1)
    assert loaded.finding(("recipients", 0, "csv"), "no such file").place == "campaigns/a.yaml:6:10"


def test_numbers_and_words_are_taken_as_they_are_written_where_text_is_wanted(load: Load) -> None:
    campaign = load("""\
version: 1
campaign: 2026
purpose: transactional
sender: 0800
recipients:
  - {number: 48501102030, vars: {code: 0012, price: 1.50, age: 5, vip: true, note: yes, city: }}
message: {subject: 12}
test_recipients: [+48501102031]
""").campaign

    assert (campaign.campaign, campaign.sender, campaign.message.subject) == ("2026", "0800", "12")
    recipient = campaign.recipients[0]
    assert isinstance(recipient, InlineRecipient)
    assert recipient.number == "48501102030"
    assert recipient.vars == {"code": "0012", "price": "1.50", "age": 5, "vip": True, "note": "yes"}
    assert campaign.test_recipients == ("+48501102031",)


@pytest.mark.parametrize(
    ("line", "key", "meant"),
    [
        ("senderr: ACME", "senderr", "sender"),
        ("Rate: 20/s", "Rate", "rate"),
        ("retries: {attempts: 3}", "retries", "retry"),
    ],
)
def test_a_near_miss_of_a_key_is_answered_with_did_you_mean(
    line: str, key: str, meant: str, findings: Findings
) -> None:
    (found,) = findings(SMALLEST + line + "\n")

    assert f"unknown key `{key}`" in found.message
    assert found.fix == f"did you mean `{meant}`?"
    assert (found.line, found.column) == (9, 1)


def test_did_you_mean_knows_only_the_keys_of_that_block(findings: Findings) -> None:
    (found,) = findings(SMALLEST + "schedule: {sender: x}\n")

    assert found.fix == "use one of: timezone, start, every, until, window, not_after, missed, grace"


def test_a_misspelt_required_key_is_one_finding_not_two(findings: Findings) -> None:
    found = findings(SMALLEST.replace("sender:", "sendr:"))

    assert [each.message for each in found] == ["unknown key `sendr`"]


def test_a_source_whose_own_key_is_misspelt_is_answered_with_did_you_mean(findings: Findings) -> None:
    (found,) = findings(SMALLEST.replace("- csv:", "- cvs:"))

    assert "`cvs`" in found.message
    assert found.fix == "did you mean `csv`?"
    assert found.line == 6


def test_marketing_without_consent_is_refused_even_when_other_things_are_wrong(findings: Findings) -> None:
    found = findings(SMALLEST.replace("purpose: transactional\n", "").replace("ACME", "''"))

    assert {each.message for each in found} == {"a marketing campaign needs `consent`", "the sender is empty"}


@pytest.mark.parametrize("lines", ["unknown: hold", "  attachments: [{file: media/a.jpg, fit: false}]"])
def test_a_value_that_asks_for_nothing_new_is_accepted(lines: str, load: Load) -> None:
    assert load(SMALLEST + lines + "\n").campaign.campaign == "winter-sale"


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("", (1, 1), "empty"),
        ("# nothing\n", (1, 1), "empty"),
        ("- a\n", (1, 1), "not a block of keys"),
        ("plain words\n", (1, 1), "not a block of keys"),
        ("a: 1\n\tb: 2\n", (2, 1), "tab"),
        ("a: [1, 2\n", (2, 1), "not YAML"),
        ("a: b: c\n", (1, 5), "not YAML"),
        (SMALLEST + "sender: B\n", (9, 1), "second time"),
        (SMALLEST + "rate: &pace 20/s\n", (9, 7), "anchor"),
        (SMALLEST + "rate: *pace\n", (9, 7), "alias"),
        (SMALLEST + "rate: !!str 20/s\n", (9, 7), "tag"),
        (SMALLEST + "rate: !python/object:os.system 20/s\n", (9, 7), "tag"),
        (SMALLEST + "---\nversion: 1\n", (9, 1), "second document"),
        (SMALLEST + "? [a]\n: 1\n", (9, 3), "plain word"),
        (b"a: 1\nb: \xb3\n", (2, 4), "not UTF-8"),
        ("a: \x01\n", (1, 4), "U+0001"),
        ("\ufeff" + SMALLEST + 'description: "\\ud800"\n', (9, 14), "surrogate"),
        ("[" * 100, (1, 52), "deeper than 50"),
    ],
)
def test_what_yaml_may_hold_but_a_campaign_may_not_is_told_with_its_place(
    text: str | bytes, place: tuple[int, int], said: str, findings: Findings
) -> None:
    found = findings(text)

    assert said in found[0].message
    assert (found[0].line, found[0].column) == place
    assert found[0].fix


def test_what_stands_twice_does_not_hide_the_other_mistakes(findings: Findings) -> None:
    found = findings(SMALLEST + "sender: B\nrate: fast\n")

    assert [each.line for each in found] == [9, 10]


def test_a_billion_laughs_are_refused_before_they_grow(findings: Findings) -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20)
    )

    assert sum("anchor" in each.message or "alias" in each.message for each in findings(bomb)) == 21 + 40


def test_a_file_over_one_megabyte_is_refused_unread(findings: Findings) -> None:
    (found,) = findings(SMALLEST + "#" * 1_000_000)

    assert "larger than 1 MB" in found.message


def test_a_path_that_is_no_readable_file_is_a_finding(workspace: Path) -> None:
    os.mkfifo(workspace / "pipe.yaml")
    for name in ("missing.yaml", "campaigns", "pipe.yaml", "nul\0.yaml"):
        with pytest.raises(InvalidInput) as refused:
            load_campaign(workspace / name, workspace)
        assert refused.value.findings[0].fix


def test_a_file_outside_the_workspace_is_named_as_it_was_given(tmp_path: Path, workspace: Path) -> None:
    outside = tmp_path / "outside.yaml"
    outside.write_text("rate: fast\n")

    with pytest.raises(InvalidInput) as refused:
        load_campaign(outside, workspace / "campaigns")

    assert {each.file for each in refused.value.findings} == {str(outside)}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("recipients: lists/gold.csv", "`recipients` must be a list"),
        ("recipients: []", "`recipients` is empty"),
        ("recipients: [lists/gold.csv]", "`recipients[1]` must be a block of keys"),
        ("message: hello", "`message` must be a block of keys"),
        ("message: {}", "neither a subject nor attachments"),
        ("version: 2", "`version` cannot be `2`"),
        ("priority: Urgent", "`priority` cannot be `Urgent`"),
        ("delivery_report: yes", "`delivery_report`: either true or false is needed"),
        ("retry: {attempts: 0}", "`retry.attempts` is `0`"),
        ("retry: {attempts: many}", "`attempts`: a whole number is needed"),
        ("report: {formats: [pdf]}", "`report.formats[1]` cannot be `pdf`"),
        ("sender: an-altogether-too-long-sender", "the sender has 29 characters"),
        ("message: {subject: x, attachments: [{file: ../a.jpg}]}", "leads out of the workspace"),
        ("message: {subject: x, attachments: [{text: /etc/passwd}]}", "not inside the workspace"),
        ("message: {subject: '{% if %}'}", "`subject`:"),
        ("exclude: [{csv: https://example.com/a.csv}]", "is an address"),
        ("exclude: [{csv: a.csv, where: 'a = 1'}]", "`where`: the expression goes on"),
        ("exclude: [{csv: a.csv, encoding: klingon}]", "`klingon` is not an encoding"),
    ],
)
def test_a_wrong_value_is_named_with_its_key(lines: str, said: str, findings: Findings) -> None:
    key = lines.split(":")[0]
    rest = "\n".join(line for line in _blocks(SMALLEST) if not line.startswith(f"{key}:"))

    found = findings(f"{lines}\n{rest}\n")

    assert [said in each.message for each in found] == [True]
    assert found[0].fix


def _blocks(text: str) -> list[str]:
    """A file's top-level blocks, each with the lines that belong to it."""
    blocks: list[str] = []
    for line in text.splitlines():
        if line.startswith(" "):
            blocks[-1] += "\n" + line
        else:
            blocks.append(line)
    return blocks


def test_phone_numbers_in_findings_show_their_last_three_digits_only(findings: Findings) -> None:
    (found,) = findings(SMALLEST + 'poll: {until: "+48 501 102 030"}\n')

    assert "501" not in found.message
    assert "030" in found.message


def test_an_unusual_sender_is_a_warning_not_an_error(load: Load) -> None:
    (warning,) = load(SMALLEST.replace("ACME", "ACME Shop PL")).warnings

    assert warning.severity == "warning"
    assert (warning.line, warning.column) == (4, 9)


@contextmanager
def checked_findings() -> Iterator[None]:
    """Lets a refusal through once each of its findings is complete."""
    try:
        yield
    except InvalidInput as refused:
        incomplete = [each for each in refused.findings if not each.message or (each.line > 0) != (each.column > 0)]
        if incomplete or not refused.findings:
            pytest.fail(f"not complete: {refused.findings}")
        raise


_LINES = (
    SMALLEST.splitlines()
    + SIX_MISTAKES.splitlines()
    + ["a: &x [*x]", "<<: *x", "!!set {a}", "? |", "- - -", "%TAG ! a"]
)
_YAMLISH = st.one_of(
    st.binary(max_size=60),
    st.text(alphabet="{}[]:,-?&*!|>'\"%@` \n\t#abc019\x85\ud7ff", max_size=60).map(str.encode),
    st.lists(st.sampled_from(_LINES), max_size=12).map(lambda lines: "\n".join(lines).encode()),
    st.tuples(st.integers(0, len(SMALLEST)), st.text(max_size=5)).map(
        lambda cut: (SMALLEST[: cut[0]] + cut[1] + SMALLEST[cut[0] + 1 :]).encode("utf-8", "replace")
    ),
)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=_YAMLISH)
def test_no_bytes_at_all_give_anything_but_a_campaign_or_findings(content: bytes, load: Load) -> None:
    with suppress(InvalidInput), checked_findings():
        load(content)
