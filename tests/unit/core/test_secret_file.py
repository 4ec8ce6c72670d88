"""Secrets in files: rotated ones come into force by themselves, half-written and lost ones leave the last in force."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mmsflow.secret import blotted
from mmsflow.secret_file import SecretFile
from mmsflow.setting_values import SECRETS
from mmsflow.settings import load_settings


def kept(folder: Path, text: str = "first-secret") -> SecretFile:
    (folder / "secret").write_text(text)
    return SecretFile("client_secret", folder / "secret")


def replaced(path: Path, text: str) -> None:
    draft = path.with_name("draft")
    draft.write_text(text)
    draft.replace(path)


@pytest.mark.parametrize("name", SECRETS)
def test_every_secret_of_the_settings_is_read_anew_from_its_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_text("first\n")
    settings = load_settings(tmp_path, {f"MMSFLOW_{name.upper()}_FILE": str(tmp_path / "secret")})
    secret = getattr(settings, name)
    assert (secret.reveal(), settings.secret_files) == ("first", (secret,))
    replaced(tmp_path / "secret", "other\n")  # of the same size, as rotated secrets are
    assert secret.reveal() == "other"


def test_a_new_secret_is_kept_out_of_texts_as_the_first_is(tmp_path: Path) -> None:
    secret = kept(tmp_path)
    replaced(secret.path, "second-secret")
    secret.reveal()
    assert "secret" not in blotted("first-secret second-secret")


@pytest.mark.parametrize("half", [b"", b"\n", b"\xef\xbb\xbf", b"\xff\xfe\x00", b"x" * 1_000_001])
def test_a_file_without_a_usable_text_leaves_the_last_one_in_force_and_says_so(tmp_path: Path, half: bytes) -> None:
    secret = kept(tmp_path)
    secret.path.write_bytes(half)
    assert secret.reveal() == "first-secret"
    assert secret
    assert secret.trouble
    secret.path.write_text("\ufeffsecond-secret\r\n", encoding="utf-8")
    assert (secret.reveal(), secret.trouble, secret.changes) == ("second-secret", "", 1)


def test_a_file_that_is_gone_leaves_the_last_one_in_force_until_it_is_back(tmp_path: Path) -> None:
    secret = kept(tmp_path)
    secret.path.unlink()
    assert (secret.reveal(), secret.trouble) == ("first-secret", "No such file or directory")
    secret.path.mkdir()
    assert (secret.reveal(), secret.trouble) == ("first-secret", "Is a directory")
    secret.path.rmdir()
    secret.path.write_text("second")
    assert (secret.reveal(), secret.trouble) == ("second", "")


def test_a_link_that_is_pointed_elsewhere_is_followed(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "secret").write_text(f"{name}-one")
    (tmp_path / "data").symlink_to("old")
    (tmp_path / "secret").symlink_to("data/secret")
    secret = SecretFile("client_secret", tmp_path / "secret")
    (tmp_path / "next").symlink_to("new")
    (tmp_path / "next").replace(tmp_path / "data")
    assert secret.reveal() == "new-one"


def test_what_does_not_satisfy_its_reader_does_not_come_into_force(tmp_path: Path) -> None:
    secret = kept(tmp_path)
    secret.must_satisfy(lambda text: "" if len(text) > 5 else "is too short")
    replaced(secret.path, "tiny")
    assert (secret.reveal(), secret.trouble) == ("first-secret", "is too short")


def test_a_file_that_was_empty_at_the_start_is_read_when_it_is_asked_for(tmp_path: Path) -> None:
    secret = kept(tmp_path, "")
    assert not secret
    secret.path.write_text("now")
    assert secret
    assert secret.reveal() == "now"


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"from-a-pipe")
    os.close(writing)
    try:
        secret = SecretFile("client_secret", Path(f"/dev/fd/{reading}"))
        assert [secret.reveal(), secret.read_anew(), secret.trouble] == ["from-a-pipe", "from-a-pipe", ""]
    finally:
        os.close(reading)


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    secret = kept(tmp_path)
    secret.path.unlink()
    os.mkfifo(secret.path)
    assert (secret.reveal(), secret.read_anew(), secret.trouble) == (
        "first-secret",
        "first-secret",
        "it is no plain file",
    )
