"""`lodestar keys set|list|remove`, as programs, with a Secret Service of the tests' own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest

from lodestar.paths import Home
from tests.cli.conftest import Cli, Result
from tests.fakes.secret_service import SecretService

KEY = "canary-key-4711"
CONFIG = """
models:
  far: {provider: openai, model: m, api_base: "https://api.example.org/v1", key_env: FAR_KEY}
  twin: {provider: openai, model: n, api_base: "https://api.example.org/v1", key_env: FAR_KEY}
  work: {provider: openai, model: n, api_base: "https://api.example.org/v1", key_env: WORK_KEY}
  near: {provider: openai, model: m, api_base: "http://127.0.0.1:9/v1", billing: local}
  open: {provider: openai, model: m, api_base: "http://far.example.org/v1", key_env: FAR_KEY}
"""
NAME = "FAR_KEY@api.example.org"
Keys = Callable[..., Result]


@pytest.fixture(autouse=True)
def configured(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Models with and without a key; no D-Bus of whoever runs the tests."""
    home.config_file.write_text(CONFIG)
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[SecretService]:
    """A desktop's keyring."""
    with SecretService() as service:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", service.address)
        yield service


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    """Run `lodestar keys` in a folder of its own; no output may hold the key."""

    def call(*arguments: str, stdin: str = "", **environ: str) -> Result:
        done = subprocess.run(
            [sys.executable, "-m", "lodestar", "keys", *arguments],
            cwd=tmp_path,
            env={**os.environ, **environ},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert KEY not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return Result(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture
def quick(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Keys:
    """The same in this process."""

    def call(*arguments: str, stdin: str = "", **environ: str) -> Result:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        done = cli("keys", *arguments)
        assert KEY not in done.out + done.err
        return done

    return call


def source(keys: Keys, alias: str = "far", **environ: str) -> str:
    rows = {row[0]: row for row in keys("list", **environ).rows}
    return rows[alias][3]


def test_a_key_is_stored_found_and_removed(keys: Keys, service: SecretService, home: Home) -> None:
    stored = keys("set", "far", stdin=f" {KEY}\n")
    assert stored.code == 0, stored.err
    told = f"stored in the system's keyring: the key for {NAME}, used by far, twin\n"
    assert stored.err == told
    assert service.passwords == {NAME: KEY}
    found = {row[0]: row[3] for row in keys("list").rows}
    assert (found["far"], found["twin"], found["work"]) == ("keyring", "keyring", "none")
    assert KEY not in "".join(p.read_text() for p in home.root.rglob("*") if p.is_file())
    removed = keys("remove", "twin")
    assert removed.err == f"removed the key for {NAME} from the keyring\n"
    assert service.passwords == {}
    assert keys("remove", "far").err == f"no key is stored for {NAME}\n"


def test_before_a_key_a_word_of_no_worth_is_put_in_and_taken_out(
    keys: Keys, service: SecretService
) -> None:
    assert keys("set", "far", stdin=KEY).code == 0
    canary, key = service.given
    assert key == KEY
    assert canary not in (KEY, "")
    assert canary not in service.passwords.values()


def test_a_key_that_is_typed_is_not_shown(tmp_path: Path, service: SecretService) -> None:
    with typing(tmp_path, "set", "far") as child:
        child.expect_exact(f"key for {NAME}: ", timeout=60)
        child.sendline(KEY)
        child.expect(pexpect.EOF, timeout=60)
    assert child.exitstatus == 0
    assert "stored in the system's keyring" in child.before
    assert KEY not in child.before
    assert service.passwords == {NAME: KEY}


@contextlib.contextmanager
def typing(folder: Path, *arguments: str) -> Iterator[pexpect.spawn]:
    """`lodestar keys` on a terminal, where it may ask."""
    environ = {k: v for k, v in os.environ.items() if k not in ("LODESTAR_NO_INPUT", "CI")}
    command = ["-m", "lodestar", "keys", *arguments]
    child = pexpect.spawn(sys.executable, command, env=environ, cwd=folder, encoding="utf-8")
    try:
        yield child
    finally:
        child.close(force=True)


def test_without_a_keyring_nobody_is_asked_for_a_key(tmp_path: Path) -> None:
    with typing(tmp_path, "set", "far") as child:
        child.expect(pexpect.EOF, timeout=60)
    assert child.exitstatus == 4
    assert "keyring cannot be used" in child.before
    assert "key for" not in child.before


def test_a_headless_machine_is_told_three_ways(keys: Keys) -> None:
    stored = keys("set", "far", stdin=f"{KEY}\n")
    assert stored.code == 4
    assert len(stored.error) == 3
    assert "there is none that Lodestar knows" in stored.error[1]
    do = stored.error[2]
    assert "(1) export FAR_KEY=..." in do
    assert '(2) lodestar keys set far --command "pass show NAME"' in do
    assert "(3) lodestar keys set far --insecure-file (not encrypted)" in do


def test_the_environment_is_the_first_way(keys: Keys) -> None:
    assert source(keys, FAR_KEY=KEY) == "$FAR_KEY"
    assert keys("list", "far", FAR_KEY=KEY).code == 0
    removed = keys("remove", "far", FAR_KEY=KEY)
    assert "it goes with: unset FAR_KEY" in removed.err


def test_a_command_is_the_second_way(keys: Keys, home: Home, tmp_path: Path) -> None:
    fetch = tmp_path / "fetch"
    fetch.write_text(f"#!/bin/sh\necho {KEY}\necho and more >&2\n")
    fetch.chmod(0o755)
    stored = keys("set", "far", "--command", f"{fetch} show far")
    assert stored.code == 0, stored.err
    assert f"stored as a command in {home.root}/keys.yaml" in stored.err
    assert KEY not in (home.root / "keys.yaml").read_text()
    assert source(keys) == f"command: {fetch}"
    # It is not run to list it.
    fetch.unlink()
    assert source(keys) == f"command: {fetch}"
    assert keys("remove", "far").err == f"removed the key for {NAME} from keys.yaml\n"
    assert source(keys) == "none"


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("false", "it ended with exit code 1"),
        ("echo two words", "it contains blanks"),
        (f"echo sk-proj-{'a1B2c3D4' * 6}", "it would be kept in the clear"),
    ],
)
def test_a_command_that_brings_no_key_or_holds_one_is_not_stored(
    quick: Keys, home: Home, command: str, why: str
) -> None:
    stored = quick("set", "far", "--command", command)
    assert stored.code in (2, 4)
    assert why in stored.error[1]
    assert not (home.root / "keys.yaml").exists()


def test_a_file_is_the_third_way_and_says_what_that_means(keys: Keys, home: Home) -> None:
    stored = keys("set", "far", "--insecure-file", stdin=KEY)
    assert stored.code == 0, stored.err
    assert "warning: it is not encrypted" in stored.err
    file = home.root / "keys.yaml"
    assert file.stat().st_mode & 0o777 == 0o600
    assert source(keys) == "keys.yaml, not encrypted"
    file.chmod(0o644)
    shown = keys("list")
    assert shown.code == 4
    assert "others have rights on it" in shown.error[1]


def test_a_key_in_the_keyring_takes_the_place_of_one_in_the_clear(
    quick: Keys, service: SecretService, home: Home
) -> None:
    quick("set", "far", "--insecure-file", stdin="another-key-1")
    assert quick("set", "far", stdin=KEY).code == 0
    assert not (home.root / "keys.yaml").exists()
    assert source(quick) == "keyring"


def test_a_repository_names_no_command_and_no_address_for_a_key(
    keys: Keys, home: Home, tmp_path: Path
) -> None:
    """Neither its settings nor a file of the same name count, trusted or not."""
    ran = tmp_path / "ran"
    entry = f"{NAME}: {{command: touch {ran}}}\n"
    evil = 'models: {far: {provider: openai, model: m, api_base: "https://evil.org/v1"}}\n'
    (tmp_path / ".git").mkdir()
    (tmp_path / "keys.yaml").write_text(entry)
    (tmp_path / ".lodestar.yaml").write_text(f"{evil}keys:\n  {entry}")
    for arguments in (("list",), ("test", "far"), ("list", "far")):
        shown = keys(*arguments)
        assert "evil.org" not in shown.out
        assert "`models` is ignored" in shown.err
    assert not ran.exists()


@pytest.mark.parametrize("name", ["api.example.org", "anthropic", "gpt", "nobody"])
def test_a_key_may_be_named_by_its_provider(quick: Keys, home: Home, name: str) -> None:
    home.config_file.write_text(
        "models:\n  gpt: {provider: litellm, model: cohere/m, key_env: CO_KEY}\n"
        '  far: {provider: openai, model: m, api_base: "https://api.example.org/v1"}\n'
    )
    found = quick("set", name, "--insecure-file", stdin=KEY)
    stored = {
        "api.example.org": "the key for api.example.org, used by far",
        "anthropic": "the key for ANTHROPIC_API_KEY@api.anthropic.com, used by claude-",
        "gpt": "the key for CO_KEY@litellm:cohere, used by gpt",
    }
    if name in stored:
        assert stored[name] in found.err
    else:
        assert found.code == 2
        assert "there is no model called `nobody`" in found.error[0]


def test_a_host_with_two_keys_is_asked_about(quick: Keys) -> None:
    found = quick("set", "api.example.org", "--insecure-file", stdin=KEY)
    assert found.code == 2
    assert "its models take different keys: far, twin, work" in found.error[1]


@pytest.mark.parametrize(
    ("alias", "what"), [("near", "without a key"), ("demo", "without a key"), ("open", "not sent")]
)
def test_a_key_is_stored_only_for_who_may_get_it(quick: Keys, alias: str, what: str) -> None:
    for way in ((), ("--insecure-file",), ("--command", "echo some-key")):
        stored = quick("set", alias, *way, stdin=KEY)
        assert stored.code in (2, 4)
        assert what in stored.error[0]


@pytest.mark.parametrize("typed", ["", "two words", "tab\tkey", "größe"])
def test_what_is_no_key_is_refused(quick: Keys, typed: str) -> None:
    stored = quick("set", "far", "--insecure-file", stdin=typed)
    assert stored.code == 4
    assert not typed or typed not in stored.err


def test_the_list_is_data_too(quick: Keys) -> None:
    found = json.loads(quick("list", "far", "--json", FAR_KEY=KEY).out)
    assert found["schema"] == "lodestar.keys/1"
    first = {"alias": "far", "host": "api.example.org", "variable": "FAR_KEY", "paid": True}
    assert found["data"][0] == {**first, "from": "environment", "where": "$FAR_KEY"}


def test_where_it_is_free_only_the_places_of_paid_keys_are_not_looked_at(
    keys: Keys, home: Home, service: SecretService
) -> None:
    keys("set", "far", stdin=KEY)
    home.config_file.write_text(f"{CONFIG}limits: {{free_only: true}}\n")
    service.mood = "mute"
    assert source(keys, FAR_KEY=KEY) == "closed: free only"
    assert keys("test", "--all", FAR_KEY=KEY).rows[0][3] == "closed"


def test_models_that_share_a_providers_key_are_not_asked_about(quick: Keys, home: Home) -> None:
    base = "provider: openai, model: m, api_base: 'https://api.x.ai/v1'"
    both = f"models: {{one: {{{base}}}, two: {{{base}, key_env: XAI_API_KEY}}}}\n"
    home.config_file.write_text(both)
    assert quick("set", "xai", "--insecure-file", stdin=KEY).code == 0
    assert "XAI_API_KEY@api.x.ai" in (home.root / "keys.yaml").read_text()
