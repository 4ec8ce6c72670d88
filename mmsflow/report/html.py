"""report.html: one page that needs nothing else. No script, no network, one style sheet that its policy names by hash.

Everything that comes from lists, messages or the operator goes through the template's autoescaping.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from mmsflow.ledger.model import RunInfo
from mmsflow.mms.msisdn import mask_msisdn
from mmsflow.mms.status import Bucket
from mmsflow.report import chart
from mmsflow.report.exhibits import Exhibits
from mmsflow.report.experiment import DELIVERY_ONLY, Interval
from mmsflow.report.figures import compared_variants
from mmsflow.report.forest import Share, forest
from mmsflow.report.model import Summary
from mmsflow.report.page import VISIBLE_CONTROLS
from mmsflow.report.parts import HourCount, LatencyBin, Part
from mmsflow.report.wording import BUCKET_WORDS, REASON_WORDS, masked, notices, percent, state_words

if TYPE_CHECKING:
    from mmsflow.report.look import Look

_TEMPLATES = frozenset(
    f"{name}.html.j2" for name in ("report", "parts", "variants", "latency", "segments", "hours", "comparison")
)

_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-{style_hash}'; \
img-src data:; base-uri 'none'; form-action 'none'">
"""


def render_page(
    run: RunInfo,
    summary: Summary,
    exhibits: Exhibits,
    *,
    now: datetime,
    zone: tzinfo,
    show_numbers: bool,
    look: Look | None = None,
) -> str:
    """The whole page.

    Args:
        run, summary, exhibits: what it tells of.
        now: the instant it is dated with.
        zone: the zone in which instants are shown.
        show_numbers: numbers in full instead of their last three digits.
        look: the workspace's own; the built-in one when None.

    Raises:
        InvalidInput: the own look is broken; findings name file and line.
    """
    values = page_values(run, summary, exhibits, now=now, zone=zone, show_numbers=show_numbers)
    return finished_page("report.html.j2", values, look)


def finished_page(template: str, values: Mapping[str, object], look: Look | None = None) -> str:
    """A built-in template, or the own one of the same name, below the head that no template can do without.

    The policy that forbids scripts and requests stands before anything that a template writes.
    """
    style = resource("report.css") + (look.style if look else "")
    shown = {**values, "style": Markup(style)}  # noqa: S704 -- the policy names it by hash; it has no end tag
    body = (
        look.render(template, shown)
        if look and look.has_page
        else _builtin().get_template(f"mmsflow/{template}").render(shown)
    )
    return _HEAD.format(style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()) + body


def page_values(
    run: RunInfo, summary: Summary, exhibits: Exhibits, *, now: datetime, zone: tzinfo, show_numbers: bool
) -> dict[str, object]:
    """Everything that a template of the report may use, by name; numbers in the list of problems are masked already."""
    compared = compared_variants(summary.variants) if summary.variants else None
    shares = [Share(arm.counts.name, arm.share, arm.interval) for arm in compared.arms] if compared else []
    number = str if show_numbers else mask_msisdn
    problems = tuple(replace(item, number=number(item.number)) for item in summary.problems)
    return {
        "run": run,
        "summary": replace(summary, problems=problems),
        "exhibits": exhibits,
        "now": now,
        "notices": notices(run, summary),
        "state": state_words(run),
        "host": account_host(run.account),
        "words": BUCKET_WORDS,
        "reason_words": REASON_WORDS,
        "bucket": Bucket,
        "full_numbers": show_numbers,
        "now_zone": now.astimezone(zone).tzname(),
        "bar": chart.bar(summary.buckets, tuple(BUCKET_WORDS)),
        "curve": chart.curve(summary.curve, zone),
        "variants": compared,
        "forest": forest("Share of delivered by variant, with its 95 % interval", shares),
        "delivery_only": DELIVERY_ONLY,
        "hours": hour_labels(summary.hours, zone),
        "words_of_others": str if show_numbers else masked,
        "instant": instant_in(zone),
    }


def account_host(account: str) -> str:
    """The host in an account's readable key; the key itself where it names none."""
    found = re.search(r"https?://([\w.\-:\[\]]+)", account)
    return found.group(1) if found else account


def instant_in(zone: tzinfo) -> Callable[[datetime | None], str]:
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


def interval(value: Interval | None) -> str:
    """An interval of a share: ``91.0 % – 94.8 %``."""
    return "–" if value is None else f"{percent(value.low)} – {percent(value.high)}"


def bin_label(item: LatencyBin) -> str:
    """A bin of the histogram: ``up to 5 s``, ``1 min – 2 min``, ``more than 2 d``."""
    if item.up_to is None:
        return f"more than {_round_span(item.above)}"
    return (
        f"{_round_span(item.above)} – {_round_span(item.up_to)}" if item.above else f"up to {_round_span(item.up_to)}"
    )


def _round_span(value: timedelta) -> str:
    return span(value) if value.total_seconds() >= 10 else f"{value.total_seconds():.0f} s"


def hour_labels(hours: Sequence[HourCount], zone: tzinfo) -> list[tuple[str, HourCount]]:
    """Each hour with its name: with the day where there are several, with the zone where its offset changes."""
    local = [hour.at.astimezone(zone) for hour in hours if hour.at is not None]
    if not local:
        return [(f"{hour.hour:02}:00 – {(hour.hour + 1) % 24:02}:00", hour) for hour in hours]
    days = len({at.date() for at in local}) > 1
    shifts = len({at.utcoffset() for at in local}) > 1
    form = f"{'%-d %b, ' if days else ''}%H:%M{' %Z' if shifts else ''}"
    return [(at.strftime(form), hour) for at, hour in zip(local, hours, strict=True)]


def most_sent(parts: Sequence[Part], rest: Part | None = None) -> int:
    """The messages of the part that has most of them."""
    return max((part.sent for part in (*parts, *([rest] if rest else []))), default=0)


def size(count_bytes: int) -> str:
    """A size as ``812 B`` or ``97 KiB``."""
    return f"{count_bytes} B" if count_bytes < 1024 else f"{count_bytes / 1024:,.0f} KiB"


def shown(value: object) -> object:
    if isinstance(value, str) and not isinstance(value, Markup):
        return value.translate(VISIBLE_CONTROLS)
    return value


def builtin_template(name: str) -> str | None:
    """The source of a built-in template by the name that templates know it by, ``mmsflow/…``; None for others."""
    folder, _, file = name.partition("/")
    return resource(file) if folder == "mmsflow" and file in _TEMPLATES else None


def resource(name: str) -> str:
    """A file that travels beside the report's modules."""
    return (files("mmsflow.report") / "templates" / name).read_text("utf-8")


def install(environment: Environment) -> None:
    """Give an environment the filters and functions that the report's templates use."""
    environment.filters.update(
        span=span,
        size=size,
        reason=reason,
        interval=interval,
        bin=bin_label,
        count=lambda number: f"{number:,}",
    )
    environment.globals.update(share=share, pieces=chart.pieces, most_sent=most_sent)


@cache
def _builtin() -> Environment:
    environment = Environment(
        loader=FunctionLoader(builtin_template),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=shown,
    )
    install(environment)
    return environment
