"""``mmsflow check``: everything that can be known offline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmsflow.cli.output import paint, print_json, say, show_findings, table, tell, warn
from mmsflow.cli.progress import counting
from mmsflow.cli.session import Session
from mmsflow.errors import Finding, InvalidInput
from mmsflow.mms.status import Bucket
from mmsflow.workflow.look import look_findings
from mmsflow.workflow.prepare import Prepared, prepare

_ASIDE = (Bucket.EXCLUDED, Bucket.DUPLICATE, Bucket.INVALID)


def check(files: Sequence[str], *, strict: bool, as_json: bool) -> int:
    """Validate the campaign files, or all of the workspace; returns the exit code."""
    paths = [Path(file) for file in files]
    session = Session.start(paths[0] if paths else None)
    if not paths:
        paths = sorted((session.workspace / "campaigns").glob("*.yaml"))
        if not paths:
            fix = "`mmsflow init DIR` makes one"
            raise InvalidInput([Finding("campaigns/", 0, 0, "this workspace has no campaign files", fix)])
    findings: list[Finding] = []
    campaigns: list[dict[str, object]] = []
    names: dict[str, str] = {}
    for path in paths:
        found, summary = _check_one(path, session.workspace, strict=strict, quiet=as_json)
        findings += found
        if summary is not None:
            campaigns.append(summary)
            findings += _not_unique(summary, names)
    findings += look_findings(session.workspace)
    if as_json:
        print_json({"errors": [finding.as_json() for finding in findings], "campaigns": campaigns})
    _explain(findings, campaigns, as_json=as_json)
    return 3 if findings else 0


def _check_one(
    path: Path, workspace: Path, *, strict: bool, quiet: bool
) -> tuple[list[Finding], dict[str, object] | None]:
    try:
        with counting(f"checking {path.name}", quiet=quiet) as progress:
            prepared = prepare(path, workspace, progress=progress)
    except InvalidInput as error:
        return list(error.findings), None
    with prepared.draft:
        findings = _strict(prepared) if strict else []
        return findings, _summary(prepared)


def _strict(prepared: Prepared) -> list[Finding]:
    return [
        Finding(row.source, row.row, 0, f"{row.bucket.value}: {row.reason}", "mend the row, or check without --strict")
        for row in prepared.draft.stored_set_aside()
    ]


def _summary(prepared: Prepared) -> dict[str, object]:
    draft = prepared.draft
    return {
        "file": prepared.loaded.shown_path,
        "campaign": prepared.loaded.campaign.campaign,
        "rows": draft.rows,
        "buckets": {bucket.value: rows for bucket, rows in draft.buckets().items()},
        "reasons": [
            {"bucket": bucket.value, "code": code, "rows": rows, "example": draft.examples[(bucket, code)]}
            for (bucket, code), rows in draft.reasons.most_common()
        ],
        "warnings": list(prepared.warnings),
    }


def _not_unique(summary: dict[str, object], names: dict[str, str]) -> list[Finding]:
    name, file = str(summary["campaign"]), str(summary["file"])
    other = names.setdefault(name, file)
    if other == file:
        return []
    fix = "give it a name of its own; the name is part of every message's key"
    return [Finding(file, 0, 0, f"the campaign name {name} is also that of {other}", fix)]


def _explain(findings: list[Finding], campaigns: list[dict[str, object]], *, as_json: bool) -> None:
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
            (summary["file"], summary["rows"], buckets["pending"], *(buckets[bucket.value] for bucket in _ASIDE))
        )
    if rows:
        tell(table(rows, ("campaign", "rows", "to be sent", *(bucket.value for bucket in _ASIDE))))
    reasons = [
        (summary["campaign"], reason["bucket"], reason["rows"], str(reason["code"]).replace("_", " "))
        for summary in campaigns
        for reason in (summary["reasons"] if isinstance(summary["reasons"], list) else [])
    ]
    if reasons:
        tell()
        tell(table(reasons, ("campaign", "bucket", "rows", "reason")))
    if findings:
        noun = "error" if len(findings) == 1 else "errors"
        say(paint(f"{len(findings)} {noun} found", "error", sys.stderr))
    else:
        say(paint("all good", "good", sys.stderr))
