"""The campaign file as a model. The JSON Schema, the reference page and the loader all come from it."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import (
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)

from mmsflow.campaign.amounts import DEFAULT_BUDGET, AtMostText, BudgetText, Duration, RateText, Share, ShareOrOff
from mmsflow.campaign.scalars import (
    CampaignName,
    Count,
    FilledText,
    NotNegative,
    Sender,
    Switch,
    TemplateText,
    Text,
    TurnPriority,
    VariantName,
    Version,
    WorkspacePath,
    path_fault,
    problem,
)
from mmsflow.campaign.schedule import MARKETING_WINDOW, Schedule, Window
from mmsflow.campaign.sources import Model, Source, tag_by_key
from mmsflow.campaign.wording import quoted

MOST_VARIANTS = 20
LARGEST_WEIGHT_SUM = 1_000_000


class Purpose(StrEnum):
    """Why people get this message; marketing needs their consent."""

    MARKETING = "marketing"
    TRANSACTIONAL = "transactional"


ATTACHMENT_TAGS = {"file": "<file>", "text": "<text>", "qr": "<qr>"}


def _attachment_tag(value: object) -> str | None:
    return tag_by_key(ATTACHMENT_TAGS, value)


class Consent(Model):
    """Which column says that a person agreed to marketing, and with which words."""

    column: FilledText = Field(description="Column that holds the consent.", examples=["consent"])
    accept: tuple[FilledText, ...] = Field(
        min_length=1,
        description="Words that mean yes; letter case and outer spaces do not matter.",
        examples=[["yes", "tak", "1"]],
    )
    source: FilledText | None = Field(
        None, description="Column that says where the consent was given; kept as evidence.", examples=["consent_source"]
    )
    date: FilledText | None = Field(
        None, description="Column that says when it was given; kept as evidence.", examples=["consent_date"]
    )
    text: FilledText | None = Field(
        None, description="Column that says to which wording; kept as evidence.", examples=["consent_text"]
    )

    @property
    def evidence(self) -> tuple[str, ...]:
        """The columns that prove the consent, in the order source, date, text; without those that are not named."""
        return tuple(column for column in (self.source, self.date, self.text) if column)


class FileAttachment(Model):
    """A file of the workspace; pictures are made to fit the budget."""

    file: TemplateText = Field(
        description="The file, from the workspace's top; may be a template.", examples=["media/winter.jpg"]
    )
    fit: Switch | None = Field(
        None,
        description="Make a picture fit: turned upright, without EXIF, small enough. Default for pictures; "
        "`false` sends the file as it is.",
    )

    @field_validator("file")
    @classmethod
    def _inside_the_workspace(cls, path: str) -> str:
        fault = "is empty" if not path.strip() else "" if "{" in path else path_fault(path)
        if fault:
            raise problem(f"the path {quoted(path)} {fault}", "write a path such as `media/winter.jpg`")
        return path


class TextAttachment(Model):
    """A text part, rendered for each recipient."""

    text: WorkspacePath = Field(
        description="Its template, from the workspace's top.", examples=["templates/winter.txt.j2"]
    )


class QrAttachment(Model):
    """A QR code, drawn for each recipient."""

    qr: TemplateText = Field(description="What the code says; may be a template.", examples=["https://example.com"])


Attachment = Annotated[
    Annotated[FileAttachment, Tag("<file>")]
    | Annotated[TextAttachment, Tag("<text>")]
    | Annotated[QrAttachment, Tag("<qr>")],
    Discriminator(_attachment_tag),
]


class Message(Model):
    """What is sent."""

    subject: TemplateText = Field("", description="The subject line, a template; handsets show 40 characters.")
    attachments: tuple[Attachment, ...] = Field((), description="Parts of the message, in order.")
    budget: BudgetText = Field(
        DEFAULT_BUDGET, description="Size of the whole message: `280KiB`, `legacy` (100 KiB and 640×480), or your own."
    )

    @model_validator(mode="after")
    def _says_something(self) -> Message:
        if not self.subject.strip() and not self.attachments:
            raise problem("the message has neither a subject nor attachments", "add a `subject` or `attachments`")
        return self


class Variant(Model):
    """One arm of an A/B test; what it names takes the place of the message's own."""

    name: VariantName = Field(description="Name of the variant in the report.", examples=["a"])
    weight: Count = Field(1, description="Its part of the recipients, beside the other weights.")
    subject: TemplateText | None = Field(None, description="Subject in place of the message's.")
    attachments: tuple[Attachment, ...] | None = Field(None, description="Parts in place of the message's.")


class QuotaRules(Model):
    """How much of the gateway's quota this campaign leaves to others."""

    reserve: NotNegative = Field(0, description="Requests of each period that are left to others.")
    share: Share = Field(1.0, description="Largest part of a period's whole quota that is used.")
    guaranteed: NotNegative = Field(
        0, description="Requests of each period that the workspace's other campaigns leave to this one."
    )


class Turn(Model):
    """Whose turn it is when several campaigns send at the same time on one account."""

    priority: TurnPriority = Field(5, description="From 0 to 9; while a higher one can send, lower ones wait.")
    weight: Count = Field(1, description="Part of pace and quota, beside the weights of others with the same priority.")


class Canary(Model):
    """A first wave that must do well before the rest follows."""

    first: Count = Field(description="Recipients in the first wave.")
    wait: Duration = Field(description="How long to wait for its delivery reports.")
    min_delivered: Share = Field(description="Part of it that must be delivered.")


