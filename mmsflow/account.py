"""Which account this is: a name that a person gave, or one made from the gateway profile and the normalised host.

History, frequency caps, quota and unfinished runs belong to an account. So its name must not change with what may be
written in several ways or replaced at any time: credentials, upper case, a port that is the scheme's own, a path.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address
from urllib.parse import unquote, urlsplit

SIMULATOR = "simulator"
TEST_MARK = " (test)"  # part of the name, so that ledger and marker never take a test account for a real one
LONGEST_NAME = 100
_DEFAULT_PORTS = {"http": 80, "https": 443}
_DOTS = str.maketrans(dict.fromkeys("\u3002\uff0e\uff61", "."))  # what IDNA takes for a dot


def default_account(profile: str, url: str) -> str:
    """Make the name of an account that nobody has named, such as ``orange@apigateway-prd.orange.pl``."""
    return f"{profile}@{normalised_host(url)}"


def named_account(text: str, *, test: bool = False) -> str:
    """Check a name that a person gave, and mark a test account's.

    Raises:
        ValueError: it is empty, too long, or reads like a name that mmsflow makes for a test account.
    """
    name = unicodedata.normalize("NFC", text).strip()
    if not name:
        raise ValueError("must name the account")
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise ValueError(f"must be one line of at most {LONGEST_NAME} characters")
    if is_test_account(name) or name.startswith(f"{SIMULATOR}@"):
        raise ValueError('must not read like a test account\'s name; write {name = "…", test = true} for one')
    return f"{name}{TEST_MARK}" if test else name


def is_test_account(account: str) -> bool:
    """Whether an account counts in no other account's history: the simulator's, or one that is marked as a test.

    Only a simulator on this machine is one for sure. At any other host the profile's name is no proof.
    """
    if account.startswith(f"{SIMULATOR}@"):
        return _is_loopback(_host_of(account))
    return account == SIMULATOR or account.endswith(TEST_MARK)


def counts_in(account: str, other: str) -> bool:
    """Whether what one account has sent may matter to another one, so that a person is asked.

    Test accounts count in no history. Only where a simulator and a real account are at one and the same host it matters
    all the same: then, too, the profile's name alone tells them apart.
    """
    if account == other:
        return False
    if not (is_test_account(account) or is_test_account(other)):
        return True
    one_is_simulator = account.startswith(f"{SIMULATOR}@") is not other.startswith(f"{SIMULATOR}@")
    return one_is_simulator and _host_of(account) == _host_of(other) != ""


def _host_of(account: str) -> str:
    return account.rpartition("@")[2] if "@" in account else ""


def normalised_host(url: str) -> str:
    """Write a URL's host and port in one way, however they were spelled.

    Letter case, user info, path, percent-escapes, a trailing dot, the scheme's own port, U-labels and A-labels, and
    the spellings of IP addresses make no difference. Names that a resolver may lead to the same address stay apart.

    Args:
        url: with its scheme; what cannot be read as a URL is lower-cased only.
    """
    try:
        parts = urlsplit(url.strip())
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        return url.strip().lower()
    host = unicodedata.normalize("NFKC", unquote(host)).translate(_DOTS).lower().rstrip(".")
    shown = _ip_text(host) or ".".join(_a_label(label) for label in host.split("."))
    return shown if port in (None, _DEFAULT_PORTS.get(parts.scheme.lower())) else f"{shown}:{port}"


def renamed_accounts(accounts: Iterable[str]) -> dict[str, str]:
    """Map names of the form ``client@host`` of earlier versions to default names, where that is unambiguous.

    Two client ids at one host may be two contracts: both keep their names, and a person is asked.

    Args:
        accounts: every name that a ledger or a marker holds.

    Returns:
        Only those that change.
    """
    wanted: dict[str, set[str]] = defaultdict(set)
    for account in accounts:
        wanted[_default_of_old(account)].add(account)
    return {old: new for new, olds in wanted.items() if len(olds) == 1 for old in olds if old != new}


def client_in(account: str) -> str:
    """Give the client id in a name of the form ``client@host`` of earlier versions; empty in any other."""
    return account.rpartition("@")[0]


def _default_of_old(account: str) -> str:
    client, _, place = account.rpartition("@")
    if not client or not place:
        return account
    # Earlier names leave the scheme out; plain http was, and is, for loopback only.
    scheme = "http" if _is_loopback(normalised_host(f"https://{place}")) else "https"
    return default_account("orange", f"{scheme}://{place}")


def _is_loopback(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def _a_label(label: str) -> str:
    return label if label.isascii() else f"xn--{label.encode('punycode').decode('ascii')}"


def _ip_text(host: str) -> str:
    """Write an IP address in its usual form; empty for a name."""
    try:
        address = ip_address(host)
    except ValueError:
        return _ipv4_text(host)
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped) if address.ipv4_mapped else f"[{address}]"
    return str(address)


def _ipv4_text(host: str) -> str:
    """Read what resolvers take for an IPv4 address as well: ``127.1``, ``0x7f.0.0.1``, ``2130706433``."""
    pieces = host.split(".")
    try:
        numbers = [_number(piece) for piece in pieces]
    except ValueError:
        return ""
    *first, last = numbers
    if len(pieces) > 4 or any(number > 255 for number in first) or last >= 256 ** (5 - len(pieces)):
        return ""
    value = last + sum(number << (8 * (3 - place)) for place, number in enumerate(first))
    return str(ip_address(value))


def _number(piece: str) -> int:
    if not piece.isascii() or not piece.isalnum():
        raise ValueError(piece)
    if piece.startswith("0x"):
        return int(piece[2:], 16) if piece != "0x" else 0
    return int(piece, 8) if piece.startswith("0") else int(piece, 10)
