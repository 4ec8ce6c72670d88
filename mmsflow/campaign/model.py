"""The campaign file as a model. The JSON Schema, the reference page and the loader all come from it."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from mmsflow.campaign.scalars import (
    CampaignName,
    CronText,
    DaySet,
    Duration,
    Expression,
    HourSpan,
    LocalInstant,
    Rate,
    RateText,
    Sender,
    Share,
    TemplateText,
    TimezoneName,
    WorkspacePath,
)

class Model(BaseModel):
    """Base of every block: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Purpose(StrEnum):
    MARKETING = "marketing"
    TRANSACTIONAL = "transactional"


class CsvSource(Model):
    csv: WorkspacePath
    number: str | None = None
    where: Expression | None = None
    delimiter: str | None = None
    encoding: str | None = None


class JsonLinesSource(Model):
    jsonl: WorkspacePath
    number: str | None = None
    where: Expression | None = None


class XlsxSource(Model):
    xlsx: WorkspacePath
    number: str | None = None
    where: Expression | None = None


class InlineRecipient(Model):
    number: str
    vars: dict[str, str | int | float | bool] = Field(default_factory=dict)


Source = CsvSource | JsonLinesSource | XlsxSource | InlineRecipient   # discriminated by the key present


class Consent(Model):
    column: str
    accept: tuple[str, ...]          # compared casefolded, stripped


class FileAttachment(Model):
    file: TemplateText               # a path, may be a template
    fit: bool | None = None


class TextAttachment(Model):
    text: WorkspacePath


class QrAttachment(Model):
    qr: TemplateText


Attachment = FileAttachment | TextAttachment | QrAttachment


class Message(Model):
    subject: TemplateText = ""
    attachments: tuple[Attachment, ...] = ()


class Variant(Model):
    name: str
    weight: int = 1
    subject: TemplateText | None = None
    attachments: tuple[Attachment, ...] | None = None


class Window(Model):
    days: DaySet
    hours: HourSpan
    holidays: Literal["skip", "send"] = "send"


class Schedule(Model):
    start: LocalInstant | Literal["now"] = "now"     # naive wall-clock time in `timezone`, or "now"
    every: CronText | None = None
    timezone: TimezoneName = "Europe/Warsaw"
    window: Window | None = None
    not_after: LocalInstant | None = None


class QuotaRules(Model):
    reserve: int = 0                 # >= 0
    share: Share = 1.0               # fraction 0 < x <= 1; written 50%


class Canary(Model):
    first: int
    wait: Duration
    min_delivered: Share


class StopIf(Model):
    failed: Share
    after: int


class Retry(Model):
    attempts: int = 5                # >= 1


class Poll(Model):
    until: Duration = timedelta(hours=72)


class Report(Model):
    formats: tuple[Literal["csv", "html", "json"], ...] = ("csv", "html", "json")


class Campaign(Model):
    version: Literal[1]
    campaign: CampaignName
    description: str = ""
    purpose: Purpose = Purpose.MARKETING
    sender: Sender
    priority: Literal["Default", "Low", "Normal", "High"] = "Normal"
    delivery_report: bool = True
    recipients: tuple[Source, ...]   # at least 1
    exclude: tuple[Source, ...] = ()
    consent: Consent | None = None
    message: Message
    variants: tuple[Variant, ...] = ()
    schedule: Schedule = Schedule()
    rate: RateText | None = None     # → scalars.Rate
    quota: QuotaRules = QuotaRules()
    canary: Canary | None = None
    stop_if: StopIf | None = None
    unknown: Literal["hold", "resend"] = "hold"
    retry: Retry = Retry()
    poll: Poll = Poll()
    test_recipients: tuple[str, ...] = ()
    report: Report = Report()
