"""Rows of a run that got no message: a page at a time, of one kind or all, with the reason of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from starlette.requests import Request
from starlette.responses import Response

from mmsflow.ledger.aside import ASIDE_BUCKETS, AsideRow
from mmsflow.ledger.model import RunInfo
from mmsflow.report.moments import zone_of
from mmsflow.web.answers import shown
from mmsflow.web.site import Site, site_of
from mmsflow.web.standing import counts_of
from mmsflow.web.views import number_in
from mmsflow.workflow.history import find_run

ROWS = 50


@dataclass(frozen=True, slots=True)
class AsideView:
    """One page of them.

    Attributes:
        buckets: rows of each kind in the run, by the bucket's name.
        total: all of them together.
        only, after, next_after: which kind is shown, after which row, and where the next page begins.
    """

    run: RunInfo
    zone: tzinfo
    buckets: Mapping[str, int]
    rows: Sequence[AsideRow]
    only: str
    after: int
    next_after: int

    @property
    def total(self) -> int:
        return sum(self.buckets.values())


def aside_list(request: Request) -> Response:
    """The rows that got no message; for a worker thread."""
    only, after = request.query_params.get("bucket", ""), number_in(request, "after")
    view = _view(site_of(request), request.path_params["run"], only, after)
    return shown(request, "set_aside.html.j2", {"view": view})


def _view(site: Site, name: str, only: str, after: int) -> AsideView:
    chosen = [bucket for bucket in ASIDE_BUCKETS if bucket.value == only]
    with site.board.reading() as ledger:
        run = find_run(ledger, name)
        counts = counts_of(ledger.bucket_counts(run.key))
        page = ledger.aside_page(run.key, chosen or ASIDE_BUCKETS, after, ROWS)
    return AsideView(
        run=run,
        zone=zone_of(run.config),
        buckets={bucket.value: counts.buckets[bucket] for bucket in ASIDE_BUCKETS},
        rows=page.rows,
        only=only if chosen else "",
        after=after,
        next_after=page.next_after,
    )
