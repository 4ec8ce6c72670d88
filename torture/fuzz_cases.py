"""Strategies for the bytes of a bad file, and the good files that surround it."""

from __future__ import annotations

import io
from functools import cache

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from PIL import Image

FILES = {
    "yaml": "campaigns/fuzz.yaml",
    "csv": "lists/people.csv",
    "jsonl": "lists/more.jsonl",
    "template": "templates/text.j2",
    "picture": "media/picture",
}
"""Kind of file to its path in the workspace."""

CAMPAIGN = """\
version: 1
campaign: fuzz
description: Coupon
purpose: marketing
sender: ACME
priority: Normal
delivery_report: true
recipients:
  - csv: lists/people.csv
    number: msisdn
    where: tier == "gold" or name
  - jsonl: lists/more.jsonl
  - number: "+48 501 102 031"
    vars: {name: Ola, tier: gold, agreed: "yes"}
exclude:
  - number: "+48501102039"
consent: {column: agreed, accept: ["yes"]}
message:
  subject: "{{ name }}, -20%"
  attachments:
    - file: media/picture
    - text: templates/text.j2
schedule:
  start: 2026-12-01 09:00
  timezone: Europe/Warsaw
  window:
    - {days: mon-fri, hours: ["09:00-12:00", "14:00-19:00"], holidays: skip}
    - {days: sat, hours: "10:00-14:00", closed: ["12-24", "2026-12-05"]}
  not_after: 2026-12-05 19:00
rate: 20/s
quota: {reserve: 10, share: 50%}
unknown: hold
retry: {attempts: 5}
poll: {until: 72h}
test_recipients: ["+48501102031"]
report: {formats: [csv, html, json]}
"""
_HEAD = "version: 1\ncampaign: fuzz\npurpose: transactional\nsender: ACME\n"
_ONE = 'recipients: [{number: "+48 501 102 031", vars: {name: Ola, tier: gold}}]\n'
BRIEF_CAMPAIGNS = {
    "csv": _HEAD + 'recipients: [{csv: lists/people.csv}]\nmessage: {subject: "{{ name }}"}\n',
    "jsonl": _HEAD + 'recipients: [{jsonl: lists/more.jsonl}]\nmessage: {subject: "{{ name }}"}\n',
    "template": _HEAD + _ONE + "message: {attachments: [{text: templates/text.j2}]}\n",
    "picture": _HEAD + _ONE + "message: {attachments: [{file: media/picture}]}\n",
}
"""A small campaign around each other kind of file: reading the whole one takes longer than the rest of a case."""

_LIST = "msisdn,name,tier,agreed\n501102030,Ola,gold,yes\n502102030,Jan,silver,no\n"
_MORE = '{"phone": "503102030", "name": "Iga", "tier": "gold", "agreed": "yes"}\n'
_TEMPLATE = "Cześć {{ name }}!\n{% if tier == 'gold' %}Złoto{% endif %}\n"


@cache
def _picture(kind: str) -> bytes:
    picture = Image.effect_noise((48, 32), 60)
    target = io.BytesIO()
    (picture.convert("P") if kind == "GIF" else picture.convert("RGB")).save(target, kind)
    return target.getvalue()


def good_files() -> dict[str, bytes]:
    """Contents that make a valid campaign."""
    texts = {"yaml": CAMPAIGN, "csv": _LIST, "jsonl": _MORE, "template": _TEMPLATE}
    return {kind: text.encode() for kind, text in texts.items()} | {"picture": _picture("PNG")}


def _pieces(words: list[str], most: int = 25) -> SearchStrategy[bytes]:
    encodings = st.sampled_from(["utf-8", "utf-8", "utf-8", "cp1250", "utf-16-le"])
    return st.builds(
        lambda chosen, encoding: "".join(chosen).encode(encoding, "replace"),
        st.lists(st.sampled_from(words), max_size=most),
        encodings,
    )


def _spoilt(good: bytes, words: list[str]) -> SearchStrategy[bytes]:
    """The good file with a stretch of it replaced, doubled or left out, up to three times."""
    patch = st.sampled_from([word.encode() for word in words]) | st.binary(max_size=4) | st.just(b"")
    places = st.tuples(st.integers(0, len(good)), st.integers(0, 40), patch)

    def spoil(changes: list[tuple[int, int, bytes]]) -> bytes:
        content = good
        for start, length, replacement in changes:
            content = content[:start] + replacement + content[start + length :]
        return content

    return st.lists(places, min_size=1, max_size=3).map(spoil)


