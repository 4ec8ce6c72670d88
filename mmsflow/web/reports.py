"""A run's reports: those that have been written, streamed from the workspace and from nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from mmsflow.errors import InvalidInput, UsageError
from mmsflow.ledger.model import RunInfo
from mmsflow.mms.workspace_files import open_inside
from mmsflow.web.answers import problem
from mmsflow.web.site import site_of
from mmsflow.workflow.history import find_run
from mmsflow.workflow.run import report_folder

FORMATS = {
    "report.html": "text/html; charset=utf-8",
    "report.csv": "text/csv; charset=utf-8",
    "report.xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "report.json": "application/json",
}
_BLOCK = 64 * 1024
_OWN_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"<>]{1,2000})">')
_LOOKED_AT = 4_000


def present(workspace: Path, run: RunInfo) -> list[str]:
    """The reports of a run that are there, by name."""
    folder = report_folder(workspace, run)
    return [name for name in FORMATS if (folder / name).is_file()]


def report(request: Request) -> Response:
    """One report to keep, or ``?view=1`` the page to look at; for a worker thread."""
    site, name = site_of(request), request.path_params["name"]
    workspace = site.board.settings.workspace
    with site.board.reading() as ledger:
        run = find_run(ledger, request.path_params["run"])
    if name not in FORMATS:
        raise UsageError(f"there is no report {name}", f"a run has {', '.join(FORMATS)}")
    try:
        file = open_inside(workspace, str(report_folder(Path(), run) / name))
    except InvalidInput:
        return problem(request, 404, "refused.missing")
    if name == "report.html" and request.query_params.get("view"):
        with file:
            return document(file.read().decode("utf-8", "replace"), framed=False)
    headers = {"Content-Disposition": f'attachment; filename="{run.run}-{name}"'}
    return StreamingResponse(_blocks(file), media_type=FORMATS[name], headers=headers)


def document(html: str, *, framed: bool) -> Response:
    """A page that mmsflow wrote to stand alone: shown under the policy that it names itself, in a sandbox.

    Args:
        framed: a page of ours may show it in a frame, and its own script, known by its hash, may run there.
    """
    found = _OWN_POLICY.search(html[:_LOOKED_AT])
    own = found[1].replace("&#39;", "'") if found else "default-src 'none'"
    sandbox = "sandbox allow-scripts" if framed else "sandbox"
    ancestors = "'self'" if framed else "'none'"
    headers = {
        "Content-Security-Policy": f"{own}; frame-ancestors {ancestors}; {sandbox}",
        "X-Frame-Options": "SAMEORIGIN" if framed else "DENY",
    }
    return Response(html.encode("utf-8", "replace"), media_type="text/html; charset=utf-8", headers=headers)


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while block := file.read(_BLOCK):
            yield block
