"""The JSON Schema of campaign files, for editors and for other tools; from the same model as the loader."""

from __future__ import annotations

from typing import cast

from mmsflow.campaign.model import Campaign
from mmsflow.campaign.unsupported import TABLE, Unsupported

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SCHEMA_ID = "urn:mmsflow:campaign:1"

Json = dict[str, object]


def campaign_json_schema() -> Json:
    """The schema, draft 2020-12.

    What the loader refuses because it is not carried out yet is not in it, so that an editor shows it as unknown.
    Rules that a schema cannot say (calendar, template syntax, whether a path is there) are the loader's alone.
    """
    schema = cast(Json, Campaign.model_json_schema())
    blocks = {**cast("dict[str, Json]", schema["$defs"]), "Campaign": schema}
    for row in TABLE:
        _leave_out(blocks[row.model], row)
    marketing_needs_consent: Json = {
        "if": {"properties": {"purpose": {"const": "transactional"}}, "required": ["purpose"]},
        "else": {"required": ["consent"], "properties": {"consent": {"type": "object"}}},
    }
    return {
        "$schema": DIALECT,
        "$id": SCHEMA_ID,
        **schema,
        "title": "mmsflow campaign",
        "allOf": [marketing_needs_consent],
    }


def _leave_out(block: Json, row: Unsupported) -> None:
    properties = cast("dict[str, Json]", block["properties"])
    if row.value is None:
        del properties[row.key]
    else:
        properties[row.key]["not"] = {"const": row.value}
