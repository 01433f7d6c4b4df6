"""`lodestar models pull` where it cannot or must not: three lines, and nothing left behind."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest
from huggingface_hub import constants

from lodestar.paths import Home
from tests.cli.conftest import Cli, Result
from tests.cli.gguf_file import write_gguf
from tests.cli.pulled import CONTENT, LISTED, NAMED, SHA256
from tests.fakes.hub import FILE, REPO, Hub

TOKEN = "hf_planted"


def check_nothing(home: Home, result: Result, code: int, what: str) -> None:
    """It failed as it should, in three lines, and left no model and no part of one."""
    assert (result.code, result.out) == (code, "")
    assert what in result.error[0]
    assert [line.split(":")[0] for line in result.error] == ["error", "why", "do"]
    assert not [path for path in (home.root / "models").rglob("*") if path.is_file()]
    assert not home.config_file.exists()


def test_a_file_that_is_not_what_the_hub_states_is_removed(
    cli: Cli,
    home: Home,
    hub: Hub,
) -> None:
    hub.sha256 = "0" * 64
    result = cli("models", "pull", NAMED, "--yes")
    check_nothing(home, result, 1, "is not what it should be")
    assert f"{SHA256}, not {'0' * 64}" in result.error[1]
    assert "the file was removed" in result.error[2]


def test_a_pin_that_the_hub_does_not_state_stops_before_the_download(
    cli: Cli,
    home: Home,
    hub: Hub,
) -> None:
    result = cli("models", "pull", NAMED, "--yes", "--sha256", "f" * 64)
    check_nothing(home, result, 2, "is not the file you want")
    assert not hub.downloads


def test_where_the_hub_states_no_checksum_only_a_pin_will_do(
    cli: Cli,
    home: Home,
    hub: Hub,
) -> None:
    hub.sha256 = None
    result = cli("models", "pull", NAMED, "--yes")
    check_nothing(home, result, 1, "cannot be checked")
    assert "--sha256" in result.error[2]
    check_nothing(
        home,
        cli("models", "pull", NAMED, "--yes", "--sha256", "f" * 64),
        1,
        "is not what it should be",
    )
    assert cli("models", "pull", NAMED, "--yes", "--sha256", SHA256).code == 0


@pytest.mark.parametrize(
    ("model", "more", "what", "do"),
    [
        ("tester/other-GGUF:x.gguf", (), "has no model `tester/other-GGUF`", "check its name"),
        (f"{REPO}:tiny-coder-q4_k_s.gguf", (), "has no file", f"did you mean `{FILE}`?"),
        (NAMED, ("--revision", "v9"), "has no revision `v9`", "choose another --revision"),
    ],
)
def test_what_the_hub_does_not_have_is_said(
    cli: Cli,
    home: Home,
    hub: Hub,
    model: str,
    more: tuple[str, ...],
    what: str,
    do: str,
) -> None:
    result = cli("models", "pull", model, "--yes", *more)
    check_nothing(home, result, 2, what)
    assert result.error[2] == f"do:    {do}"


@pytest.mark.parametrize(
    ("status", "code", "token", "why"),
    [
        (401, "", None, "it is private, or there is none of that name"),
        (401, "", TOKEN, "the token in HF_TOKEN may not read it"),
        (403, "GatedRepo", TOKEN, "accepted its licence"),
    ],
)
def test_a_closed_model_asks_for_a_token_and_never_prints_it(
    cli: Cli,
    home: Home,
    hub: Hub,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    code: str,
    token: str | None,
    why: str,
) -> None:
    hub.status, hub.error_code = status, code
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    result = cli("models", "pull", NAMED, "--yes")
    check_nothing(home, result, 4, "does not hand out")
    assert why in result.error[1]
    assert "HF_TOKEN" in result.error[2]
    assert TOKEN not in result.err


def test_the_token_of_the_environment_opens_it_and_stays_with_the_hub(
    cli: Cli,
    hub: Hub,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hub.token = TOKEN
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    result = cli("models", "pull", NAMED, "--yes")
    assert result.code == 0, result.err
    assert {r.token for r in hub.requests if r.host == "127.0.0.1"} == {f"Bearer {TOKEN}"}
    assert {r.token for r in hub.requests if r.host == "localhost"} == {None}
    assert TOKEN not in result.err


def test_a_token_that_another_program_stored_is_not_used(
    cli: Cli,
    hub: Hub,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "token").write_text(TOKEN)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    assert cli("models", "pull", NAMED, "--yes").code == 0
    assert {request.token for request in hub.requests} == {None}


def test_without_a_network_it_says_so_at_once(
    cli: Cli, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{port}")
    result = cli("models", "pull", LISTED)
    check_nothing(home, result, 1, f"127.0.0.1:{port} cannot be reached")
    assert "lodestar models import FILE" in result.error[2]


def test_the_hubs_own_offline_switch_is_named(
    cli: Cli,
    home: Home,
    hub: Hub,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    result = cli("models", "pull", NAMED, "--yes")
    check_nothing(home, result, 1, "was not asked")
    assert result.error[1] == "why:   HF_HUB_OFFLINE is set"


def test_trouble_at_the_hub_is_not_the_users(cli: Cli, home: Home, hub: Hub) -> None:
    hub.status = 503
    check_nothing(home, cli("models", "pull", NAMED, "--yes"), 1, "answered with status 503")


def test_too_little_room_is_said_before_the_download(
    cli: Cli,
    home: Home,
    hub: Hub,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    room = len(CONTENT) * 21 // 20
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=room))
    result = cli("models", "pull", NAMED, "--yes")
    check_nothing(home, result, 1, "does not fit on the disk")
    assert not hub.downloads


def test_the_part_that_is_there_counts_as_room(
    cli: Cli,
    hub: Hub,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hub.cut_at = 1_000_000
    cli("models", "pull", NAMED, "--yes")
    room = len(CONTENT) * 21 // 20
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=room))
    result = cli("models", "pull", NAMED, "--yes")
    assert result.code == 0, result.err


def test_without_a_terminal_what_is_not_on_the_list_needs_a_yes(
    cli: Cli,
    home: Home,
    hub: Hub,
) -> None:
    result = cli("models", "pull", NAMED)
    check_nothing(home, result, 2, "nobody can be asked")
    assert "add --yes" in result.error[2]
    assert not hub.downloads


def test_a_licence_that_is_no_longer_the_lists_needs_a_yes(
    cli: Cli,
    home: Home,
    listed: Hub,
) -> None:
    listed.card = {"license": "cc-by-nc-4.0"}
    result = cli("models", "pull", LISTED)
    check_nothing(home, result, 2, "is under the licence `cc-by-nc-4.0`")
    assert "licence  cc-by-nc-4.0 (the list says apache-2.0)" in result.err


@pytest.mark.parametrize(
    ("model", "what", "do"),
    [
        ("qwen2.5-coder-7", "the list has no model", "did you mean `qwen2.5-coder-7b`?"),
        ("zebra", "the list has no model", "REPO/ID:FILE.gguf"),
        ("tester/tiny-coder-GGUF", "does not name a file", "for example"),
        ("a/b/c:x.gguf", "does not name a file", "for example"),
        (f"{REPO}:model.safetensors", "is not a GGUF file", ".gguf"),
        (f"{REPO}:pytorch_model.bin", "is not a GGUF file", ".gguf"),
        (f"{REPO}:m-00001-of-00002.gguf", "is one part of a model", "in one file"),
        (f"{REPO}:../../x.gguf", "is not a path in a repository", "as its page shows it"),
    ],
)
def test_a_name_that_cannot_be_pulled_is_refused_without_asking_the_hub(
    cli: Cli,
    home: Home,
    hub: Hub,
    model: str,
    what: str,
    do: str,
) -> None:
    result = cli("models", "pull", model, "--yes")
    check_nothing(home, result, 2, what)
    assert do in result.error[2]
    assert not hub.requests


def test_a_pin_that_is_no_checksum_is_refused(cli: Cli) -> None:
    result = cli("models", "pull", LISTED, "--sha256", "abc")
    assert result.code == 2
    assert "64 hexadecimal digits" in result.error[0]


def test_a_name_in_use_is_refused_before_the_hub_is_asked(cli: Cli, listed: Hub) -> None:
    assert cli("models", "pull", LISTED).code == 0
    asked = len(listed.requests)
    result = cli("models", "pull", LISTED)
    assert result.code == 2
    assert f"there is a model called `{LISTED}` already" in result.error[0]
    assert len(listed.requests) == asked
    assert cli("models", "pull", LISTED, "--yes").code == 0


def test_a_file_that_is_no_model_is_not_kept(
    cli: Cli,
    home: Home,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = write_gguf(tmp_path / "x.gguf", tensors=0).read_bytes()
    with Hub(content) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        result = cli("models", "pull", NAMED, "--yes")
    assert result.code == 2
    assert "holds no weights" in result.error[0]
    assert not list((home.root / "models").iterdir())
