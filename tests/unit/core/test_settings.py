"""Settings: where they come from, which one wins, and what a wrong one leads to."""

from __future__ import annotations

from datetime import time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from mmsflow.campaign.amounts import read_at_most
from mmsflow.errors import Finding, InvalidInput, UsageError
from mmsflow.setting_values import SECRETS
from mmsflow.settings import READERS, Secret, Settings, find_workspace, load_settings

GOOD: dict[str, tuple[str, str, object]] = {
    # name: (as TOML, as environment text, value)
    "gateway": ('"orange"', "orange", "orange"),
    "gateway_url": ('"https://gw.example/"', "https://gw.example/", "https://gw.example"),
    "token_url": ('"https://gw.example/t"', "https://gw.example/t", "https://gw.example/t"),
    "client_id": ('"me"', "me", "me"),
    "client_secret": ('"hush"', "hush", Secret("hush")),
    "ledger": ('"sqlite:///a.db"', "sqlite:///a.db", "sqlite:///a.db"),
    "in_flight": ("64", "64", 64),
    "total_deadline": ('"20s"', "20s", timedelta(seconds=20)),
    "witness": ('"/var/lib/w"', "/var/lib/w", "/var/lib/w"),
    "keep_alive": ('"off"', "off", "off"),
    "connect_timeout": ('"500ms"', "500ms", timedelta(seconds=0.5)),
    "poll_per_second": ("2.5", "2.5", 2.5),
    "not_found_grace": ('"30min"', "30min", timedelta(minutes=30)),
    "quota_period": ('"7d"', "7d", timedelta(days=7)),
    "quota_reset_time": ("06:30:00", "06:30", time(6, 30)),
    "quota_timezone": ('"UTC"', "UTC", ZoneInfo("UTC")),
    "attachment_headers": ('"minimal"', "minimal", "minimal"),
    "not_processed_statuses": ("[502, 504]", "502, 504", (502, 504)),
    "ca_file": ('"ca.pem"', "ca.pem", "ca.pem"),
    "proxy": ('"http://proxy:3128"', "http://proxy:3128", "http://proxy:3128"),
    "suppression": ('"lists/no.xlsx"', "lists/no.xlsx", "lists/no.xlsx"),
    "at_most": ('"2 in 7 days"', "2 in 7 days", "2 in 7 days"),
    "rate": ('"600/min"', "600/min", 10.0),
    "web_host": ('"::1"', "::1", "::1"),
    "web_port": ("8080", "8080", 8080),
    "web_names": ('["ops.example.com"]', "ops.example.com", ("ops.example.com",)),
    "web_token": (
        '"a-long-enough-token-of-ours"',
        "a-long-enough-token-of-ours",
        Secret("a-long-enough-token-of-ours"),
    ),
    "web_session": ('"30min"', "30min", timedelta(minutes=30)),
    "log_format": ('"json"', "json", "json"),
    "log_level": ('"debug"', "debug", "debug"),
    "retain": ('"90d"', "90d", timedelta(days=90)),
    "webhook_url": ('"https://hooks.example.com/x"', "https://hooks.example.com/x", "https://hooks.example.com/x"),
    "webhook_secret": ('"s3"', "s3", Secret("s3")),
    "mail_host": ('"mail.example.com"', "mail.example.com", "mail.example.com"),
    "mail_port": ("25", "25", 25),
    "mail_security": ('"tls"', "tls", "tls"),
    "mail_user": ('"ops"', "ops", "ops"),
    "mail_password": ('"s3"', "s3", Secret("s3")),
    "mail_from": ('"mmsflow@example.com"', "mmsflow@example.com", "mmsflow@example.com"),
    "mail_to": (
        '["a@example.com", "b@example.com"]',
        "a@example.com, b@example.com",
        ("a@example.com", "b@example.com"),
    ),
    "account": ('"main contract"', "main contract", "main contract"),
    "notify": ('["paused"]', "paused", ("paused",)),
    "simulator_quota": ("0", "0", 0),
    "simulator_delay": ('"2h"', "2h", timedelta(hours=2)),
}


