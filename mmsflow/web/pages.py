"""Pages from templates: escaped throughout, in the reader's language, numbers masked, no path of the machine."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime, tzinfo
from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup, escape

from mmsflow.mms.msisdn import mask_msisdn
from mmsflow.report.page import VISIBLE_CONTROLS, house_style
from mmsflow.report.wording import masked
from mmsflow.web.words import word

_LONGEST = 300
# `/home/ola/ws/.mmsflow/ledger.db` in an error says more about the machine than a browser needs to know.
_MACHINE_PATH = re.compile(r"(?<![\w:/.…<])/(?:[^\s/'\"`:,;<>]+/)+([^\s/'\"`:,;<>]*)")
_KINDS = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}
ASSETS = ("page.css", "page.js")


def render(template: str, values: Mapping[str, object], language: str) -> str:
    """A page, or a part of one; what cannot be written as UTF-8 becomes a question mark."""
    text = _environment(language).get_template(template).render(values)
    return text.encode("utf-8", "replace").decode()


@cache
def asset(name: str) -> tuple[str, str] | None:
    """Text and content type of our own style sheet or script; None for any other name."""
    if name not in ASSETS:
        return None
    own = (files("mmsflow.web") / "assets" / name).read_text("utf-8")
    text = house_style() + own if name == "page.css" else own
    return text, _KINDS[name.rpartition(".")[2]]


def said(text: str, longest: int = _LONGEST) -> str:
    """What files, people and gateways say: numbers masked, cut where it is very long, without the machine's paths."""
    # Masked before it is cut: half a number at the end would not be known for one.
    whole = masked(_MACHINE_PATH.sub(r"…/\1", text[: 4 * longest]))
    return whole if len(whole) <= longest else whole[: longest - 1] + "…"


def _coded(text: str) -> Markup:
    """Text in which ```` `commands` ```` are set as code; the rest is escaped."""
    pieces = str(_seen(text)).split("`")
    if len(pieces) % 2 == 0:  # one that is never closed is only a character
        return escape("`".join(pieces))
    shown = [Markup("<code>{}</code>").format(piece) if i % 2 else escape(piece) for i, piece in enumerate(pieces)]
    return Markup("").join(shown)


def _version(name: str) -> str:
    found = asset(name)
    return hashlib.sha256(found[0].encode()).hexdigest()[:12] if found else ""


def _seen(value: object) -> object:
    if isinstance(value, str) and not isinstance(value, Markup):
        return value.translate(VISIBLE_CONTROLS)
    return value


def _grouped(number: int, language: str) -> str:
    return f"{number:,}".replace(",", "\u00a0" if language == "pl" else ",")


def _decimal(text: str, language: str) -> str:
    return text.replace(".", ",") if language == "pl" else text


def _instant(at: datetime | None, zone: tzinfo) -> str | Markup:
    if at is None:
        return "–"
    local = at.astimezone(zone)
    text = local.strftime("%Y-%m-%d %H:%M") + f" {local.tzname() or ''}"
    return Markup('<time datetime="{}">{}</time>').format(local.isoformat(timespec="seconds"), text.strip())


def _percent(part: int, whole: int) -> int:
    """Whole per cent; 0 and 100 only where it is exactly that."""
    if not whole:
        return 0
    return min(max(round(100 * part / whole), int(part > 0)), 100 if part >= whole else 99)


def _source(name: str) -> str:
    return (files("mmsflow.web") / "templates" / name).read_text("utf-8")


@cache
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=FunctionLoader(_source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_seen,
    )
    environment.filters.update(
        said=said, coded=_coded, count=lambda number: _grouped(number, language), instant=_instant, number=mask_msisdn
    )
    environment.filters["decimal"] = lambda text: _decimal(text, language)
    environment.globals.update(t=lambda key: word(key, language), language=language, percent=_percent, version=_version)
    return environment
