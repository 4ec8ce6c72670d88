"""The JSON Schema says what the loader says, as far as a schema can."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from mmsflow.campaign.model import Campaign
from mmsflow.campaign.schema import campaign_json_schema

GOOD: dict[str, Any] = {
    "version": 1,
    "campaign": "winter-sale",
    "sender": "ACME",
    "recipients": [
        {"csv": "lists/gold.csv", "where": 'city != ""', "received": "autumn", "status": ["delivered"]},
        {"xlsx": "lists/gold.xlsx", "sheet": "Gold", "not_received": ["autumn", "summer-20260701-1"]},
        {"number": 48501102030, "vars": {"code": 1}},
    ],
    "exclude": [{"received": "autumn"}],
    "consent": {"column": "consent", "accept": ["yes", 1]},
    "message": {
        "subject": "{{ name }}",
        "attachments": [{"file": "media/a.jpg", "fit": True}, {"text": "templates/a"}, {"qr": "https://e.pl/{{ c }}"}],
        "budget": "legacy",
    },
    "variants": [{"name": "a", "weight": 2}, {"name": "b", "subject": "x"}],
    "at_most": "2 in 7 days",
    "report": {"formats": ["csv", "xlsx"], "segments": ["city"]},
    "schedule": {"start": "2026-12-01 09:00", "timezone": "Europe/Warsaw"},
    "rate": "20/s",
    "quota": {"reserve": 10, "share": "50%"},
    "unknown": "hold",
    "poll": {"until": "72h"},
}


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = campaign_json_schema()
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"purpose": "transactional", "consent": None},
        {"schedule": {"start": "now"}, "rate": None},
        {"quota": {"share": 0.5}},
        {"exclude": [{"jsonl": "lists/out.jsonl"}]},
    ],
)
def test_schema_and_model_accept_the_same_good_files(change: dict[str, Any], validator: Draft202012Validator) -> None:
    document = {**GOOD, **change}

    assert not list(validator.iter_errors(document))
    assert Campaign.model_validate(document).campaign == "winter-sale"


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"campaign": "Winter Sale"},
        {"sender": ""},
        {"senderr": "ACME"},
        {"priority": "Urgent"},
        {"delivery_report": "yes"},
        {"recipients": []},
        {"recipients": [{"csv": "../a.csv"}]},
        {"recipients": [{"csv": "a.csv", "jsonl": "b.jsonl"}]},
        {"recipients": [{"where": "x"}]},
        {"consent": None},
        {"message": {"attachments": [{"fil": "a.jpg"}]}},
        {"schedule": {"start": "tomorrow"}},
        {"rate": "20"},
        {"quota": {"share": 50}},
        {"quota": {"reserve": -1}},
        {"retry": {"attempts": 0}},
        {"poll": {"until": "72"}},
        {"report": {"formats": ["pdf"]}},
    ],
)
def test_schema_and_model_refuse_the_same_bad_files(change: dict[str, Any], validator: Draft202012Validator) -> None:
    document = {**GOOD, **change}

    assert list(validator.iter_errors(document))
    with pytest.raises(ValueError):
        Campaign.model_validate(document)


def test_every_key_has_a_description_for_the_editor() -> None:
    schema = Campaign.model_json_schema()
    blocks = [schema, *schema["$defs"].values()]

    undescribed = [
        key
        for block in blocks
        for key, value in block.get("properties", {}).items()
        if not {"description", "$ref"} & value.keys()
    ]

    assert undescribed == []