def toml(folder: Path, text: str | bytes) -> Path:
    (folder / "mmsflow.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def findings(folder: Path, text: str | bytes) -> list[Finding]:
    with pytest.raises(InvalidInput) as refused:
        load_settings(toml(folder, text), {})
    return list(refused.value.findings)


def test_every_setting_is_tried_here() -> None:
    assert set(GOOD) == set(READERS) - {f"{name}_file" for name in SECRETS}


@pytest.mark.parametrize("name", GOOD)
def test_a_setting_is_read_from_the_file_and_from_the_environment(tmp_path: Path, name: str) -> None:
    written, text, value = GOOD[name]
    assert getattr(load_settings(toml(tmp_path, f"{name} = {written}"), {}), name) == value
    assert getattr(load_settings(toml(tmp_path, ""), {f"MMSFLOW_{name.upper()}": text}), name) == value


def test_the_environment_wins_over_the_file_and_the_file_over_defaults(tmp_path: Path) -> None:
    workspace = toml(tmp_path, "in_flight = 2\nsimulator_quota = 7\n")
    seen = load_settings(workspace, {"MMSFLOW_IN_FLIGHT": "3", "MMSFLOW_SIMULATOR_QUOTA": ""})
    assert (seen.in_flight, seen.simulator_quota, seen.poll_per_second) == (3, 7, 50.0)


def test_an_empty_file_and_no_file_are_valid(tmp_path: Path) -> None:
    assert load_settings(tmp_path, {}) == load_settings(toml(tmp_path, ""), {}) == Settings(workspace=tmp_path)


def test_all_wrong_settings_are_found_at_once_at_their_lines_with_a_near_name(tmp_path: Path) -> None:
    found = findings(tmp_path, 'client_secret_file = "x"\nclient_secret = 5\n\nin_flght = 3\n[tables]\nrate = 1\n')
    assert [(finding.line, finding.message) for finding in found] == [
        (2, "`client_secret` must be a text"),
        (4, "unknown setting `in_flght`"),
        (5, "unknown setting `tables`"),
    ]
    assert found[1].fix == "did you mean `in_flight`?"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("gateway", "orang"),
        ("gateway_url", "gw.example"),
        ("gateway_url", "ftp://gw.example"),
        ("gateway_url", "https://[::1"),
        ("gateway_url", "https://gw.example:99999"),
        ("gateway_url", "https://me:hush@gw.example"),
        ("in_flight", "0"),
        ("in_flight", "many"),
        ("in_flight", "9" * 5000),
        ("total_deadline", "20"),
        ("total_deadline", "-1s"),
        ("total_deadline", "infs"),
        ("poll_per_second", "nan"),
        ("quota_period", "1ms"),
        ("quota_reset_time", "25:00"),
        ("quota_timezone", "../etc/passwd"),
        ("quota_timezone", "Europe/Warschau"),
        ("not_processed_statuses", "404"),
    ],
)
def test_a_wrong_value_in_the_environment_is_wrong_usage_and_never_shown(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(UsageError, match=f"MMSFLOW_{name.upper()} must") as refused:
        load_settings(tmp_path, {f"MMSFLOW_{name.upper()}": text})
    assert "hush" not in refused.value.message
    assert refused.value.exit_code == 2


@pytest.mark.parametrize(
    "text", [b"gateway = ", b"\xff", b"a = " + b"[" * 5000, b"poll_per_second = 1" + b"0" * 400, b"in_flight = true"]
)
def test_a_file_that_cannot_be_read_is_a_finding_and_no_traceback(tmp_path: Path, text: bytes) -> None:
    assert findings(tmp_path, text)[0].file == "mmsflow.toml"


def test_what_is_not_toml_is_shown_at_its_place(tmp_path: Path) -> None:
    assert findings(tmp_path, "in_flight = 1\ngateway = \n")[0].place == "mmsflow.toml:2:11"


def test_a_secret_shows_itself_only_by_name(tmp_path: Path) -> None:
    seen = load_settings(tmp_path, {"MMSFLOW_CLIENT_SECRET": "canary-9f3c", "MMSFLOW_CLIENT_ID": "me"})
    assert "canary" not in f"{seen} {seen!r} {seen.client_secret} {seen.client_secret!r}"
    assert seen.client_secret.reveal() == "canary-9f3c"


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hush\n")
    assert load_settings(toml(tmp_path, 'client_secret_file = "secret"'), {}).client_secret == Secret("hush")
    named = {"MMSFLOW_CLIENT_SECRET_FILE": str(tmp_path / "secret")}
    assert load_settings(toml(tmp_path, 'client_secret = "older"'), named).client_secret == Secret("hush")
    both = named | {"MMSFLOW_CLIENT_SECRET": "newest"}
    assert load_settings(tmp_path, both).client_secret == Secret("newest")


@pytest.mark.parametrize("name", ["missing", ".", "binary"])
def test_a_secret_file_that_cannot_be_read_is_wrong_usage(tmp_path: Path, name: str) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="client secret cannot be read"):
        load_settings(tmp_path, {"MMSFLOW_CLIENT_SECRET_FILE": str(tmp_path / name)})


