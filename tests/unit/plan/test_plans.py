"""Drafts, plans as documents, and saved plans."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from mmsflow.audience.model import SetAside
from mmsflow.errors import InvalidInput, MmsflowError, PlanRefused
from mmsflow.message.model import PlannedMessage, StaticPart, TextPart
from mmsflow.mms.status import Bucket
from mmsflow.plan.assemble import Timing, make_plan
from mmsflow.plan.draft import Draft, in_waves
from mmsflow.plan.explain import plan_as_json, plan_as_text
from mmsflow.plan.model import Plan
from mmsflow.plan.planfile import is_plan_file, load_plan, refuse_if_stale, save_plan
from mmsflow.plan.quota import QuotaRules, ResetRules, forecast

WARSAW = ZoneInfo("Europe/Warsaw")
NOW = datetime(2026, 12, 1, 8, tzinfo=UTC)
PICTURE = StaticPart("image/jpeg", "a.jpg", "a" * 64, 100)


def message(ordinal: int, **changes: object) -> PlannedMessage:
    made = PlannedMessage(ordinal, "lists/a.csv", ordinal + 1, f"+48501{ordinal:06d}", f"Kod {ordinal}", (PICTURE,))
    return replace(made, **changes)  # type: ignore[arg-type]  # fields of its own class


def aside(ordinal: int, bucket: Bucket, code: str) -> SetAside:
    return SetAside(ordinal, "lists/a.csv", ordinal + 1, "x", bucket, code, f"because of {code}")


@pytest.fixture
def draft() -> Iterator[Draft]:
    with Draft() as made:
        made.add_messages([message(n) for n in range(1, 251)])
        made.add_set_aside([aside(251, Bucket.DUPLICATE, "duplicate"), aside(252, Bucket.INVALID, "landline")])
        yield made


def plan(draft: Draft, *, available: int = 100, digest: str = "d", not_after: datetime | None = None) -> Plan:
    quota = forecast(0, available, date(2026, 12, 2), now=NOW, rules=QuotaRules(), resets=ResetRules(time(0), WARSAW))
    timing = Timing(now=NOW, start=NOW, not_after=not_after, zone=WARSAW, reset_zone=WARSAW)
    return make_plan(draft, campaign="sale", account="simulator", digest=digest, quota=quota, timing=timing)


def test_a_draft_gives_back_what_it_was_given_in_order(draft: Draft) -> None:
    assert list(draft.stored_messages()) == [message(n) for n in range(1, 251)]
    assert [row.ordinal for row in draft.stored_set_aside()] == [251, 252]
    assert (draft.rows, draft.first_subject) == (252, "Kod 1")
    assert sum(draft.buckets().values()) == 252


def test_a_draft_keeps_texts_and_layouts(draft: Draft) -> None:
    made = message(900, layout=(PICTURE, TextPart("t.txt")), texts=('Zażółć "gęślą"\n',))
    draft.add_messages([made])
    assert list(draft.stored_messages())[-1] == made


def digest_of(*messages: PlannedMessage, facts: str = "f") -> str:
    with Draft() as made:
        made.add_messages(messages)
        return made.digest(facts)


def test_the_same_input_has_the_same_digest_and_every_change_another() -> None:
    changed = [
        digest_of(message(1)),
        digest_of(message(1), facts="g"),
        digest_of(message(1), message(2)),
        digest_of(message(1, subject="Kod 2")),
        digest_of(message(1, msisdn="+48501999999")),
        digest_of(message(1, layout=(replace(PICTURE, sha256="b" * 64),))),
        digest_of(message(1, layout=(TextPart("t"),), texts=("x",))),
    ]
    assert len(set(changed)) == len(changed)
    assert digest_of(message(1)) == changed[0]


def test_a_full_disk_for_temporary_files_is_explained(draft: Draft) -> None:
    draft._db.execute("PRAGMA max_page_count = 1")
    with pytest.raises(MmsflowError, match="temporary file"):
        draft.add_messages([message(n, subject="x" * 1000) for n in range(1000, 2000)])


def test_messages_fill_waves_in_order(draft: Draft) -> None:
    numbered = list(in_waves(draft.stored_messages(), plan(draft).waves))
    assert [wave for _, wave in numbered] == [1] * 100 + [2] * 100 + [3] * 50


def test_a_plan_accounts_for_every_row_and_names_reasons(draft: Draft) -> None:
    made = plan(draft)
    assert made.messages == 250
    assert sum(made.buckets.values()) == 252
    assert made.reasons[(Bucket.INVALID, "landline")] == (1, "because of landline")


def test_the_json_document_has_the_promised_shape(draft: Draft) -> None:
    document = json.loads(json.dumps(plan_as_json(plan(draft), WARSAW)))
    assert {"campaign", "waves", "buckets", "quota", "finishes_at", "warnings"} <= document.keys()
    assert [(wave["starts_at"], wave["size"]) for wave in document["waves"]] == [
        ("2026-12-01T09:00:00+01:00", 100),
        ("2026-12-02T00:00:00+01:00", 100),
        ("2026-12-03T00:00:00+01:00", 50),
    ]
    assert document["buckets"] == {bucket.value: 0 for bucket in Bucket} | {
        "pending": 250,
        "duplicate": 1,
        "invalid": 1,
    }
    assert {"used": 0, "available": 100, "resets_at": "2026-12-02T00:00:00+01:00"}.items() <= document["quota"].items()
    assert "guessed" in document["quota"]["assumption"]


def test_the_text_shows_waves_reasons_and_what_is_assumed(draft: Draft) -> None:
    text = plan_as_text(plan(draft), WARSAW)
    for shown in ("because of landline", "Tue 2026-12-01 09:00 CET", "rows in all", "252", "assumed"):
        assert shown in text


def test_a_long_plan_is_shown_by_its_first_waves_and_its_last(draft: Draft) -> None:
    text = plan_as_text(plan(draft, available=5), WARSAW)
    assert "38 more waves" in text
    assert len(text.splitlines()) < 40


def test_messages_that_miss_the_deadline_are_a_warning(draft: Draft) -> None:
    assert any("150 of 250" in warning for warning in plan(draft, not_after=NOW + timedelta(hours=1)).warnings)


def test_a_deadline_that_has_passed_refuses_the_plan(draft: Draft) -> None:
    with pytest.raises(PlanRefused, match="has passed"):
        plan(draft, not_after=NOW)


def save(path: Path, made: Plan, sha256: str = "c") -> None:
    save_plan(path, made, campaign_file="campaigns/a.yaml", campaign_sha256=sha256, made_at=NOW)


def test_a_saved_plan_that_still_holds_is_not_refused(tmp_path: Path, draft: Draft) -> None:
    path = tmp_path / "sale.plan"
    save(path, plan(draft))
    assert is_plan_file(path)
    refuse_if_stale(load_plan(path), plan(draft), "c")


def test_a_saved_plan_holds_no_personal_data(tmp_path: Path, draft: Draft) -> None:
    save(tmp_path / "p", plan(draft))
    assert "501000" not in (tmp_path / "p").read_text()


def test_a_stale_plan_is_refused_with_its_cause(tmp_path: Path, draft: Draft) -> None:
    path = tmp_path / "sale.plan"
    save(path, plan(draft))
    saved, now = load_plan(path), plan(draft)
    for made, sha256, cause in [
        (replace(now, account="other"), "c", "for the account simulator, this is other"),
        (now, "changed", "the campaign file has changed"),
        (replace(now, digest="other"), "c", "lists, templates or media have changed"),
        (plan(draft, available=40), "c", "permitted 100 messages at once then, 40 now"),
    ]:
        with pytest.raises(PlanRefused, match=cause) as refused:
            refuse_if_stale(saved, made, sha256)
        assert refused.value.exit_code == 6


def test_a_plan_saved_for_one_scheduled_time_is_not_carried_out_for_another(tmp_path: Path, draft: Draft) -> None:
    path = tmp_path / "daily.plan"
    for_today = replace(plan(draft), due=NOW)
    save(path, for_today)
    refuse_if_stale(load_plan(path), for_today, "c")
    with pytest.raises(PlanRefused, match=r"it was made for 2026-.* UTC, now 2026-.* UTC is due"):
        refuse_if_stale(load_plan(path), replace(for_today, due=NOW + timedelta(days=1)), "c")
    save(path, plan(draft))
    with pytest.raises(PlanRefused, match="made for no scheduled time"):
        refuse_if_stale(load_plan(path), for_today, "c")


@pytest.mark.parametrize(
    "content",
    [
        b"{}",
        b"[]",
        b"{",
        b"\xff{",
        b'{"format": "mmsflow-plan/9"}',
        b'{"format": "mmsflow-plan/1"}',
        b'{"format": "mmsflow-plan/1", "campaign_file": "", "account": "", "campaign_sha256": "", "digest": "",'
        b' "messages": Infinity, "first_wave": 1, "made_at": ""}',
        b'{"a":' + b"[" * 100_000,
    ],
)
def test_what_is_no_saved_plan_is_invalid_and_no_traceback(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "p"
    path.write_bytes(content)
    with pytest.raises(InvalidInput) as refused:
        load_plan(path)
    assert "is not a saved plan" in refused.value.findings[0].message


def test_a_campaign_in_flow_style_is_no_plan(tmp_path: Path) -> None:
    for name in ("a.yaml", "a.yml"):
        (tmp_path / name).write_text("{version: 1}")
        assert not is_plan_file(tmp_path / name)
