"""Makes the example workspace's lists and pictures again; the same bytes every time.

Every name, code and number is drawn by a seeded generator and belongs to nobody we know of. The examples' settings name
the simulator, so nothing is sent to these numbers by accident.
"""

from __future__ import annotations

import csv
import io
import math
import random
from datetime import datetime
from pathlib import Path

import numpy as np
import xlsxwriter
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


CLUB_COLUMNS = (
    "Telefon", "Imię i nazwisko", "Miasto", "Punkty", "Kod", "Ważny do", "Zgoda", "Skąd zgoda", "Zgoda z dnia",
    "Treść zgody",
)  # fmt: skip
SURNAMES = ("NOWAK", "kowalska", "Wiśniewski", "wójcik", "KAMIŃSKA", "Lewandowski-Żuk", "zielińska", "Szymański")


def club(rng: random.Random, path: Path) -> None:
    """A club's members as somebody keeps them in Excel: numbers as numbers, real dates, a cell that broke."""
    taken: set[str] = set()
    # A fixed date of making, so that the same members give the same bytes.
    with xlsxwriter.Workbook(path) as book:
        book.set_properties({"created": datetime(2026, 11, 2)})  # noqa: DTZ001 - Excel knows no zones
        day, zeros = book.add_format({"num_format": "dd.mm.yyyy"}), book.add_format({"num_format": "000000"})
        bold = book.add_format({"bold": True})
        sheet = book.add_worksheet("Klub")
        sheet.set_column(0, len(CLUB_COLUMNS) - 1, 16)
        sheet.write_row(0, 0, CLUB_COLUMNS, bold)
        for row in range(1, 121):
            digits = number(rng, taken)
            if row == 40:
                sheet.write_formula(row, 0, "=NA()", None, "#N/A")
            elif row % 3:
                sheet.write_number(row, 0, int(f"48{digits}" if row % 2 else digits))
            else:
                sheet.write_string(row, 0, spelled(rng, digits))
            given = datetime(2026, rng.randrange(1, 11), rng.randrange(1, 28))  # noqa: DTZ001
            sheet.write_string(row, 1, f"{rng.choice(FIRST_NAMES).upper()} {rng.choice(SURNAMES)}")
            sheet.write_string(row, 2, rng.choice(CITIES[:5]))
            sheet.write_number(row, 3, rng.randrange(1, 2500))
            sheet.write_number(row, 4, rng.randrange(10**6), zeros)
            sheet.write_datetime(row, 5, datetime(2026, 12, rng.randrange(12, 31)), day)  # noqa: DTZ001
            sheet.write_string(row, 6, "nie" if row % 29 == 0 else "tak")
            sheet.write_string(row, 7, rng.choice(("formularz www", "kasa", "aplikacja")))
            if row % 37:
                sheet.write_datetime(row, 8, given, day)
            sheet.write_string(row, 9, "v3" if given.month > 5 else "v2")


def meadow_picture() -> Image.Image:
    """A photo-like meadow in spring, as a phone's camera keeps it: grain, and lying on its side."""
    width, height = 2048, 1536
    noise = np.random.default_rng(5)
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    sky = np.stack([118 + 70 * ys / height, 168 + 50 * ys / height, 226 + 10 * ys / height], axis=-1)
    clouds = _fractal(noise, width, height)
    sky += (np.clip(clouds - 0.1, 0, 1) * 90)[..., None]
    horizon = 760 + 60 * np.sin(xs / 300) + 25 * np.sin(xs / 90 + 1)
    grass = _fractal(noise, width, height)
    field = np.stack([72 + 50 * grass, 124 + 60 * grass, 44 + 30 * grass], axis=-1)
    picture = np.where((ys > horizon)[..., None], field, sky)
    picture = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    rng = random.Random(11)
    for _ in range(1400):
        x, y = rng.randrange(width), rng.randrange(840, height)
        size = 2 + (y - 800) // 60
        colour = rng.choice(((236, 64, 88), (250, 214, 70), (246, 246, 250), (198, 120, 220)))
        draw.ellipse([x, y, x + size, y + size], fill=colour)
    grain = noise.normal(0, 3, (height, width, 1))
    soft = np.asarray(picture.filter(ImageFilter.GaussianBlur(0.8)), dtype=np.float32)
    return Image.fromarray(np.clip(soft + grain, 0, 255).astype(np.uint8)).transpose(Image.Transpose.ROTATE_90)


def _fractal(noise: np.random.Generator, width: int, height: int) -> np.ndarray:
    """Noise with the spectrum of natural scenes, around zero."""
    fx, fy = np.fft.rfftfreq(width)[None, :], np.fft.fftfreq(height)[:, None]
    strength = 1 / np.maximum(np.hypot(fx, fy), 1 / width) ** 1.3
    made = np.fft.irfft2(strength * np.exp(2j * np.pi * noise.random(strength.shape)), (height, width))
    return (made / made.std()).astype(np.float32) * 0.4


def save_photo(picture: Image.Image, path: Path) -> None:
    """With what a camera writes beside a picture: how to turn it, and where it was taken (a point in the sea)."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Invented Camera"
    gps = exif.get_ifd(0x8825)
    gps |= {1: "N", 2: (55.0, 0.0, 0.0), 3: "E", 4: (17.0, 0.0, 0.0)}
    exif[0x8825] = gps
    picture.save(path, "JPEG", quality=86, exif=exif)


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
    club(random.Random(77), ROOT / "lists" / "club.xlsx")
    save_photo(meadow_picture(), ROOT / "media" / "meadow.jpg")
    winter_picture().save(ROOT / "media" / "winter.jpg", quality=82, optimize=True)
    badge((246, 206, 86), (196, 148, 30)).save(ROOT / "media" / "badge-gold.png", optimize=True)
    badge((212, 218, 226), (150, 158, 170)).save(ROOT / "media" / "badge-silver.png", optimize=True)


if __name__ == "__main__":
    main()