def test_nothing_sends_to_a_real_host_by_accident(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no gateway is named"):
        _ = load_settings(tmp_path, {}).profile


def test_naming_a_url_means_the_operators_protocol_even_where_the_file_prefers_the_simulator(tmp_path: Path) -> None:
    workspace = toml(tmp_path, 'gateway = "simulator"')
    assert load_settings(workspace, {}).in_process
    seen = load_settings(workspace, {"MMSFLOW_GATEWAY_URL": "http://127.0.0.1:9"})
    assert (seen.profile, seen.base_url) == ("orange", "http://127.0.0.1:9")
    served = {"MMSFLOW_GATEWAY_URL": "http://127.0.0.1:9", "MMSFLOW_GATEWAY": "simulator"}
    assert not load_settings(workspace, served).in_process


def test_the_operators_gateway_needs_credentials_and_the_simulator_has_its_own(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no credentials"):
        _ = load_settings(tmp_path, {"MMSFLOW_GATEWAY": "orange"}).credentials
    simulated = load_settings(tmp_path, {"MMSFLOW_GATEWAY": "simulator"})
    assert simulated.credentials == ("simulator", Secret("simulator"))


def test_accounts_differ_by_profile_host_and_name_but_never_by_credentials(tmp_path: Path) -> None:
    me = {"MMSFLOW_CLIENT_ID": "me", "MMSFLOW_CLIENT_SECRET": "x"}
    accounts = [
        load_settings(tmp_path, {"MMSFLOW_GATEWAY": "simulator"}).account,
        load_settings(tmp_path, me | {"MMSFLOW_GATEWAY": "orange"}).account,
        load_settings(tmp_path, me | {"MMSFLOW_GATEWAY_URL": "http://127.0.0.1:9"}).account,
        load_settings(tmp_path, me | {"MMSFLOW_GATEWAY": "orange", "MMSFLOW_ACCOUNT": "second contract"}).account,
    ]
    assert len(set(accounts)) == 4
    rotated = me | {"MMSFLOW_GATEWAY": "orange", "MMSFLOW_CLIENT_ID": "you"}
    assert load_settings(tmp_path, rotated).account == accounts[1] == "orange@apigateway-prd.orange.pl"


def test_the_ledger_is_in_the_workspace_unless_named(tmp_path: Path) -> None:
    assert load_settings(tmp_path, {}).ledger_url == f"sqlite:///{tmp_path}/.mmsflow/ledger.db"
    assert load_settings(tmp_path, {"MMSFLOW_LEDGER": "sqlite:///x.db"}).ledger_url == "sqlite:///x.db"


def test_the_workspace_is_the_folder_above_that_holds_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work" / "campaigns").mkdir(parents=True)
    toml(tmp_path / "work", "")
    campaign = tmp_path / "work" / "campaigns" / "a.yaml"
    assert find_workspace(campaign, {}) == tmp_path / "work"
    assert find_workspace(campaign, {"MMSFLOW_WORKSPACE": str(tmp_path)}) == tmp_path
    monkeypatch.chdir(tmp_path / "work" / "campaigns")
    (tmp_path / "work" / "mmsflow.toml").unlink()
    assert find_workspace(campaign, {}) == tmp_path / "work" / "campaigns"


@pytest.mark.parametrize("name", ["/no/such/folder", "~nobody-by-this-name/x"])
def test_a_workspace_that_is_no_folder_is_wrong_usage(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="not a folder"):
        find_workspace(tmp_path, {"MMSFLOW_WORKSPACE": name})


@pytest.mark.parametrize("path", ["/etc/no.csv", "../no.csv", "lists/no.txt", "lists/no"])
def test_a_suppression_list_is_a_list_inside_the_workspace(tmp_path: Path, path: str) -> None:
    (found,) = findings(tmp_path, f'suppression = "{path}"\n')
    assert found.message.startswith("`suppression` must be a list inside the workspace")


@pytest.mark.parametrize("text", ["1 in 24h", "2 in 7 days", "3 in 1 week", "10 in 30min", "1 in 52 weeks"])
def test_a_cap_of_the_workspace_is_what_a_campaign_would_take(tmp_path: Path, text: str) -> None:
    assert load_settings(toml(tmp_path, f'at_most = "{text}"'), {}).at_most == read_at_most(text).text


@pytest.mark.parametrize("text", ["often", "0 in 7 days", "2 in 0 days", "2 per week", "2 in 7 fortnights"])
def test_a_cap_that_no_campaign_would_take_is_refused(tmp_path: Path, text: str) -> None:
    (found,) = findings(tmp_path, f'at_most = "{text}"\n')
    assert found.message == "`at_most` must be messages and a time such as 2 in 7 days, or 1 in 24h"
    with pytest.raises(ValueError):
        read_at_most(text)


@pytest.mark.parametrize("name", [name for name in GOOD if name not in SECRETS])
@pytest.mark.parametrize("around", ["{}", "  {}\t", "{}\n"])
def test_what_the_file_takes_the_environment_takes_in_the_same_form(tmp_path: Path, name: str, around: str) -> None:
    in_toml, in_environment, value = GOOD[name]
    for text in (in_toml, in_environment):
        found = load_settings(tmp_path, {f"MMSFLOW_{name.upper()}": around.format(text)})
        assert getattr(found, name) == value, text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('["a@example.com", "b@example.com"]', ("a@example.com", "b@example.com")),
        ("['a@example.com']", ("a@example.com",)),
        ('["a@example.com",\n "b@example.com",]', ("a@example.com", "b@example.com")),
        ("[ ]", ()),
        ("a@example.com,b@example.com,", ("a@example.com", "b@example.com")),
        ('"a@example.com, b@example.com"', ("a@example.com", "b@example.com")),
    ],
)
def test_a_list_in_the_environment_is_written_as_in_the_file_or_with_commas(
    tmp_path: Path, text: str, value: tuple[str, ...]
) -> None:
    assert load_settings(tmp_path, {"MMSFLOW_MAIL_TO": text}).mail_to == value


