"""What can be wrong with a campaign and its files before a row is read: all of it at once, each thing at its place."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from mmsflow.audience.history import history_name
from mmsflow.audience.read import Audience
from mmsflow.campaign.load import LoadedCampaign
from mmsflow.campaign.sources import HistorySource
from mmsflow.campaign.templating import Templates
from mmsflow.campaign.wording import choice_fix
from mmsflow.errors import Finding, InvalidInput
from mmsflow.media.library import MediaLibrary
from mmsflow.message.render import Composer, FaultyMessage
from mmsflow.message.variants import VariantComposer, composer_of
from mmsflow.workflow.inputs import LIST_FORMS


def sound_composer(
    loaded: LoadedCampaign,
    templates: Templates,
    media: MediaLibrary,
    audience: Audience,
    *,
    all_sources: bool = True,
    read_refusals: bool = True,
    already_found: Sequence[Finding] = (),
) -> Composer | VariantComposer:
    """The composer, after everything that can be wrong without reading a row, all of it at once.

    Args:
        all_sources: False where a source was left out, so that a missing column proves nothing.
        read_refusals: False where the rows of opt-out lists are not to be read.
        already_found: what is wrong beside it.

    Raises:
        InvalidInput: everything that is wrong, the campaign file's findings first.
    """
    findings = list(already_found)
    composer, columns = None, None

    def place(key: Sequence[str | int]) -> tuple[str, int, int]:
        return (loaded.shown_path, *loaded.positions.of(tuple(key)))

    try:
        composer = composer_of(loaded.campaign, templates, media, place)
        variables = composer.variables
    except FaultyMessage as error:
        findings += error.findings
        variables = error.variables
    try:
        columns = audience.columns
    except InvalidInput as error:
        findings += error.findings
    if columns is not None and all_sources:
        for name, used_at in variables.items():
            if name not in audience.variables:
                message = f"the template uses `{name}`, which no recipient list has as a column"
                findings.append(Finding(*used_at, message, choice_fix(name, audience.variables)))
        findings += _missing_segments(loaded, columns)
    try:
        _ = audience.refusals if read_refusals else None
    except InvalidInput as error:
        findings += [finding for finding in error.findings if finding not in findings]
    if findings or composer is None:
        raise InvalidInput(in_order([_where_it_is_named(finding, loaded) for finding in findings], loaded))
    return composer


def _missing_segments(loaded: LoadedCampaign, columns: Collection[str]) -> list[Finding]:
    return [
        loaded.finding(
            ("report", "segments", index), f"no recipient list has the column {name!r}", choice_fix(name, columns)
        )
        for index, name in enumerate(loaded.campaign.report.segments)
        if name not in columns
    ]


def _where_it_is_named(finding: Finding, loaded: LoadedCampaign) -> Finding:
    """A finding about a list as a whole, such as one that is missing, at the place that names the list."""
    for key in ("recipients", "exclude"):
        for index, source in enumerate(getattr(loaded.campaign, key)):
            if isinstance(source, HistorySource) and finding.file == history_name(source):
                return loaded.finding((key, index, "received"), finding.message, finding.fix)
            for form in LIST_FORMS:
                if finding.line == 0 and getattr(source, form, None) == finding.file:
                    return loaded.finding((key, index, form), f"{finding.file}: {finding.message}", finding.fix)
    return finding


def in_order(findings: Sequence[Finding], loaded: LoadedCampaign) -> list[Finding]:
    """Those of the campaign file by line, then those of other files."""
    return sorted(findings, key=lambda each: (each.file != loaded.shown_path, each.file, each.line, each.column))