def _lines(good: str, words: list[str]) -> SearchStrategy[bytes]:
    """The good text with lines swapped, doubled, left out, or given another value."""
    rows = good.splitlines()
    values = st.sampled_from(words)

    def change(changes: list[tuple[int, int, str]]) -> bytes:
        found = list(rows)
        for at, way, value in changes:
            index = at % max(1, len(found))
            if way == 0:
                del found[index : index + 1]
            elif way == 1:
                found.insert(index, found[index] if found else value)
            elif found:
                found[index] = found[index].partition(":")[0] + ": " + value
        return "\n".join(found).encode("utf-8", "replace")

    return st.lists(st.tuples(st.integers(0, 60), st.integers(0, 4), values), min_size=1, max_size=3).map(change)


# fmt: off
_YAML_WORDS = [
    "null", "~", "{}", "[]", "{a: 1}", "[1, 2]", "- x", "true", "no", "1e400", "0x1F", ".inf", "-1", "0",
    "99999999999999999999", '""', '"{{ x }}"', "{{ name }}", "2026-02-30 09:00", "2026-03-29 02:30", "2026-13-01",
    "Europe/Atlantis", "9/s", "0/s", "101%", "-5%", "72", "72h", "1000000d", "&a", "*a", "!!python/object:os.system",
    "? x", "|", ">-", "\t", "'", '"', "#", "ż", "\U0001f600", "..", "/etc/passwd", "../../x", "lists/people.csv",
    "media/picture", "templates/text.j2", "media", "\x00", "hold", "resend", "\n", "  ", "---", "...", "%YAML 9.9",
    "<<: *a", "{first: 50, wait: 30min, min_delivered: 80%}", "name.__class__", "range(10**9)", "tier ~ tier", "1/0",
    "((((", "version", "canary", "stop_if", "variants", ":", ",", "]", "}",
]
_LIST_WORDS = [
    "501102030", "+48 501 102 031", "4,85E+10", "22 621 00 00", "msisdn", "name", "phone", ",", ";", "\t", '"', "'",
    "\n", "\r\n", "\r", "sep=;", "Ż", "\ufeff", "\0", "=1+1", "yes", "no", "{", "}", "[", "]", ":", "null", "\\ud800",
    "1e5", "-", "\u2028",
]
_TEMPLATE_WORDS = [
    "{{", "}}", "{%", "%}", "{#", "#}", " name ", " tier ", "|upper", "|default('x')", "|", ".", "__class__", "[0]",
    "()", "(", " if ", " for x in name ", " endfor ", " endif ", " else ", " include 'text.j2' ", " import 'x' as y ",
    " macro m() ", " endmacro ", " set a = 1 ", " ~ ", " * 999999999 ", "'a'", "9**9**9", "\n", "ż", "\0",
    "range(99999999)", "loop", "self", " raw ", " endraw ", "namespace()", " block b ", " extends 'text.j2' ", "%",
    "|format", "|join", "cycler", "lipsum()",
]
_PICTURE_WORDS = [
    "\x89PNG\r\n\x1a\n", "IHDR", "IDAT", "IEND", "GIF89a", "\xff\xd8\xff", "RIFF", "WEBP", "%!PS-Adobe", "<svg>",
    "\x00\x00", "II*\x00", "BM",
]
# fmt: on


def _cases(kind: str, *strategies: SearchStrategy[bytes]) -> SearchStrategy[tuple[str, bytes]]:
    return st.tuples(st.just(kind), st.one_of(*strategies))


_YAML = _cases(
    "yaml",
    _lines(CAMPAIGN, _YAML_WORDS),
    _lines(CAMPAIGN, _YAML_WORDS),
    _spoilt(CAMPAIGN.encode(), _YAML_WORDS),
    _pieces(_YAML_WORDS),
    st.binary(max_size=40),
)
_CSV = _cases(
    "csv", _spoilt(_LIST.encode(), _LIST_WORDS), _pieces(["msisdn,name\n", *_LIST_WORDS], 40), st.binary(max_size=60)
)
_JSONL = _cases("jsonl", _spoilt(_MORE.encode(), _LIST_WORDS), _pieces(_LIST_WORDS, 40), st.binary(max_size=60))
_TEMPLATES = _cases(
    "template", _spoilt(_TEMPLATE.encode(), _TEMPLATE_WORDS), _pieces(_TEMPLATE_WORDS), st.binary(max_size=40)
)
_PICTURES = _cases(
    "picture", *(_spoilt(_picture(kind), _PICTURE_WORDS) for kind in ("PNG", "JPEG", "GIF")), st.binary(max_size=60)
)

CASES: SearchStrategy[tuple[str, bytes]] = st.one_of(_YAML, _YAML, _CSV, _JSONL, _TEMPLATES, _PICTURES)
"""Kind of file and its bytes."""
