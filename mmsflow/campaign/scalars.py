"""Scalars of the campaign file that people write as text: names, paths, durations, rates, shares.

Each type takes what the loader hands over (text, or `Unquoted` where YAML saw a number or a switch) or the plain Python
value, and raises one sentence with a way out. Times of day and dates are in `local_time`.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from mmsflow.campaign.wording import quoted

LONGEST_SENDER = 20
LONGEST_VARIANT_NAME = 40
ADVISED_SENDER = re.compile(r"[A-Za-z0-9]{1,11}")
TEXT_ENCODINGS = ("utf-8", "windows-1250", "iso-8859-2", "utf-16")

_CAMPAIGN_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_CODECS = frozenset({"utf-8", "utf-8-sig", "utf-16", "cp1250", "iso8859-2"})


@dataclass(frozen=True, slots=True)
class Unquoted:
    """A scalar that YAML reads as a number or a switch, kept beside the way it was written.

    Attributes:
        text: as it stands in the file, such as ``0501`` or ``+48501102030``.
        value: what YAML 1.2 makes of it.
    """

    text: str
    value: int | float | bool

    def __str__(self) -> str:
        return self.text


def problem(message: str, fix: str) -> PydanticCustomError:
    """What a validator raises: a sentence about the value, and how to mend it."""
    return PydanticCustomError("campaign", "{message}", {"message": message, "fix": fix})


def as_written(value: object, fix: str = "write a text, in quotes if in doubt") -> str:
    """The text of a scalar as it stands in the file; lists, blocks and nothing at all are refused."""
    if isinstance(value, str):
        return value
    if isinstance(value, Unquoted):
        return value.text
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if value is None:
        raise problem("there is no value", fix)
    raise problem("a single text is needed here, not a list or a block of keys", fix)


def _text(value: object) -> str:
    text = as_written(value)
    if "\0" in text:
        raise problem("the text holds a NUL character", "remove it")
    return text


def _filled(value: object) -> str:
    text = _text(value).strip()
    if not text:
        raise problem("the text is empty", "write a text, or leave the key out")
    return text


def _whole(value: object) -> int:
    bare = value.value if isinstance(value, Unquoted) else value
    if isinstance(bare, int) and not isinstance(bare, bool):
        return bare
    if isinstance(bare, str) and re.fullmatch(r"[+-]?\d{1,18}", bare.strip()):
        return int(bare)
    raise problem(f"a whole number is needed, not {_brief(value)}", "write digits only, such as 5")


def _switch(value: object) -> bool:
    bare = value.value if isinstance(value, Unquoted) else value
    if isinstance(bare, bool):
        return bare
    raise problem(f"either true or false is needed, not {_brief(value)}", "write true or false, without quotes")


def _version(value: object) -> object:
    return value.value if isinstance(value, Unquoted) else value


def _brief(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a block of keys"
    return "a list" if isinstance(value, list | tuple) else quoted(value)


def _campaign_name(value: object) -> str:
    name = as_written(value, "name the campaign, such as `winter-sale`")
    if not _CAMPAIGN_NAME.fullmatch(name):
        raise problem(
            f"{quoted(name)} cannot name a campaign",
            "use 1 to 63 lower-case letters a-z, digits and hyphens, beginning with a letter or digit",
        )
    return name


def _sender(value: object) -> str:
    sender = as_written(value, "name the sender agreed with the operator").strip()
    if not sender:
        raise problem("the sender is empty", "name the sender agreed with the operator")
    if len(sender) > LONGEST_SENDER:
        raise problem(
            f"the sender has {len(sender)} characters, {LONGEST_SENDER} are the limit",
            "use the name agreed with the operator, best up to 11 letters and digits",
        )
    if not sender.isprintable():
        raise problem("the sender holds an invisible character", "type it again")
    return sender


def _variant_name(value: object) -> str:
    name = _filled(value)
    if len(name) > LONGEST_VARIANT_NAME:
        raise problem(
            f"the variant's name has {len(name)} characters, {LONGEST_VARIANT_NAME} are the limit",
            "use a short one, such as `a`; it heads a row of the report",
        )
    if not name.isprintable():
        raise problem("the variant's name holds an invisible character", "type it again")
    return name


def sender_advice(sender: str) -> str:
    """Why a sender may be refused by the operator, though it is legal here; empty when it is a safe one."""
    if ADVISED_SENDER.fullmatch(sender):
        return ""
    return f"the sender {quoted(sender)} is not made of 1 to 11 letters a-z and digits, the operator may refuse it"


def _workspace_path(value: object) -> str:
    path = as_written(value, "write a path such as `lists/gold.csv`")
    if not path.strip():
        raise problem("the path is empty", "write a path such as `lists/gold.csv`")
    fault = path_fault(path)
    if fault:
        raise problem(f"{quoted(path)} {fault}", "write a path from the workspace's top, such as `lists/gold.csv`")
    return path


def path_fault(path: str) -> str:
    """Why a text cannot be a file of the workspace, as the rest of a sentence; empty when it can."""
    if "\0" in path:
        return "holds a NUL character"
    if "://" in path:
        return "is an address, only files of the workspace can be used"
    if "\\" in path:
        return "has a backslash, paths are written with /"
    if path.startswith("/") or re.match(r"[A-Za-z]:", path):
        return "is not inside the workspace"
    return "leads out of the workspace" if ".." in PurePosixPath(path).parts else ""


def _template(value: object) -> str:
    return _text(value)


def one_or_more(value: object) -> object:
    """A single text where several may stand."""
    return [value] if isinstance(value, str | Unquoted) else value


def _delimiter(value: object) -> str:
    text = as_written(value, 'write one character, such as ";"')
    if text in ("tab", "\\t"):
        return "\t"
    if len(text) != 1 or text in '"\r\n\0':
        raise problem("a delimiter is one character", 'write ",", ";", "|" or tab')
    return text


def _encoding(value: object) -> str:
    text = as_written(value, "write an encoding such as windows-1250").strip()
    try:
        known = codecs.lookup(text).name in _CODECS
    except (LookupError, ValueError):
        known = False
    if not known:
        raise problem(f"{quoted(text)} is not an encoding that lists can have", "use " + ", ".join(TEXT_ENCODINGS))
    return text


def _cell(value: object) -> str | int | float | bool:
    """An inline recipient's value: a number only where that loses nothing of how it was written."""
    if isinstance(value, Unquoted):
        plain = isinstance(value.value, bool) or str(value.value) == value.text
        return value.value if plain else value.text
    return value if isinstance(value, bool | int | float) else _text(value)


