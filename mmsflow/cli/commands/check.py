"""``mmsflow check``: everything that can be known offline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmsflow.cli.output import paint, print_json, say, show_findings, table, tell, warn
from mmsflow.cli.progress import counting
from mmsflow.cli.session import Session
from mmsflow.errors import Finding, InvalidInput, UsageError
from mmsflow.mms.status import SET_ASIDE_BUCKETS
from mmsflow.plan.explain import arms_as_json
from mmsflow.plan.intake import intake_as_json, intake_as_text, intake_of
from mmsflow.wiring import ledger_file
from mmsflow.workflow.disk_space import space_blocker
from mmsflow.workflow.look import look_findings
from mmsflow.workflow.prepare import Prepared, prepare


def check(files: Sequence[str], rejects: Path | None = None, *, strict: bool, as_json: bool) -> int:
    """Validate the campaign files, or all of the workspace; returns the exit code."""
    if rejects is not None and len(files) != 1:
        raise UsageError("--rejects takes the rows of one campaign", "name one campaign file")
    paths = [Path(file) for file in files]
    session = Session.start(paths[0] if paths else None)
    if not paths:
        paths = sorted((session.workspace / "campaigns").glob("*.yaml"))
        if not paths:
            fix = "`mmsflow init DIR` makes one"
            raise InvalidInput([Finding("campaigns/", 0, 0, "this workspace has no campaign files", fix)])
    findings: list[Finding] = []
    campaigns: list[dict[str, object]] = []
    intakes: list[str] = []
    names: dict[str, str] = {}
    for path in paths:
        found, summary, intake = _check_one(path, session, rejects, strict=strict, quiet=as_json)
        findings += found
        if summary is not None:
            campaigns.append(summary)
            intakes.append(intake)
            findings += _not_unique(summary, names)
    findings += look_findings(session.workspace)
    if as_json:
        print_json({"errors": [finding.as_json() for finding in findings], "campaigns": campaigns})
    _explain(findings, campaigns, intakes, as_json=as_json)
    return 3 if findings else 0


def _check_one(
    path: Path, session: Session, rejects: Path | None, *, strict: bool, quiet: bool
) -> tuple[list[Finding], dict[str, object] | None, str]:
    try:
        with counting(f"checking {path.name}", quiet=quiet) as progress:
            intake = session.intake(lenient=True, rejects=rejects)
            prepared = prepare(path, session.workspace, progress=progress, fitting=progress.fitting, intake=intake)
    except InvalidInput as error:
        if error.table and not quiet:
            tell(error.table)
        return list(error.findings), None, ""
    with prepared.draft:
        findings = _strict(prepared) if strict else []
        return findings, _summary(prepared, session), intake_as_text(intake_of(prepared.draft))


def _strict(prepared: Prepared) -> list[Finding]:
    return [
        Finding(row.source, row.row, 0, f"{row.bucket.value}: {row.reason}", "mend the row, or check without --strict")
        for row in prepared.draft.stored_set_aside()
    ]


def _summary(prepared: Prepared, session: Session) -> dict[str, object]:
    draft = prepared.draft
    short = space_blocker(prepared, ledger_file(session.settings), session.workspace)
    return {
        "file": prepared.loaded.shown_path,
        "campaign": prepared.loaded.campaign.campaign,
        "rows": draft.rows,
        "buckets": {bucket.value: rows for bucket, rows in draft.buckets().items()},
        "reasons": [
            {"bucket": bucket.value, "code": code, "rows": rows, "example": draft.examples[(bucket, code)]}
            for (bucket, code), rows in draft.reasons.most_common()
        ],
        "variants": arms_as_json(prepared.arms),
        "intake": intake_as_json(intake_of(draft)),
        "warnings": [*prepared.warnings, *([short.message] if short else [])],
    }


def _not_unique(summary: dict[str, object], names: dict[str, str]) -> list[Finding]:
    name, file = str(summary["campaign"]), str(summary["file"])
    other = names.setdefault(name, file)
    if other == file:
        return []
    fix = "give it a name of its own; the name is part of every message's key"
    return [Finding(file, 0, 0, f"the campaign name {name} is also that of {other}", fix)]


def _explain(
    findings: list[Finding], campaigns: list[dict[str, object]], intakes: Sequence[str], *, as_json: bool
) -> None:
    import sys

    show_findings(findings)
    if as_json:
        return
    rows = []
    for summary in campaigns:
        for warning in summary["warnings"] if isinstance(summary["warnings"], list) else []:
            warn(f"{summary['file']}: {warning}")
        buckets = summary["buckets"]
        assert isinstance(buckets, dict)
        rows.append(
            (
                summary["file"],
                summary["rows"],
                buckets["pending"],
                *(buckets[bucket.value] for bucket in SET_ASIDE_BUCKETS),
            )
        )
    if rows:
        tell(table(rows, ("campaign", "rows", "to be sent", *(bucket.value for bucket in SET_ASIDE_BUCKETS))))
    for summary, intake in zip(campaigns, intakes, strict=True):
        tell()
        tell(f"{summary['file']}\n{intake}" if len(campaigns) > 1 else intake)
    arms = [
        (summary["campaign"], *arm.values())
        for summary in campaigns
        for arm in (summary["variants"] if isinstance(summary["variants"], list) else [])
    ]
    if arms:
        tell()
        tell(table(arms, ("campaign", "variant", "weight", "messages")))
    if findings:
        noun = "error" if len(findings) == 1 else "errors"
        say(paint(f"{len(findings)} {noun} found", "error", sys.stderr))
    else:
        say(paint("all good", "good", sys.stderr))
