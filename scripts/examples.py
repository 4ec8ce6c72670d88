"""Makes the example workspace's lists and pictures again; the same bytes every time.

Every name, code and number is drawn by a seeded generator and belongs to nobody we know of. The examples' settings name
the simulator, so nothing is sent to these numbers by accident.
"""

from __future__ import annotations

import csv
import io
import math
import random
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

ROOT = Path(__file__).resolve().parent.parent
PREFIXES = ("45", "50", "51", "53", "57", "60", "66", "69", "72", "73", "78", "79", "88")
FIRST_NAMES = (
    "Ola", "Zofia", "Łucja", "Małgorzata", "Wiesława", "Agnieszka", "Żaneta", "Józef", "Michał", "Paweł", "Grzegorz",
    "Świętosława", "Bartłomiej", "Jan", "Ewa", "Krzysztof", "Tomasz", "Hanna", "Stanisław", "Iga",
)  # fmt: skip
CITIES = ("Warszawa", "Kraków", "Łódź", "Wrocław", "Poznań", "Gdańsk", "Szczecin", "Bydgoszcz", "Lublin", "Białystok")


def number(rng: random.Random, taken: set[str]) -> str:
    """Nine digits of a Polish mobile range, never the same twice."""
    while True:
        digits = rng.choice(PREFIXES) + f"{rng.randrange(10**7):07d}"
        if digits not in taken:
            taken.add(digits)
            return digits


def spelled(rng: random.Random, digits: str) -> str:
    """A number as different people type it."""
    a, b, c = digits[:3], digits[3:6], digits[6:]
    return rng.choice((f"+48{digits}", digits, f"{a} {b} {c}", f"+48 {a} {b} {c}", f"0048{digits}", f"{a}-{b}-{c}"))


def loyalty(rng: random.Random) -> str:
    """300 loyalty members, as a database export writes them."""
    taken: set[str] = set()
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("msisdn", "name", "city", "tier", "points", "code", "consent"))
    for i in range(300):
        tier = rng.choices(("gold", "silver"), (60, 40))[0]
        consent = rng.choices(("tak", "nie", ""), (94, 4, 2))[0]
        code = "".join(rng.choices("ABCDEFGHJKMNPQRSTUVWXYZ23456789", k=6))
        name = rng.choice(FIRST_NAMES)
        writer.writerow(
            (f"+48{number(rng, taken)}", name, rng.choice(CITIES), tier, rng.randrange(50, 5000), code, consent)
        )
        if i == 120:
            optout = [sorted(taken)[k] for k in (3, 40, 77)]
    (ROOT / "lists" / "optout.csv").write_text(
        "number,date\n" + "".join(f"+48{digits},2026-10-{day:02d}\n" for day, digits in enumerate(optout, 4)), "utf-8"
    )
    return out.getvalue()


def appointments(rng: random.Random) -> str:
    """120 appointments as JSON Lines, as a booking system exports them."""
    taken: set[str] = set()
    lines = []
    for i in range(120):
        day, hour = 1 + i // 12, 8 + i % 12
        lines.append(
            f'{{"phone": "{spelled(rng, number(rng, taken))}", "name": "{rng.choice(FIRST_NAMES)}", '
            f'"day": "{day:02d}.12", "hour": "{hour:02d}:{rng.choice((0, 15, 30, 45)):02d}", '
            f'"office": "{rng.choice(CITIES)}"}}\n'
        )
    return "".join(lines)


def dirty(rng: random.Random) -> str:
    """A list as it comes by e-mail: semicolons, Windows-1250, a spreadsheet's damage, every kind of bad row."""
    taken: set[str] = set()
    good = [number(rng, taken) for _ in range(180)]
    rows = [(spelled(rng, digits), rng.choice(FIRST_NAMES), rng.choice(CITIES), "TAK") for digits in good]
    spoilt = [
        ("", "Ola", "Łódź", "TAK"),
        ("22 621 00 00", "Biuro", "Warszawa", "TAK"),
        ("+49 1512 3456789", "Jürgen", "Berlin", "TAK"),
        ("50110203", "Zofia", "Kraków", "TAK"),
        ("5011020301", "Paweł", "Kraków", "TAK"),
        ("501102030, 502203040", "Ewa i Jan", "Poznań", "TAK"),
        ("4,85E+10", "Michał", "Gdańsk", "TAK"),
        ("4.8501E+10", "Hanna", "Gdańsk", "TAK"),
        ("211234567", "Alarm", "Lublin", "TAK"),
        ("brak", "Iga", "Lublin", "TAK"),
        ("800 100 200", "Infolinia", "Łódź", "TAK"),
        ("112", "Alarm", "Łódź", "TAK"),
        (f"48{good[0]}.0", "Ola", "Łódź", "TAK"),
        (f"+48 {good[1]}", "Jan", "Łódź", "TAK"),
        (f"0048{good[2]}", "Tomasz", "Szczecin", "NIE"),
        (number(rng, taken), "Stanisław", "Szczecin", "NIE"),
        (number(rng, taken), "Wiesława", "Szczecin", ""),
        (number(rng, taken), "Żaneta", "", "TAK"),
        ("'" + number(rng, taken), "Łucja", "Białystok", "TAK"),
        ("tel:+48" + number(rng, taken), "Józef", "Białystok", "TAK"),
    ]
    for i, row in enumerate(spoilt):
        rows.insert(5 + i * 8, row)
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(("Telefon", "Imię", "Miasto", "Zgoda"))
    writer.writerows(rows)
    (ROOT / "lists" / "stop.csv").write_bytes(f"telefon\r\n{good[3]}\r\n+48 {good[4]}\r\n".encode())
    return out.getvalue()


