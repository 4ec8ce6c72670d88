"""``mmsflow schema``: the JSON Schema of campaign files."""

from __future__ import annotations

from mmsflow.campaign.schema import campaign_json_schema
from mmsflow.cli.output import print_json


def schema() -> int:
    """Print the schema; returns the exit code."""
    print_json(campaign_json_schema())
    return 0