def scalar_schema(kind: object = "string", **keywords: object) -> WithJsonSchema:
    """What the JSON Schema says of a scalar that people write as text."""
    return WithJsonSchema({"type": kind, **keywords})


# Editors type an unquoted 48501102030 as a number; the loader takes it as text, so the schema lets it pass.
_ANY_SCALAR = ["string", "number", "boolean"]

Text = Annotated[str, PlainValidator(_text), scalar_schema(_ANY_SCALAR)]
FilledText = Annotated[str, PlainValidator(_filled), scalar_schema(_ANY_SCALAR, minLength=1)]
NotNegative = Annotated[int, Field(ge=0), BeforeValidator(_whole)]
Count = Annotated[int, Field(ge=1), BeforeValidator(_whole)]
TurnPriority = Annotated[int, Field(ge=0, le=9), BeforeValidator(_whole)]
Switch = Annotated[bool, BeforeValidator(_switch)]
Version = Annotated[Literal[1], BeforeValidator(_version)]
CampaignName = Annotated[
    str,
    PlainValidator(_campaign_name),
    scalar_schema(_ANY_SCALAR, pattern=f"^{_CAMPAIGN_NAME.pattern}$", examples=["winter-sale"]),
]
Sender = Annotated[
    str,
    PlainValidator(_sender),
    scalar_schema(_ANY_SCALAR, minLength=1, maxLength=LONGEST_SENDER, examples=["ACME"]),
]
VariantName = Annotated[
    str,
    PlainValidator(_variant_name),
    scalar_schema(_ANY_SCALAR, minLength=1, maxLength=LONGEST_VARIANT_NAME, examples=["a"]),
]
WorkspacePath = Annotated[
    str,
    PlainValidator(_workspace_path),
    scalar_schema(
        _ANY_SCALAR, minLength=1, pattern=r"^(?!/)(?!.*://)(?!(.*/)?\.\.(/|$))[^\\]+$", examples=["lists/gold.csv"]
    ),
]
TemplateText = Annotated[
    str, PlainValidator(_template), scalar_schema(_ANY_SCALAR, examples=["{{ name }}, your code is {{ code }}"])
]
Expression = Annotated[str, PlainValidator(_filled), scalar_schema(_ANY_SCALAR, examples=['segment == "gold"'])]
Names = Annotated[
    tuple[FilledText, ...],
    Field(min_length=1),
    BeforeValidator(one_or_more),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1},
                {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}},
            ]
        }
    ),
]
Delimiter = Annotated[str, PlainValidator(_delimiter), scalar_schema(examples=[",", ";", "|", "tab"])]
Encoding = Annotated[str, PlainValidator(_encoding), scalar_schema(examples=list(TEXT_ENCODINGS))]
Cell = Annotated[str | int | float | bool, PlainValidator(_cell), scalar_schema([*_ANY_SCALAR, "null"])]