def winter_picture() -> Image.Image:
    """A winter night: sky, moon, hills, firs and snow."""
    width, height = 1280, 960
    rng = random.Random(7)
    picture = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(picture)
    for y in range(height):
        share = y / height
        draw.line([(0, y), (width, y)], fill=(int(18 + 70 * share), int(30 + 95 * share), int(74 + 110 * share)))
    for _ in range(220):
        x, y, light = rng.randrange(width), rng.randrange(500), rng.randrange(120, 255)
        draw.ellipse([x, y, x + 2, y + 2], fill=(light, light, light))
    glow = Image.new("RGB", (width, height))
    ImageDraw.Draw(glow).ellipse([930, 90, 1110, 270], fill=(120, 120, 100))
    picture = Image.blend(picture, Image.composite(glow, picture, glow.convert("L")), 0.35).filter(
        ImageFilter.GaussianBlur(1)
    )
    draw = ImageDraw.Draw(picture)
    draw.ellipse([960, 120, 1080, 240], fill=(252, 246, 220))
    for base, swing, colour in ((560, 70, (86, 116, 158)), (650, 55, (140, 168, 204)), (760, 40, (226, 236, 248))):
        hill = [(0, height)]
        hill += [
            (x, base + swing * math.sin(x / 170 + base) + swing / 3 * math.sin(x / 47)) for x in range(0, width + 8, 8)
        ]
        draw.polygon([*hill, (width, height)], fill=colour)
    for x, foot, size in ((140, 800, 190), (300, 850, 250), (980, 820, 210), (1130, 880, 280), (610, 790, 130)):
        for tier in range(4):
            top, half = foot - size + tier * size * 0.22, size * (0.16 + 0.09 * tier)
            draw.polygon(
                [(x, top), (x - half, top + size * 0.34), (x + half, top + size * 0.34)], fill=(24, 74 + tier * 8, 62)
            )
            draw.polygon(
                [(x, top), (x - half * 0.4, top + size * 0.13), (x + half * 0.4, top + size * 0.13)],
                fill=(238, 244, 252),
            )
        draw.rectangle([x - size * 0.04, foot - 4, x + size * 0.04, foot + size * 0.08], fill=(70, 50, 40))
    for _ in range(420):
        x, y, r = rng.randrange(width), rng.randrange(height), rng.choice((2, 2, 3, 4))
        draw.ellipse([x, y, x + r, y + r], fill=(255, 255, 255))
    return picture


def badge(colour: tuple[int, int, int], rim: tuple[int, int, int]) -> Image.Image:
    """A flat medal in one colour."""
    picture = Image.new("RGB", (480, 360), (248, 250, 252))
    draw = ImageDraw.Draw(picture)
    draw.polygon([(200, 20), (280, 20), (262, 150), (218, 150)], fill=(190, 40, 60))
    draw.ellipse([140, 110, 340, 310], fill=rim)
    draw.ellipse([156, 126, 324, 294], fill=colour)
    points = []
    for i in range(10):
        radius, angle = (64 if i % 2 == 0 else 27), math.pi * (i / 5 - 0.5)
        points.append((240 + radius * math.cos(angle), 210 + radius * math.sin(angle)))
    draw.polygon(points, fill=rim)
    return picture


def main() -> None:
    """Write everything below lists/ and media/."""
    (ROOT / "lists").mkdir(exist_ok=True)
    (ROOT / "media").mkdir(exist_ok=True)
    (ROOT / "lists" / "loyalty.csv").write_text(loyalty(random.Random(2026)), "utf-8")
    (ROOT / "lists" / "appointments.jsonl").write_text(appointments(random.Random(1201)), "utf-8")
    (ROOT / "lists" / "newsletter-excel.csv").write_bytes(dirty(random.Random(4)).encode("cp1250"))
    winter_picture().save(ROOT / "media" / "winter.jpg", quality=82, optimize=True)
    badge((246, 206, 86), (196, 148, 30)).save(ROOT / "media" / "badge-gold.png", optimize=True)
    badge((212, 218, 226), (150, 158, 170)).save(ROOT / "media" / "badge-silver.png", optimize=True)


if __name__ == "__main__":
    main()
