"""Test handsets: whose numbers they may be, and the campaign's message addressed to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mmsflow.audience.consent import suppressed_only
from mmsflow.campaign.model import Campaign
from mmsflow.campaign.wording import choice_fix, quoted
from mmsflow.errors import Finding, InvalidInput, UsageError
from mmsflow.mms.msisdn import BadNumber, mask_msisdn, parse_msisdn
from mmsflow.plan.draft import Draft
from mmsflow.workflow.prepare import Prepared


def handsets(named: Sequence[str], campaign: Campaign, workspace: Path, suppression: str) -> list[str]:
    """The numbers of test handsets: those that a person names, else the campaign's own; E.164, each once.

    Args:
        suppression: path of the workspace's suppression list; empty without one.

    Raises:
        UsageError: there is none, one cannot be a handset, or one is suppressed.
        InvalidInput: the suppression list cannot be read.
    """
    texts = named or campaign.test_recipients
    if not texts:
        raise UsageError(
            "no test handset is named", "add --to NUMBER, or `test_recipients` to the campaign", cause="no_handset"
        )
    return own_handsets(texts, workspace, suppression)


def own_handsets(texts: Sequence[str], workspace: Path, suppression: str) -> list[str]:
    """Read the numbers of handsets; E.164, each once.

    Raises:
        UsageError: one of them is no number, or is suppressed.
    """
    numbers = list(dict.fromkeys(map(_msisdn, texts)))
    if suppression:
        _refuse_suppressed(numbers, workspace, suppression)
    return numbers


def _msisdn(text: str) -> str:
    msisdn = parse_msisdn(text)
    if isinstance(msisdn, BadNumber):
        raise UsageError(
            f"the test number {mask_msisdn(text)} cannot be used: {msisdn.explanation}", cause="number_unreadable"
        )
    return msisdn


def _refuse_suppressed(numbers: Sequence[str], workspace: Path, path: str) -> None:
    suppressed = suppressed_only(workspace, path)
    for number in numbers:
        if why := suppressed.is_refused(number):
            fix = f"name another handset; who is in {path} gets nothing, not even a test"
            raise UsageError(f"the test number {mask_msisdn(number)} is {why}", fix, cause="handset_suppressed")


def addressed_to(prepared: Prepared, numbers: Sequence[str], row: int | None, variant: str = "") -> Prepared:
    """The same campaign with one of its messages, to test handsets instead of its recipient.

    Args:
        numbers: E.164, at least one.
        row: which row of the lists to render; the first that is sent when None.
        variant: only a row of that variant; of any when empty. The message keeps the row's variant.

    Raises:
        InvalidInput: no message was rendered for that row and variant, or there is no such variant.
    """
    _refuse_unknown(variant, prepared)
    wanted = (
        message
        for message in prepared.draft.stored_messages()
        if row in {None, message.row} and variant in {"", message.variant}
    )
    chosen = next(wanted, None)
    if chosen is None:
        fix = "name a row that is sent; `mmsflow preview` shows some"
        what = "no message is planned" if row is None else f"no message is planned for row {row}"
        what += f" with variant {variant}" if variant else ""
        raise InvalidInput([Finding(prepared.loaded.shown_path, 0, 0, what, fix)])
    draft = Draft()
    draft.take_parts(prepared.draft, chosen)
    draft.add_messages([replace(chosen, ordinal=index, msisdn=number) for index, number in enumerate(numbers, 1)])
    return replace(prepared, draft=draft, digest=draft.digest(prepared.digest, "test"), test=True)


def _refuse_unknown(variant: str, prepared: Prepared) -> None:
    loaded = prepared.loaded
    names = [known.name for known in loaded.campaign.variants]
    if variant and variant not in names:
        fix = choice_fix(variant, names) if names else "leave out --variant"
        what = f"the campaign has no variant {quoted(variant)}"
        raise InvalidInput([loaded.finding(("variants",), what, fix)])
