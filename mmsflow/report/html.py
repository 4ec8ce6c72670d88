"""report.html: one page that needs nothing else. No script, no network, one style sheet that its policy names by hash.

Everything that comes from lists, messages or the operator goes through the template's autoescaping.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from mmsflow.ledger.model import RunInfo
from mmsflow.mms.msisdn import mask_msisdn
from mmsflow.mms.status import Bucket
from mmsflow.report import chart
from mmsflow.report.exhibits import Exhibits
from mmsflow.report.model import PROBLEM_BUCKETS, SET_ASIDE_BUCKETS, Summary
from mmsflow.report.page import VISIBLE_CONTROLS
from mmsflow.report.wording import BUCKET_WORDS, REASON_WORDS, masked, notices, state_words


def render_page(
    run: RunInfo, summary: Summary, exhibits: Exhibits, *, now: datetime, zone: tzinfo, show_numbers: bool
) -> str:
    """The whole page.

    Args:
        run, summary, exhibits: what it tells of.
        now: the instant it is dated with.
        zone: the zone in which instants are shown.
        show_numbers: numbers in full instead of their last three digits.
    """
    style = _resource("report.css")
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            run=run,
            summary=summary,
            exhibits=exhibits,
            now=now,
            notices=notices(run, summary),
            state=state_words(run),
            host=account_host(run.account),
            style=Markup(style),  # noqa: S704 -- our own file
            style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
            words=BUCKET_WORDS,
            reason_words=REASON_WORDS,
            problem_buckets=PROBLEM_BUCKETS,
            set_aside_buckets=SET_ASIDE_BUCKETS,
            bucket=Bucket,
            full_numbers=show_numbers,
            now_zone=now.astimezone(zone).tzname(),
            bar=chart.bar(summary.buckets, tuple(BUCKET_WORDS)),
            curve=chart.curve(summary.curve, zone),
            number=str if show_numbers else mask_msisdn,
            words_of_others=str if show_numbers else masked,
            instant=_instant_in(zone),
        )
    )


def account_host(account: str) -> str:
    """The host in an account's readable key; the key itself where it names none."""
    found = re.search(r"https?://([\w.\-:\[\]]+)", account)
    return found.group(1) if found else account


def _instant_in(zone: tzinfo) -> Callable[[datetime | None], str]:
    def instant(at: datetime | None) -> str:
        return at.astimezone(zone).strftime("%-d %b %Y, %H:%M:%S") if at else "–"

    return instant


def span(value: timedelta | None) -> str:
    """A span of time in its two largest units: ``0.4 s``, ``12 s``, ``3 min 5 s``, ``2 h 10 min``, ``3 d 4 h``."""
    if value is None:
        return "–"
    seconds = value.total_seconds()
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    units = [(days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")]
    largest = next(i for i, (count, _) in enumerate(units) if count)
    return " ".join(f"{count} {unit}" for count, unit in units[largest : largest + 2] if count)


def share(part: int, whole: int) -> str:
    """A percentage that says 0 % and 100 % only when it is exactly that."""
    if not whole:
        return "–"
    percent = 100 * part / whole
    if 0 < percent < 0.1:
        return "< 0.1 %"
    if 99.9 < percent < 100:
        return "> 99.9 %"
    return f"{percent:.0f} %" if percent in (0, 100) else f"{percent:.1f} %"


def reason(label: str) -> str:
    """A short reason such as ``no_consent`` as people write it: ``No consent``."""
    words = label.replace("_", " ")
    return words[:1].upper() + words[1:]


def size(count_bytes: int) -> str:
    """A size as ``812 B`` or ``97 KiB``."""
    return f"{count_bytes} B" if count_bytes < 1024 else f"{count_bytes / 1024:,.0f} KiB"


def _shown(value: object) -> object:
    if isinstance(value, str) and not isinstance(value, Markup):
        return value.translate(VISIBLE_CONTROLS)
    return value


def _resource(name: str) -> str:
    return (files("mmsflow.report") / "templates" / name).read_text("utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(_resource),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters.update(span=span, size=size, reason=reason, count=lambda number: f"{number:,}")
    environment.globals.update(share=share)
    return environment