class StopIf(Model):
    """A breaker: pauses the run when too much fails, or too much is left in doubt."""

    failed: Share | None = Field(None, description="Part of the sent messages that may fail; needs `after`.")
    after: Count | None = Field(None, description="Messages sent before `failed` counts.")
    doubtful: ShareOrOff = Field(
        0.05,
        description="Part of the latest messages whose fate may be unknown, judged once 25 of them are; `off` never "
        "pauses for it.",
        json_schema_extra={"default": "5%"},
    )

    @property
    def doubtful_share(self) -> float | None:
        """The share of doubt that pauses; None where none does."""
        return None if self.doubtful == "off" else self.doubtful

    @model_validator(mode="after")
    def _share_with_its_count(self) -> StopIf:
        if (self.failed is None) != (self.after is None):
            raise problem("`failed` and `after` go together", "write both, such as `failed: 20%` and `after: 100`")
        return self


class Retry(Model):
    """How often a message is tried that provably never left us."""

    attempts: Count = Field(5, description="Attempts before the run pauses.")


class Poll(Model):
    """How long delivery reports are asked for."""

    until: Duration = Field(
        timedelta(hours=72), description="Time after acceptance.", json_schema_extra={"default": "72h"}
    )


class Report(Model):
    """What a run leaves behind."""

    formats: tuple[Literal["csv", "html", "json", "xlsx"], ...] = Field(
        ("csv", "html", "json"), description="Files to write.", min_length=1
    )
    segments: tuple[FilledText, ...] = Field(
        (), description="Columns of the lists by which results are counted, such as a city.", examples=[["city"]]
    )


class Campaign(Model):
    """An MMS campaign as code."""

    version: Version = Field(description="Version of this format.", examples=[1])
    campaign: CampaignName = Field(description="Identity of the campaign, unique in the workspace.")
    description: Text = Field("", description="For people.")
    purpose: Purpose = Field(Purpose.MARKETING, description="Marketing needs `consent`.")
    sender: Sender = Field(description="Who the message comes from, as agreed with the operator.")
    priority: Literal["Default", "Low", "Normal", "High"] = Field("Normal", description="Priority at the gateway.")
    delivery_report: Switch = Field(True, description="Ask for delivery reports; without them `accepted` is final.")
    recipients: tuple[Source, ...] = Field(
        min_length=1,
        description="Lists and single recipients; they add up, later duplicates of a number are dropped.",
        examples=[[{"csv": "lists/gold.csv"}]],
    )
    exclude: tuple[Source, ...] = Field((), description="Lists of numbers that get nothing.")
    consent: Consent | None = Field(None, description="Who agreed to marketing.", validate_default=True)
    message: Message = Field(description="What is sent.", examples=[{"subject": "{{ name }}, your code is {{ code }}"}])
    variants: tuple[Variant, ...] = Field((), description="Arms of an A/B test.")
    schedule: Schedule = Field(Schedule(), description="When it is sent.")
    approval: Literal["none", "required"] = Field(
        "none", description="Whether a person must approve the plan before anything is sent."
    )
    at_most: AtMostText | None = Field(
        None, description="Largest number of messages that one number gets within a time, over all campaigns."
    )
    rate: RateText | None = Field(None, description="Pace of the whole campaign; no limit when not given.")
    quota: QuotaRules = Field(QuotaRules(), description="What is left of the quota for others.")
    turn: Turn = Field(Turn(), description="Precedence over other campaigns of the account.")
    canary: Canary | None = Field(None, description="A first wave that must do well.")
    stop_if: StopIf | None = Field(None, description="When to pause by itself.")
    unknown: Literal["hold", "resend"] = Field("hold", description="What to do with messages that were maybe sent.")
    retry: Retry = Field(Retry(), description="Attempts for messages that never left.")
    poll: Poll = Field(Poll(), description="How long delivery reports are asked for.")
    test_recipients: tuple[FilledText, ...] = Field((), description="Handsets for test messages.")
    report: Report = Field(Report(), description="What a run leaves behind.")

    @property
    def windows(self) -> tuple[Window, ...]:
        """The windows in force, the default of marketing included; none for any hour."""
        windows = self.schedule.windows
        if windows is None:
            return (MARKETING_WINDOW,) if self.purpose is Purpose.MARKETING else ()
        return windows

    @field_validator("canary")
    @classmethod
    def _canary_needs_reports(cls, canary: Canary | None, info: ValidationInfo) -> Canary | None:
        if canary is not None and info.data.get("delivery_report") is False:
            raise problem(
                "a canary is judged by delivery reports, which are switched off", "write `delivery_report: true`"
            )
        return canary

    @field_validator("consent")
    @classmethod
    def _marketing_needs_consent(cls, consent: Consent | None, info: ValidationInfo) -> Consent | None:
        if consent is None and info.data.get("purpose") is Purpose.MARKETING:
            raise problem(
                "a marketing campaign needs `consent`",
                'add `consent: {column: consent, accept: ["yes"]}`, or `purpose: transactional` where that is true',
            )
        return consent

    @field_validator("variants")
    @classmethod
    def _variants_have_their_own_names(cls, variants: tuple[Variant, ...]) -> tuple[Variant, ...]:
        if len({variant.name for variant in variants}) < len(variants):
            raise problem("two variants have the same name", "name each variant differently")
        if len(variants) > MOST_VARIANTS:
            raise problem(
                f"there are {len(variants)} variants, {MOST_VARIANTS} are the limit", "compare fewer at a time"
            )
        if sum(variant.weight for variant in variants) > LARGEST_WEIGHT_SUM:
            raise problem(f"the weights add up to more than {LARGEST_WEIGHT_SUM}", "weights are parts, such as 9 and 1")
        return variants
