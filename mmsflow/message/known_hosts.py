"""Hosts that make a link suspicious: public URL shorteners, and brands that swindlers pretend to be.

Which brands: those that CERT Polska, CSIRT KNF and the companies themselves have warned of in 2023 to 2026 as subjects
of false messages in Poland (parcels, marketplaces, energy, banks, payments, offices, telecoms); names that are ordinary
words (Play, Plus, Booking) are left out. A brand's domains are those of its own public pages as far as they are known
here; a link to one of them, or below it, is never warned of.

Shorteners: public services whose links hide where they lead. Carriers and gateways refuse messages with them; Twilio's
error 30963 names bit.ly, tinyurl.com, goo.gl, t.co and ow.ly, Polish operators have such rules in their contracts.
"""

from __future__ import annotations

from dataclasses import dataclass

SHORTENERS = frozenset({
    "adf.ly", "adfoc.us", "b.link", "bit.do", "bit.ly", "bitly.com", "bitly.ws", "bl.ink", "buff.ly", "chilp.it",
    "clck.ru", "cli.re", "clicky.me", "cutt.ly", "cutt.us", "da.gd", "db.tt", "dlvr.it", "fb.me", "goo.gl", "goo.su",
    "hyperurl.co", "ift.tt", "is.gd", "j.mp", "kutt.it", "lnkd.in", "lnk.to", "mcaf.ee", "ow.ly", "ouo.io", "po.st",
    "q-r.to", "qr.ae", "qr.net", "qrco.de", "rb.gy", "rebrand.ly", "s.id", "s.coop", "shorte.st", "short.io",
    "shorturl.at", "shorturl.asia", "skroc.pl", "smarturl.it", "snip.ly", "soo.gd", "su.pr", "surl.li", "t.co",
    "t.ly", "t2m.io", "t1p.de", "tiny.cc", "tiny.one", "tiny.pl", "tinyurl.com", "tr.im", "trib.al", "u.to", "url.kz",
    "urlz.fr", "v.gd", "v.ht", "vk.cc", "vu.fr", "wp.me", "x.co", "x.gd", "zws.im",
})  # fmt: skip

# Endings of two labels below which everybody may register a name; enough of them for Polish messages.
SHARED_ENDINGS = frozenset({
    "agro.pl", "aid.pl", "atm.pl", "auto.pl", "biz.pl", "co.pl", "co.uk", "com.de", "com.pl", "com.ua", "edu.pl",
    "gda.pl", "gdansk.pl", "gdynia.pl", "gmina.pl", "gov.pl", "gsm.pl", "info.pl", "katowice.pl", "krakow.pl",
    "lodz.pl", "lublin.pl", "mail.pl", "media.pl", "mil.pl", "miasta.pl", "net.pl", "nieruchomosci.pl", "nom.pl",
    "opole.pl", "org.pl", "org.uk", "pc.pl", "poznan.pl", "powiat.pl", "priv.pl", "rel.pl", "sex.pl", "shop.pl",
    "sklep.pl", "sos.pl", "szczecin.pl", "szkola.pl", "targi.pl", "tm.pl", "tourism.pl", "travel.pl", "turystyka.pl",
    "waw.pl", "wroc.pl", "wroclaw.pl", "zgora.pl",
})  # fmt: skip

# Endings that make a word with a dot a link without a scheme or path; telephones underline these.
USUAL_ENDINGS = frozenset({
    "app", "biz", "click", "club", "com", "cyou", "dev", "edu", "fun", "gov", "help", "icu", "info", "live", "link",
    "net", "one", "online", "org", "page", "pro", "sbs", "shop", "site", "space", "store", "support", "today", "top",
    "vip", "website", "work", "xyz",
})  # fmt: skip


# Ordinary words that are one letter off a brand's.
ORDINARY_WORDS = frozenset({"allegra", "energia", "energie", "impost", "oranges"})