@pytest.mark.parametrize("text", ['["a@example.com", "b@example.com"', "[a@example.com]", "nobody", '["x", 1]'])
@pytest.mark.parametrize("name", ["MAIL_TO", "NOTIFY", "NOT_PROCESSED_STATUSES"])
def test_a_list_that_cannot_be_read_says_which_forms_are(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(UsageError) as refused:
        load_settings(tmp_path, {f"MMSFLOW_{name}": text})
    assert '["one", "two"]' in refused.value.advice
    assert "one, two" in refused.value.advice
    assert refused.value.cause == "setting"


def test_an_address_in_brackets_stays_one(tmp_path: Path) -> None:
    assert load_settings(tmp_path, {"MMSFLOW_WEB_NAMES": "[::1], ops.example.com"}).web_names == (
        "[::1]",
        "ops.example.com",
    )
    assert load_settings(tmp_path, {"MMSFLOW_WEB_HOST": "[::1]"}).web_host == "[::1]"


def test_a_text_cannot_bring_another_setting_with_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        load_settings(tmp_path, {"MMSFLOW_NOTIFY": '["paused"]\ngateway = "orange"'})


@pytest.mark.parametrize("secret", ['"quoted"', " spaces ", "[a]", "{}"])
def test_a_secret_in_the_environment_is_taken_as_it_stands(tmp_path: Path, secret: str) -> None:
    assert load_settings(tmp_path, {"MMSFLOW_CLIENT_SECRET": secret}).client_secret == Secret(secret)


def test_a_variable_of_spaces_alone_sets_nothing(tmp_path: Path) -> None:
    assert load_settings(tmp_path, {"MMSFLOW_AT_MOST": "  ", "MMSFLOW_GATEWAY": "\n"}) == load_settings(tmp_path, {})
