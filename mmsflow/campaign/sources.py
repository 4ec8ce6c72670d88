"""Where recipients come from, as a campaign file says it: lists, single recipients, and who had a message before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    field_validator,
)

from mmsflow.campaign.scalars import (
    Cell,
    Delimiter,
    Encoding,
    Expression,
    FilledText,
    Names,
    WorkspacePath,
    one_or_more,
    problem,
)

NUMBER_COLUMN = "Column that holds the phone number; the usual names are found without it."
WHERE = "Only rows for which this expression over the row's columns is true."
RECEIVED = "Only numbers that had a message of these campaigns or runs, on this account."
NOT_RECEIVED = "Only numbers that had no message of these campaigns or runs, on this account."
STATUS = "Of `received`: only messages that ended in one of these buckets; else all that left, or may have."


class Model(BaseModel):
    """Base of every block: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


StatusName = Literal["delivered", "failed", "expired", "undetermined", "maybe_sent", "accepted", "not_sent"]
"""A bucket in which a message of an earlier run may have ended."""

StatusNames = Annotated[tuple[StatusName, ...], Field(min_length=1), BeforeValidator(one_or_more)]


def _status_needs_received(status: tuple[str, ...] | None, info: ValidationInfo) -> tuple[str, ...] | None:
    if status is not None and not info.data.get("received"):
        raise problem("`status` says what became of `received`, which is not given", "add `received: a-campaign`")
    return status


class CsvSource(Model):
    """A recipient list as a CSV file with a header."""

    csv: WorkspacePath = Field(description="The CSV file, from the workspace's top.")
    number: FilledText | None = Field(None, description=NUMBER_COLUMN)
    where: Expression | None = Field(None, description=WHERE)
    received: Names | None = Field(None, description=RECEIVED, examples=["autumn-sale"])
    not_received: Names | None = Field(None, description=NOT_RECEIVED, examples=["autumn-sale"])
    status: StatusNames | None = Field(None, description=STATUS, examples=["delivered"], validate_default=True)
    delimiter: Delimiter | None = Field(None, description="Character between cells; found when not given.")
    encoding: Encoding | None = Field(None, description="Encoding of the file; found when not given.")

    _status_of_what = field_validator("status")(_status_needs_received)


class JsonLinesSource(Model):
    """A recipient list as JSON Lines: one object of plain values a line."""

    jsonl: WorkspacePath = Field(
        description="The JSON Lines file, from the workspace's top.", examples=["lists/gold.jsonl"]
    )
    number: FilledText | None = Field(None, description=NUMBER_COLUMN)
    where: Expression | None = Field(None, description=WHERE)
    received: Names | None = Field(None, description=RECEIVED, examples=["autumn-sale"])
    not_received: Names | None = Field(None, description=NOT_RECEIVED, examples=["autumn-sale"])
    status: StatusNames | None = Field(None, description=STATUS, examples=["delivered"], validate_default=True)

    _status_of_what = field_validator("status")(_status_needs_received)


class XlsxSource(Model):
    """A recipient list as one sheet of an Excel workbook."""

    xlsx: WorkspacePath = Field(description="The workbook, from the workspace's top.", examples=["lists/gold.xlsx"])
    sheet: FilledText | None = Field(None, description="Name of the sheet; the first one when not given.")
    number: FilledText | None = Field(None, description=NUMBER_COLUMN)
    where: Expression | None = Field(None, description=WHERE)
    received: Names | None = Field(None, description=RECEIVED, examples=["autumn-sale"])
    not_received: Names | None = Field(None, description=NOT_RECEIVED, examples=["autumn-sale"])
    status: StatusNames | None = Field(None, description=STATUS, examples=["delivered"], validate_default=True)

    _status_of_what = field_validator("status")(_status_needs_received)


def _without_empty(value: object) -> object:
    # An empty inline value is a missing one, as an empty cell of a list is.
    return {key: cell for key, cell in value.items() if cell is not None} if isinstance(value, Mapping) else value


class InlineRecipient(Model):
    """One recipient, written in the campaign file itself."""

    number: FilledText = Field(description="The phone number.", examples=["+48 501 102 030"])
    vars: Annotated[dict[str, Cell], BeforeValidator(_without_empty)] = Field(
        default_factory=dict, description="Values for the templates, as columns of a list would give them."
    )


class HistorySource(Model):
    """Everybody who had a message of earlier campaigns or runs on this account; numbers only, no columns."""

    received: Names = Field(description="Names of campaigns, or ids of runs.", examples=["autumn-sale"])
    status: StatusNames | None = Field(None, description=STATUS, examples=["delivered"])


SOURCE_TAGS = {"csv": "<csv>", "jsonl": "<jsonl>", "xlsx": "<xlsx>", "number": "<inline>", "received": "<received>"}


def tag_by_key(tags: Mapping[str, str], value: object) -> str | None:
    """The tag of the first key of ``tags`` that a block, as written or as a model, has."""
    keys = value.keys() if isinstance(value, Mapping) else getattr(type(value), "model_fields", {}).keys()
    return next((tag for key, tag in tags.items() if key in keys), None)


def _source_tag(value: object) -> str | None:
    return tag_by_key(SOURCE_TAGS, value)


Source = Annotated[
    Annotated[CsvSource, Tag("<csv>")]
    | Annotated[JsonLinesSource, Tag("<jsonl>")]
    | Annotated[XlsxSource, Tag("<xlsx>")]
    | Annotated[InlineRecipient, Tag("<inline>")]
    | Annotated[HistorySource, Tag("<received>")],
    Discriminator(_source_tag),
]
