"""Links and letters that alarm, and those that do not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsflow.audience.model import Recipient
from mmsflow.message.known_hosts import BRANDS, SHORTENERS
from mmsflow.message.links import Alarm, alarms_in, words_of_template
from mmsflow.message.notes import Notes


def alarms(text: str) -> set[Alarm]:
    return {found.alarm for found in alarms_in(text)}


@pytest.mark.parametrize("host", sorted(SHORTENERS))
def test_every_known_shortener_alarms(host: str) -> None:
    assert alarms(f"Kod: https://{host}/aB3") == {Alarm.SHORTENER}
    assert alarms(f"Wejdź na {host}/aB3!") == {Alarm.SHORTENER}


@pytest.mark.parametrize(
    "text", ["BIT.LY/x", "kod:bit.ly/x", "(bit.ly)", "„bit.ly/x”", "https://bit.ly.", "go.bit.ly/x"]
)
def test_a_shortener_is_seen_however_it_stands_in_the_text(text: str) -> None:
    assert alarms(text) == {Alarm.SHORTENER}


@pytest.mark.parametrize("domain", sorted({domain for brand in BRANDS for domain in brand.domains}))
def test_no_brands_own_domain_alarms_nor_anything_below_it(domain: str) -> None:
    for host in (domain, f"www.{domain}", f"promocja.sklep.{domain}"):
        assert alarms(f"Szczegóły: https://{host}/x i {host}") == set()


@pytest.mark.parametrize(
    "host",
    [
        "0rlen.pl", "orlen-paliwo.com", "allegr0.pl", "alegro.pl", "allego.pl", "al1egro.pl", "allegro.pl-74642.click",
        "inpost-doplata.pl", "inpost.do", "inpots.pl", "lnpost.pl", "1npost.pl", "moj-inpost.com.pl", "orange-pl.com",
        "orangee.pl", "ornage.pl", "pocztex.tpzc.cyou", "poczta-polska.top", "pge-faktura.pl", "ing-logowanie.com",
        "olx.pl.dostawa.xyz", "rnbank.pl", "mbank.pl.logowanie.site", "t-mobile-faktura.pl", "gov-pl.info",
        "podatki.gov.pl.zwrot.top", "vlnted.pl", "аllegro.pl", "żąbka.pl", "dpd.paczka.online", "blik-zwrot.pl",
    ],
)  # fmt: skip
def test_hosts_that_look_like_a_brand_alarm(host: str) -> None:
    assert Alarm.BRAND in alarms(f"https://{host}/a")


@pytest.mark.parametrize(
    "host",
    [
        "acme.example", "firma.pl", "energia.pl", "free-range.pl", "marketing.pl", "www.gov.uk", "pzu2go.pl",
        "xn--wgodaaa.pl.", "orlik.pl", "mopar.pl", "zabawka.pl", "sklep.example.com.pl", "dhlab.pl", "spolka.waw.pl",
        "allele.pl", "norle.eu", "facet.pl", "post.pl",
    ],
)  # fmt: skip
def test_other_hosts_do_not_look_like_a_brand(host: str) -> None:
    assert Alarm.BRAND not in alarms(f"https://{host}/a")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://firma.pl", {Alarm.PLAIN}),
        ("https://firma.pl", set()),
        ("https://10.0.0.1/x", {Alarm.ADDRESS}),
        ("10.0.0.1/x", {Alarm.ADDRESS}),
        ("https://3232235777/x", {Alarm.ADDRESS}),
        ("https://0xc0a80001", {Alarm.ADDRESS}),
        ("https://[2001:db8::1]/x", {Alarm.ADDRESS}),
        ("https://allegro.pl@firma.pl/x", {Alarm.CREDENTIALS}),
        ("https://u:p@firma.pl/x", {Alarm.CREDENTIALS}),
        ("pisz na biuro@firma.pl", set()),
        ("https://xn--80ak6aa92e.com/", {Alarm.PUNYCODE, Alarm.SCRIPTS}),
        ("https://xn--d-zfa.pl", {Alarm.PUNYCODE}),
        ("https://xn--!!!.pl", set()),
        ("https://łódź.pl", set()),
        ("https://pоwer.pl", {Alarm.SCRIPTS, Alarm.WORD}),
        ("Nowa оferta", {Alarm.WORD}),
        ("Νowa oferta", {Alarm.WORD}),
        ("opór 5 kΩ, kąt α", set()),
        ("Привет, Żaneto", set()),
        ("ko\u200bd", {Alarm.INVISIBLE}),
        ("kod \u202ereverse", {Alarm.INVISIBLE}),
        ("ko\u00add", {Alarm.INVISIBLE}),
        ("\ufeffkod", {Alarm.INVISIBLE}),
        ("ko\u200dd", {Alarm.INVISIBLE}),
        ("👨‍👩‍👧 🏴󠁧󠁢󠁷󠁬󠁳󠁿 ❤️ 1️⃣ 🇵🇱", set()),
        ("http://bit.ly/x http://0rlen.pl", {Alarm.SHORTENER, Alarm.PLAIN, Alarm.BRAND}),
    ],
)  # fmt: skip
def test_what_alarms_and_what_does_not(text: str, expected: set[Alarm]) -> None:
    assert alarms(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "", "Ola, kod A17: -20%", "Dziś.Kup teraz", "5.12.2026", "godz. 12.30-14.00", "Sp. z o.o.", "S.A.", "np.w domu",
        "ul.Długa 5", "wersja 1.2.3.4", "cena 19.99", "W Orange.Taniej", "a...b", "…i.", "10.000.000 zł", "://", "http://",
        "https://", ".pl", "x@y", "@firma.pl", "50% off/50% on",
    ],
)  # fmt: skip
def test_plain_texts_do_not_alarm(text: str) -> None:
    assert alarms_in(text) == ()


@settings(deadline=None)
@given(st.text(st.one_of(st.characters(), st.sampled_from(".:/@-[]xn0о\u200d\u202e")), max_size=200))
def test_no_text_whatever_is_too_much(text: str) -> None:
    alarms_in(text)
    alarms_in(f"https://{text}")


@pytest.mark.parametrize("piece", ["a.", "https://", "xn--", "@", "-", "о", ".", "http://a.b/ "])
def test_a_text_of_the_largest_size_is_looked_at_in_one_pass(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    assert len(alarms_in(text)) <= len(Alarm)


def test_what_a_template_writes_out_is_looked_at() -> None:
    assert words_of_template("https://bit.ly/{{ code }}{% if x %}?y{% endif %}{# z #}") == "https://bit.ly/x?y"


def test_remarks_are_one_sentence_a_kind_with_its_count_and_first_row() -> None:
    notes = Notes()
    for row, subject in enumerate(["https://bit.ly/a", "plain", "http://tinyurl.com/b i https://bit.ly/c"], 2):
        notes.look(Recipient(row, "lists/a.csv", row, "+48501102030", {}), subject, ["https://bit.ly/d"])
    notes.look_at_shared("https://0rlen.pl", "templates/a.j2")
    assert notes.sentences() == [
        "3 messages have links through a public URL shortener (the first, in lists/a.csv row 2: bit.ly); operators refuse "
        "those: link to a domain of yours",
        "links to a host that looks like a well-known brand (the first, in templates/a.j2: 0rlen.pl, which is not Orlen's); "
        "readers and filters take it for a fraud",
        "1 message has links without encryption (http) (the first, in lists/a.csv row 4: tinyurl.com); use https",
    ]


def test_a_number_in_a_host_is_masked_in_the_remark() -> None:
    notes = Notes()
    notes.look(Recipient(1, "lists/a.csv", 2, "+48501102030", {}), "http://501102030.firma.pl", [])
    assert "501102030" not in notes.sentences()[0]
