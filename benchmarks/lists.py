"""A workspace with a list of any length: spelled by many hands, with the usual share of rows that are not sent to."""

from __future__ import annotations

import csv
import random
from pathlib import Path

CAMPAIGN = "campaigns/bench.yaml"
LIST, OPT_OUTS, TEMPLATE = "lists/bench.csv", "lists/optout.csv", "templates/bench.txt.j2"
SUBJECT = "{{ name }}, kod {{ code }}: -20% do niedzieli"
TEXT = """Dzień dobry {{ name }},

w sklepie {{ city }} czeka na Ciebie rabat -20%. Pokaż kod {{ code }} przy kasie.
{% if points %}Masz już {{ points }} punktów.{% endif %}
Do zobaczenia!
"""

_NAMES = ("Ola", "Łucja", "Małgorzata", "Józef", "Michał", "Bartłomiej", "Jan", "Ewa", "Krzysztof", "Iga")
_CITIES = ("Warszawa", "Kraków", "Łódź", "Wrocław", "Poznań", "Gdańsk", "Szczecin", "Lublin")
_ODD = ("22 621 00 00", "+49 1512 3456789", "50110203", "4,85E+10", "brak", "")


def make_workspace(folder: Path, rows: int, *, where: bool) -> None:
    """Write campaign, list, opt-outs and template; the same bytes for the same arguments.

    Of the rows about 1 % each are duplicates, unreadable, opted out and without consent; with ``where`` 10 % more are
    filtered. A tenth is spelled with spaces, a tenth without the country code.
    """
    for name in ("campaigns", "lists", "templates"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    rng = random.Random(rows)
    numbers = rng.sample(range(10_000_000), rows)
    with (folder / LIST).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("msisdn", "name", "city", "segment", "points", "code", "consent"))
        for index, number in enumerate(numbers):
            writer.writerow(_row(rng, index, numbers[index - 1] if rng.random() < 0.01 else number))
    with (folder / OPT_OUTS).open("w", newline="", encoding="utf-8") as file:
        file.write("number\n")
        file.writelines(f"+4850{number:07d}\n" for number in rng.sample(numbers, rows // 100))
    (folder / TEMPLATE).write_text(TEXT, "utf-8")
    (folder / CAMPAIGN).write_text(_campaign(where=where), "utf-8")
    (folder / "mmsflow.toml").write_text("", "utf-8")


def _row(rng: random.Random, index: int, number: int) -> tuple[str, ...]:
    spelling = rng.random()
    if spelling < 0.01:
        msisdn = rng.choice(_ODD)
    elif spelling < 0.11:
        msisdn = f"+48 50{number // 1_000_000} {number // 1_000 % 1_000:03d} {number % 1_000:03d}"
    else:
        msisdn = f"50{number:07d}" if spelling < 0.21 else f"+4850{number:07d}"
    segment = "silver" if rng.random() < 0.1 else "gold"
    consent = "nie" if rng.random() < 0.01 else "tak"
    points = str(rng.randrange(10, 5000))
    return msisdn, rng.choice(_NAMES), rng.choice(_CITIES), segment, points, f"K{index:07d}", consent


def _campaign(*, where: bool) -> str:
    condition = '\n    where: segment == "gold"' if where else ""
    return f"""version: 1
campaign: bench
purpose: marketing
sender: ACME
recipients:
  - csv: {LIST}
    number: msisdn{condition}
exclude:
  - csv: {OPT_OUTS}
consent: {{column: consent, accept: ["tak"]}}
schedule: {{window: any}}
message:
  subject: "{SUBJECT}"
  attachments:
    - text: {TEMPLATE}
"""
