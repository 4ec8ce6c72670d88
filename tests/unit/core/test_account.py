"""An account is a name: what it is made from, what makes no difference, and what people have said about names."""

from __future__ import annotations

import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mmsflow.account import is_test_account, named_account, normalised_host, renamed_accounts
from mmsflow.answers_file import keep_answer, known_accounts
from mmsflow.errors import InvalidInput, UsageError
from mmsflow.known_accounts import Answer, KnownAccounts, Relation, RotatedClient, checked_answer
from mmsflow.settings import load_settings

ME = {"MMSFLOW_CLIENT_ID": "me", "MMSFLOW_CLIENT_SECRET": "x"}
SPELLINGS = {
    "localhost": ["http://localhost", "HTTP://LOCALHOST:80/", "http://u:p@localhost./a/b", "http://localhos%74"],
    "localhost:8080": ["http://localhost:8080", "http://Localhost:08080/", "https://localhost.:8080/x"],
    "gw.example": [
        "https://gw.example",
        "https://GW.example:443/",
        "https://gw。example",
        "https://gw.example./v1?a=b",
    ],
    "gw.example:80": ["https://gw.example:80"],
    "xn--bcher-kva.example": [
        "https://bücher.example",
        "https://BÜCHER.example:443",
        "https://xn--bcher-kva.example",
        "https://XN--BCHER-KVA.EXAMPLE",
        "https://b%C3%BCcher.example",
        "https://bu\u0308cher.example",
    ],
    "[::1]": ["https://[::1]", "https://[0:0:0:0:0:0:0:1]:443", "https://[0::0001]/"],
    "127.0.0.1:9": ["http://127.0.0.1:9", "http://127.1:9", "http://0x7f000001:9", "http://[::ffff:127.0.0.1]:9"],
}


@pytest.mark.parametrize(("host", "url"), [(host, url) for host, urls in SPELLINGS.items() for url in urls])
def test_a_host_has_one_name_however_it_is_spelled(host: str, url: str) -> None:
    assert normalised_host(url) == host


def test_hosts_that_are_not_one_stay_apart() -> None:
    urls = [
        "https://a.example",
        "https://b.example",
        "https://a.example:8443",
        "https://127.0.0.1",
        "https://localhost",
    ]
    assert len({normalised_host(url) for url in urls}) == len(urls)


def test_a_default_name_holds_profile_and_host_and_a_given_name_replaces_it(tmp_path: Path) -> None:
    def account(**variables: str) -> str:
        return load_settings(tmp_path, ME | variables).account

    assert account(MMSFLOW_GATEWAY="orange") == "orange@apigateway-prd.orange.pl"
    assert account(MMSFLOW_GATEWAY_URL="http://LOCALHOST:80/x") == "orange@localhost"
    assert account(MMSFLOW_GATEWAY="simulator") == "simulator"
    assert account(MMSFLOW_GATEWAY="simulator", MMSFLOW_GATEWAY_URL="http://localhost:9") == "simulator@localhost:9"
    assert account(MMSFLOW_GATEWAY="orange", MMSFLOW_ACCOUNT="main") == "main"
    assert account(MMSFLOW_GATEWAY="simulator", MMSFLOW_ACCOUNT="main") == "simulator"
    test = account(MMSFLOW_GATEWAY="orange", MMSFLOW_ACCOUNT='{name = "main", test = true}')
    assert test != "main"
    assert is_test_account(test)


@pytest.mark.parametrize("name", ["simulator@[", "a@[", "@", "a@", "@b", "a@b@c", "a@b:99999", "a@https://[", ""])
def test_odd_names_in_old_ledgers_and_answers_harm_nothing(name: str) -> None:
    assert not is_test_account(name)
    assert set(renamed_accounts([name, "plain"])) <= {name}


@pytest.mark.parametrize("text", ["", " ", "simulator", "simulator@x", "x (test)", "a\nb", "x" * 101])
def test_a_name_that_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must"):
        named_account(text)


def test_earlier_names_lose_their_client_id_only_where_that_merges_nothing() -> None:
    names = ["me@gw.example", "a@two.example", "b@two.example", "simulator", "x@localhost:80", "y@127.0.0.1:90/p"]
    assert renamed_accounts(names) == {
        "me@gw.example": "orange@gw.example",
        "x@localhost:80": "orange@localhost",
        "y@127.0.0.1:90/p": "orange@127.0.0.1:90",
    }