@dataclass(frozen=True, slots=True)
class Brand:
    """A brand that is often pretended to be.

    Attributes:
        name: as people know it.
        words: how it stands in hosts: small Latin letters and digits, no hyphens.
        domains: registered domains that are its own.
    """

    name: str
    words: tuple[str, ...]
    domains: frozenset[str]


def _brand(name: str, words: str, domains: str) -> Brand:
    return Brand(name, tuple(words.split()), frozenset(domains.split()))


BRANDS = (
    _brand("Alior Bank", "aliorbank", "aliorbank.pl"),
    _brand(
        "Allegro", "allegro allegrolokalnie", "allegro.pl allegro.com allegro.cz allegro.sk allegro.hu allegro.eu"
        " allegro.tech allegrolokalnie.pl allegropay.pl allegroimg.com",
    ),
    _brand("Biedronka", "biedronka", "biedronka.pl"),
    _brand("BLIK", "blik", "blik.com"),
    _brand("BNP Paribas", "bnpparibas", "bnpparibas.pl bnpparibas.com"),
    _brand("DHL", "dhl", "dhl.com dhl.pl dhl24.com.pl dhlecommerce.pl dhlparcel.pl"),
    _brand("DPD", "dpd", "dpd.com dpd.com.pl dpdgroup.com"),
    _brand("Enea", "enea", "enea.pl"),
    _brand("Energa", "energa", "energa.pl energa-operator.pl grupaenerga.pl"),
    _brand("ePUAP", "epuap", "gov.pl"),
    _brand("Facebook", "facebook", "facebook.com fb.com facebook.net"),
    _brand("gov.pl", "govpl", "gov.pl"),
    _brand("ING", "ing ingbank", "ing.pl ing.com ingbank.pl"),
    _brand(
        "InPost", "inpost paczkomat", "inpost.pl inpost.eu inpost.it paczkomaty.pl easypack24.net inpostpay.pl",
    ),
    _brand("mBank", "mbank", "mbank.pl mbank.eu mbank.cz mbank.sk"),
    _brand("Millennium", "bankmillennium", "bankmillennium.pl"),
    _brand("mObywatel", "mobywatel", "gov.pl mobywatel.pl"),
    _brand("Netflix", "netflix", "netflix.com"),
    _brand("OLX", "olx", "olx.pl olx.com olxgroup.com olx.ua olx.ro olx.bg olx.pt"),
    _brand("Orange", "orange", "orange.pl orange.com orange.fr"),
    _brand("Orlen", "orlen", "orlen.pl orlen.com orlenpaczka.pl orlenoil.pl vitay.pl"),
    _brand("PayPal", "paypal", "paypal.com paypal.me"),
    _brand("PayU", "payu", "payu.pl payu.com"),
    _brand("Pekao", "pekao pekao24", "pekao.com.pl pekao24.pl pekao.pl"),
    _brand("PGE", "pge", "gkpge.pl pge.pl pge-obrot.pl pgedystrybucja.pl"),
    _brand("PKO BP", "pkobp ipko", "pkobp.pl ipko.pl pkobp.com"),
    _brand("Poczta Polska", "pocztapolska pocztex", "poczta-polska.pl pocztex.pl envelo.pl"),
    _brand("Przelewy24", "przelewy24", "przelewy24.pl"),
    _brand("PZU", "pzu", "pzu.pl"),
    _brand("Rossmann", "rossmann", "rossmann.pl rossmann.de"),
    _brand("Santander", "santander", "santander.pl santander.com santanderconsumer.pl santanderbank.pl"),
    _brand("Tauron", "tauron", "tauron.pl tauron-dystrybucja.pl tauron-pe.pl"),
    _brand("T-Mobile", "tmobile", "t-mobile.pl t-mobile.com"),
    _brand("Vinted", "vinted", "vinted.pl vinted.com vinted.net vinted.fr vinted.de vinted.cz vinted.lt"),
    _brand("ZUS", "zus", "zus.pl"),
    _brand("Żabka", "zabka", "zabka.pl zabka.com"),
)  # fmt: skip
