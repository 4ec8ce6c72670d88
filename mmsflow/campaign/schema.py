"""The JSON Schema of campaign files, for editors and for other tools; from the same model as the loader."""

from __future__ import annotations

from typing import cast

from mmsflow.campaign.model import Campaign

DIALECT = "https://json-schema.org/draft/2020-12/schema"
SCHEMA_ID = "urn:mmsflow:campaign:1"

Json = dict[str, object]


def campaign_json_schema() -> Json:
    """The schema, draft 2020-12.

    Rules that a schema cannot say (calendar, template syntax, whether a path is there) are the loader's alone.
    """
    schema = cast(Json, Campaign.model_json_schema())
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