def test_answers_reach_along_a_chain_and_the_later_one_about_two_names_holds() -> None:
    same, apart = Relation.SAME, Relation.SEPARATE
    known = KnownAccounts([Answer("a", "b", same), Answer("b", "c", same), Answer("c", "d", apart)])
    assert known.names_of("a") == {"a", "b", "c"}
    assert [known.relation("a", name) for name in "cdx"] == [same, apart, Relation.UNKNOWN]
    assert known.with_answer(Answer("d", "c", same)).relation("d", "a") is same
    with pytest.raises(ValueError, match="separate ones"):
        known.with_answer(Answer("a", "c", apart))


@pytest.mark.parametrize(("old", "new"), [("simulator", "a"), ("a", "x (test)"), ("a", "a")])
def test_nothing_can_be_said_about_a_test_account_or_one_name_alone(old: str, new: str) -> None:
    with pytest.raises(ValueError, match=r"test account|itself"):
        checked_answer(old, new, Relation.SAME)


def test_an_answer_is_added_once_to_a_file_whose_other_lines_stay(tmp_path: Path) -> None:
    file, before = tmp_path / "mmsflow.toml", '# mine\r\nrate = "20/s"  # why'
    file.write_bytes(before.encode())
    file.chmod(0o640)
    odd = checked_answer('o"\\ld', "nęw [x]", Relation.SAME)
    for _ in range(2):
        keep_answer(file, odd)
        keep_answer(file, RotatedClient("n", "abc"))
    text = file.read_bytes().decode()
    assert text.startswith(before)
    assert (text.count("accounts.answers"), file.stat().st_mode & 0o777) == (1, 0o640)
    assert known_accounts(file).names_of('o"\\ld') == {'o"\\ld', "nęw [x]"}
    assert known_accounts(file).rotated_clients("n") == {"abc"}
    assert load_settings(tmp_path, {}).rate == 20


@pytest.mark.parametrize("text", ["accounts = {answers = []}\n", "accounts = 1\n", "broken = \n"])
def test_a_file_to_which_nothing_can_be_added_stays_as_it_is_and_the_lines_are_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "mmsflow.toml"
    file.write_text(text)
    with pytest.raises(UsageError, match="cannot be kept") as refused:
        keep_answer(file, checked_answer("a", "b", Relation.SAME))
    assert "accounts.answers" in refused.value.advice
    assert file.read_text() == text


def test_an_answer_given_while_a_process_runs_holds_at_once_and_a_broken_file_forgets_nothing(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, ME | {"MMSFLOW_GATEWAY": "orange"})
    assert not settings.is_ours("old")
    keep_answer(tmp_path / "mmsflow.toml", checked_answer("old", settings.account, Relation.SAME))
    assert settings.is_ours("old")
    (tmp_path / "mmsflow.toml").write_text("<<<<<<< HEAD")
    assert settings.is_ours("old")


def test_contradicting_answers_are_an_error_of_the_file(tmp_path: Path) -> None:
    answers = [Answer("a", "b", Relation.SAME), Answer("b", "c", Relation.SAME), Answer("a", "c", Relation.SEPARATE)]
    (tmp_path / "mmsflow.toml").write_text("".join(answer.as_toml() for answer in answers))
    with pytest.raises(InvalidInput) as refused:
        load_settings(tmp_path, {})
    assert "the same account, and separate ones" in refused.value.findings[0].message


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://gw.example", "https://gw.example.pl"),
        ("https://gw.example", "https://www.gw.example"),
        ("https://gw.example:80", "https://gw.example"),
        ("http://gw.example:443", "http://gw.example"),
        ("https://10.0.0.1", "https://10.0.0.10"),
        ("https://010.0.0.1", "https://10.0.0.1"),  # octal: 8.0.0.1
        ("https://[::1]", "https://[::2]"),
        ("https://bücher.example", "https://bucher.example"),
        ("https://straße.example", "https://strasse.example"),
        ("http://localhost", "http://127.0.0.1"),
        ("http://127.0.0.1", "http://[::1]"),
        ("https://gw.example", "https://gw-example"),
    ],
)
def test_what_may_be_another_host_stays_apart(one: str, other: str) -> None:
    assert normalised_host(one) != normalised_host(other)


@pytest.mark.parametrize(
    "url", ["", "gw", "https://", "https://[", "https://gw:99999", "https://a b", "::", "https://.", "//x"]
)
def test_what_is_no_url_has_a_name_all_the_same(url: str) -> None:
    assert normalised_host(url) == normalised_host(f" {url} ")


def test_a_normalised_host_is_its_own_normal_form() -> None:
    for host, urls in SPELLINGS.items():
        scheme = urls[0].partition(":")[0].lower()
        assert normalised_host(f"{scheme}://{host}") == host


