"""What people have said about accounts: which names mean the same one, which do not, which client ids were rotated.

The answers are kept in mmsflow.toml, so that clones and the daemon know them, as ``[[accounts.answers]]`` and
``[[accounts.clients]]``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from mmsflow.account import counts_in, is_test_account


class Relation(Enum):
    """How two names of accounts are to each other."""

    SAME = "same"
    SEPARATE = "separate"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person has said about two names.

    Attributes:
        old, new: the names.
        relation: ``SAME`` or ``SEPARATE``.
        who: said so; empty where it is not known.
    """

    old: str
    new: str
    relation: Relation
    who: str = field(default="", compare=False)

    def as_toml(self) -> str:
        """Write it as one table of an array, which may follow anything in a TOML file."""
        facts = {"old": self.old, "new": self.new, "answer": self.relation.value}
        return _table("answers", facts | _said_by(self.who))


@dataclass(frozen=True, slots=True)
class RotatedClient:
    """A client id that a person has said to be a rotated one of the same contract.

    Attributes:
        account: whose.
        client: its keyed fingerprint, as one ledger makes it.
        who: said so; empty where it is not known.
    """

    account: str
    client: str
    who: str = field(default="", compare=False)

    def as_toml(self) -> str:
        """Write it as one table of an array, which may follow anything in a TOML file."""
        return _table("clients", {"account": self.account, "client": self.client} | _said_by(self.who))


class KnownAccounts:
    """All answers together.

    Args:
        answers: in the order in which they were given; of two about the same names the later one holds.
        rotated: client ids.

    Raises:
        ValueError: two names are said to be the same account and separate ones.
    """

    def __init__(self, answers: Iterable[Answer] = (), rotated: Iterable[RotatedClient] = ()) -> None:
        latest: dict[frozenset[str], Answer] = {}
        for answer in answers:
            pair = frozenset((answer.old, answer.new))
            latest.pop(pair, None)
            latest[pair] = answer
        self.answers, self.rotated = tuple(latest.values()), tuple(rotated)
        self._groups = _groups([each for each in self.answers if each.relation is Relation.SAME])
        self._apart = [each for each in self.answers if each.relation is Relation.SEPARATE]
        for each in self._apart:
            if each.new in self.names_of(each.old):
                raise ValueError(f"{each.old} and {each.new} are said to be the same account, and separate ones")

    @classmethod
    def from_table(cls, value: object) -> KnownAccounts:
        """Read the table ``accounts`` of mmsflow.toml.

        Raises:
            ValueError: it holds something else, with the reason.
        """
        if not isinstance(value, Mapping) or not value.keys() <= {"answers", "clients"}:
            raise ValueError("must hold the tables [[accounts.answers]] and [[accounts.clients]] and nothing else")
        answers = [_answer(row) for row in _rows(value.get("answers", []), ("old", "new", "answer"))]
        clients = [RotatedClient(row["account"], row["client"], _who(row)) for row in _client_rows(value)]
        return cls(answers, clients)

    def names_of(self, account: str) -> frozenset[str]:
        """Give every name of an account, itself included."""
        return self._groups.get(account) or frozenset((account,))

    def relation(self, one: str, other: str) -> Relation:
        """Say what is known of two names; a group of names that are the same answers as one."""
        mine, theirs = self.names_of(one), self.names_of(other)
        if other in mine:
            return Relation.SAME
        for each in self._apart:
            if (each.old in mine and each.new in theirs) or (each.new in mine and each.old in theirs):
                return Relation.SEPARATE
        return Relation.UNKNOWN

    def rotated_clients(self, account: str) -> frozenset[str]:
        """Give the fingerprints of client ids that a person has said to be rotated ones of this account."""
        names = self.names_of(account)
        return frozenset(each.client for each in self.rotated if each.account in names)

    def with_answer(self, answer: Answer | RotatedClient) -> KnownAccounts:
        """Add one.

        Raises:
            ValueError: it contradicts the others.
        """
        if isinstance(answer, RotatedClient):
            return KnownAccounts(self.answers, (*self.rotated, answer))
        return KnownAccounts((*self.answers, answer), self.rotated)


def _answer(row: Mapping[str, str]) -> Answer:
    if row["answer"] not in ("same", "separate"):
        raise ValueError("says neither `same` nor `separate` in an answer")
    old, new = row["old"], row["new"]
    if old == new:
        raise ValueError(f"compares {old} with itself")
    if not counts_in(old, new):
        name = old if is_test_account(old) else new
        raise ValueError(f"names {name}, which is a test account and counts in no history")
    return Answer(old, new, Relation(row["answer"]), _who(row))


def checked_answer(old: str, new: str, relation: Relation, who: str = "") -> Answer:
    """Make an answer.

    Raises:
        ValueError: it is about a test account, or about one name only.
    """
    return _answer({"old": old, "new": new, "answer": relation.value, "who": who})


def _who(row: Mapping[str, str]) -> str:
    who: object = row.get("who")
    return who if isinstance(who, str) else ""


def _said_by(who: str) -> dict[str, str]:
    return {"who": who} if who else {}


def _client_rows(value: Mapping[str, object]) -> list[Mapping[str, str]]:
    return _rows(value.get("clients", []), ("account", "client"))


def _rows(value: object, keys: tuple[str, ...]) -> list[Mapping[str, str]]:
    """Check an array of tables; what else a table holds, such as who said it, is left alone."""
    rows: list[Mapping[str, str]] = []
    for row in value if isinstance(value, list) else [None]:
        if not isinstance(row, Mapping) or not all(isinstance(row.get(key), str) and row[key] for key in keys):
            raise ValueError(f"must say {', '.join(keys)} in each of its tables, as texts")
        rows.append(row)
    return rows


def _groups(same: Iterable[Answer]) -> dict[str, frozenset[str]]:
    groups: dict[str, frozenset[str]] = {}
    for each in same:
        both = groups.get(each.old, frozenset((each.old,))) | groups.get(each.new, frozenset((each.new,)))
        groups.update(dict.fromkeys(both, both))
    return groups


def _table(name: str, facts: Mapping[str, str]) -> str:
    lines = [f"[[accounts.{name}]]", *(f"{key} = {_toml_text(text)}" for key, text in facts.items())]
    return "\n".join(lines) + "\n"


def _toml_text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08X}" for c in escaped) + '"'