@pytest.mark.parametrize("written", ['"Main"', '{name = "Main"}', '{name = "Main", test = false}', '" Main "'])
def test_a_name_may_be_a_text_or_a_table_in_the_file_and_in_the_environment(tmp_path: Path, written: str) -> None:
    (tmp_path / "mmsflow.toml").write_text(f'gateway = "orange"\naccount = {written}\n')
    assert load_settings(tmp_path, ME).account == "Main"
    (tmp_path / "mmsflow.toml").write_text('gateway = "orange"\naccount = "other"\n')
    assert load_settings(tmp_path, ME | {"MMSFLOW_ACCOUNT": written}).account == "Main"


@pytest.mark.parametrize(
    "written", ["1", '["Main"]', "{}", "{name = 1}", '{name = "x", tset = true}', '{name = "x", test = "yes"}']
)
def test_an_account_that_is_none_is_an_error_of_the_file(tmp_path: Path, written: str) -> None:
    (tmp_path / "mmsflow.toml").write_text(f"account = {written}\n")
    with pytest.raises(InvalidInput) as refused:
        load_settings(tmp_path, ME)
    assert refused.value.findings[0].message.startswith("`account` must")


def test_the_token_address_the_path_and_the_credentials_are_no_part_of_it(tmp_path: Path) -> None:
    here = {"MMSFLOW_GATEWAY_URL": "https://gw.example/api/v2", "MMSFLOW_TOKEN_URL": "https://id.example/t"}
    other = {"MMSFLOW_GATEWAY_URL": "https://GW.example:443", "MMSFLOW_CLIENT_ID": "rotated"}
    assert load_settings(tmp_path, ME | here).account == load_settings(tmp_path, ME | other).account


def test_about_a_simulator_at_a_real_host_a_person_may_answer() -> None:
    assert checked_answer("orange@gw.example", "simulator@gw.example", Relation.SEPARATE).new == "simulator@gw.example"
    with pytest.raises(ValueError, match="test account"):
        checked_answer("orange@gw.example", "simulator@127.0.0.1:9", Relation.SAME)


def test_who_answered_is_kept_and_is_no_part_of_the_answer(tmp_path: Path) -> None:
    file = tmp_path / "mmsflow.toml"
    keep_answer(file, checked_answer("a", "b", Relation.SAME, 'Ola "O"'))
    keep_answer(file, checked_answer("a", "b", Relation.SAME, "Anna"))
    (answer,) = known_accounts(file).answers
    assert answer.who == 'Ola "O"'
    assert file.read_text("utf-8").count("[[accounts.answers]]") == 1


def test_a_link_stays_a_link_and_hand_edited_tables_are_added_to(tmp_path: Path) -> None:
    real, link = tmp_path / "shared.toml", tmp_path / "mmsflow.toml"
    real.write_text('[[accounts.answers]]\nold = "a"\nnew = "b"\nanswer = "same"\nwhy = "moved"\n# end', "utf-8")
    link.symlink_to(real)
    keep_answer(link, checked_answer("b", "c", Relation.SAME))
    assert link.is_symlink()
    assert "# end\n" in real.read_text("utf-8")
    assert known_accounts(link).names_of("a") == {"a", "b", "c"}


def test_an_editor_that_saves_in_the_same_moment_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "mmsflow.toml"
    file.write_text("# first\n")
    loads = tomllib.loads

    def saved_meanwhile(text: str) -> dict[str, object]:
        file.write_text("# second\n")
        return loads(text)

    with monkeypatch.context() as patched:
        patched.setattr("mmsflow.answers_file.tomllib.loads", saved_meanwhile)
        with pytest.raises(UsageError, match="just changed"):
            keep_answer(file, checked_answer("a", "b", Relation.SAME))
    assert file.read_text() == "# second\n"


def test_answers_of_many_at_once_are_all_kept(tmp_path: Path) -> None:
    file = tmp_path / "mmsflow.toml"
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: keep_answer(file, checked_answer(f"old-{n}", "new", Relation.SAME)), range(6)))
    assert len(known_accounts(file).names_of("new")) == 7


def test_while_the_file_is_gone_what_was_known_goes_on_to_hold(tmp_path: Path) -> None:
    file = tmp_path / "mmsflow.toml"
    keep_answer(file, checked_answer("a", "b", Relation.SAME))
    assert known_accounts(file).names_of("a") == {"a", "b"}
    file.unlink()
    assert known_accounts(file).names_of("a") == {"a", "b"}
