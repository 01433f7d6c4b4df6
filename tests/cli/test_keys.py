"""`lodestar keys`, and keyrings that are missing, forgetful, hostile or silent."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest
from pytest_mock import MockerFixture

from lodestar import secrets
from lodestar.paths import Home
from tests.cli.conftest import Cli, Result

KEY = "canary-key-4711"
REPOSITORY = Path(__file__).parents[2]
CONFIG = """
models:
  far: {provider: openai, model: m, api_base: "https://api.example.org/v1", key_env: FAR_KEY}
  near: {provider: openai, model: m, api_base: "http://127.0.0.1:9/v1", billing: local}
  open: {provider: openai, model: m, api_base: "http://far.example.org/v1", key_env: FAR_KEY}
"""


@pytest.fixture(autouse=True)
def configured(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Models with and without a key; no D-Bus of whoever runs the tests."""
    home.config_file.write_text(CONFIG)
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)


def run(folder: Path, *arguments: str, stdin: str = "", **environ: str) -> Result:
    """The program itself, started in a folder that may be a hostile repository."""
    done = subprocess.run(
        [sys.executable, "-m", "lodestar", "keys", *arguments],
        cwd=folder,
        env={**os.environ, **environ},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert KEY not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return Result(done.returncode, done.stdout, done.stderr)


def test_without_a_keyring_nothing_is_stored_and_that_is_said(tmp_path: Path) -> None:
    stored = run(tmp_path, "set", "far", stdin=f"{KEY}\n")
    assert stored.code == 4
    assert "there is none that Lodestar knows" in stored.err
    assert stored.error[2].endswith("give the key in the environment variable FAR_KEY")
    removed = run(tmp_path, "remove", "far")
    assert removed.code == 4
    assert removed.error[2].endswith("one in the environment goes with: unset FAR_KEY")
    missing = run(tmp_path, "check", "far")
    assert missing.code == 4
    assert "$FAR_KEY is not set, and no keyring holds one" in missing.err
    assert run(tmp_path, "check", "far", FAR_KEY=KEY).err == "far: its key is in $FAR_KEY\n"


def test_a_keyring_that_drops_everything_is_not_used(tmp_path: Path) -> None:
    null = "keyring.backends.null.Keyring"
    stored = run(tmp_path, "set", "far", stdin=KEY, PYTHON_KEYRING_BACKEND=null)
    assert stored.code == 4


def test_a_keyring_that_the_repository_brings_is_never_imported(tmp_path: Path) -> None:
    (tmp_path / "hostile.py").write_text("import pathlib; pathlib.Path('loaded').touch()\n")
    settings = tmp_path / "config" / "python_keyring"
    settings.mkdir(parents=True)
    ring = f"[backend]\ndefault-keyring=hostile.Keyring\nkeyring-path={tmp_path}\n"
    (settings / "keyringrc.cfg").write_text(ring)
    environ = {
        "PYTHON_KEYRING_BACKEND": "hostile.Keyring",
        "PYTHONPATH": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }
    for arguments in (("set", "far"), ("check", "far"), ("remove", "far")):
        assert run(tmp_path, *arguments, stdin=KEY, **environ).code == 4 or arguments[0] != "set"
    assert not (tmp_path / "loaded").exists()


@pytest.fixture
def mute_bus(tmp_path: Path) -> Iterator[str]:
    """A D-Bus that lets everybody in and then says nothing."""
    path = tmp_path / "bus"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        clients: list[socket.socket] = []

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = server.accept()
                    clients.append(client)
                    client.recv(1000)
                    client.sendall(b"OK 0123456789abcdef0123456789abcdef\r\n")

        threading.Thread(target=accept, daemon=True).start()
        yield f"unix:path={path}"
        server.shutdown(socket.SHUT_RDWR)
        for client in clients:
            client.close()


def test_a_silent_keyring_is_given_up_within_five_seconds(tmp_path: Path, mute_bus: str) -> None:
    run(tmp_path, "check", "near")
    start = time.monotonic()
    run(tmp_path, "check", "near")
    without = time.monotonic() - start
    start = time.monotonic()
    found = run(tmp_path, "check", "far", DBUS_SESSION_BUS_ADDRESS=mute_bus)
    waited = time.monotonic() - start - without
    assert found.code == 4
    assert "did not answer within 4 seconds" in found.err
    assert "unlock it" in found.error[2]
    # A second for a busy machine.
    assert waited < 6


@pytest.mark.parametrize(
    ("alias", "what"), [("near", "without a key"), ("demo", "without a key"), ("open", "not sent")]
)
def test_a_key_is_stored_only_for_who_may_get_it(tmp_path: Path, alias: str, what: str) -> None:
    stored = run(tmp_path, "set", alias, stdin=KEY)
    assert stored.code in (2, 4)
    assert what in stored.error[0]


@pytest.mark.parametrize("typed", ["", "two words", "tab\tkey", "größe"])
def test_what_is_no_key_is_refused(tmp_path: Path, typed: str) -> None:
    stored = run(tmp_path, "set", "far", stdin=typed)
    assert stored.code == 4
    assert not typed or typed not in stored.err


class Drawer:
    """A keyring that keeps its passwords, or not all of them."""

    priority = 5
    kept: dict[tuple[str, str], str]

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


@pytest.fixture
def drawer(mocker: MockerFixture) -> type[Drawer]:
    """A keyring in the place of the trusted ones."""
    kind = type("Keyring", (Drawer,), {"kept": {}})
    mocker.patch.dict(sys.modules, {"trusted_backend": mocker.MagicMock(Keyring=kind)})
    mocker.patch.object(secrets, "BACKENDS", (("trusted_backend", "Keyring"),))
    return kind


def piped(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_a_key_is_stored_found_and_removed(
    cli: Cli, drawer: type[Drawer], monkeypatch: pytest.MonkeyPatch
) -> None:
    piped(monkeypatch, f" {KEY}\n")
    assert cli("keys", "set", "far").err == "stored the key of far for https://api.example.org/v1\n"
    assert drawer.kept == {("lodestar", "far@api.example.org"): KEY}
    assert cli("keys", "check", "far").err == "far: its key is in the keyring\n"
    assert cli("keys", "remove", "far").err == "removed the key of far\n"
    assert cli("keys", "remove", "far").err == "the keyring has no key of far\n"
    assert cli("keys", "check", "far").code == 4


@pytest.mark.parametrize("answer", [None, "another-key-1"])
def test_a_keyring_that_gives_something_else_back_is_reported(
    cli: Cli, drawer: type[Drawer], monkeypatch: pytest.MonkeyPatch, answer: str | None
) -> None:
    monkeypatch.setattr(drawer, "get_password", lambda *_: answer)
    piped(monkeypatch, KEY)
    stored = cli("keys", "set", "far")
    assert stored.code == 4
    assert "it does not give back what was put into it" in stored.err


def test_a_keyring_that_fails_is_reported_without_its_words(
    cli: Cli, drawer: type[Drawer], monkeypatch: pytest.MonkeyPatch, home: Home
) -> None:
    def fail(self: object, service: str, username: str, password: str) -> None:
        raise RuntimeError(f"cannot store {password}")

    monkeypatch.setattr(drawer, "set_password", fail)
    monkeypatch.setenv("LODESTAR_DEBUG", "1")
    piped(monkeypatch, KEY)
    stored = cli("keys", "set", "far")
    assert stored.code == 4
    assert "why:   RuntimeError" in stored.err
    assert KEY not in stored.err


def test_a_locked_keyring_is_to_be_unlocked_before_a_key_is_removed(
    cli: Cli, drawer: type[Drawer], mocker: MockerFixture
) -> None:
    mocker.patch.object(drawer, "get_password", side_effect=RuntimeError("locked"))
    removed = cli("keys", "remove", "far")
    assert removed.code == 4
    assert removed.error[2].endswith("unlock it, then remove the key again")


@contextlib.contextmanager
def typing(tmp_path: Path, *arguments: str) -> Iterator[pexpect.spawn]:
    """Python on a terminal, where it may ask."""
    environ = {k: v for k, v in os.environ.items() if k not in ("LODESTAR_NO_INPUT", "CI")}
    command = [sys.executable, *arguments]
    child = pexpect.spawn(command[0], command[1:], env=environ, cwd=tmp_path, encoding="utf-8")
    try:
        yield child
    finally:
        child.close(force=True)


def test_without_a_keyring_nobody_is_asked_for_a_key(tmp_path: Path) -> None:
    with typing(tmp_path, "-m", "lodestar", "keys", "set", "far") as child:
        child.expect(pexpect.EOF, timeout=60)
    assert child.exitstatus == 4
    assert "keyring cannot be used" in child.before
    assert "key of far: " not in child.before


def test_a_key_that_is_typed_is_not_shown(tmp_path: Path) -> None:
    # The program itself, with a keyring that it trusts.
    script = (
        "import sys, types\n"
        "from lodestar import secrets\n"
        "from lodestar.cli.main import run\n"
        "from tests.cli.test_keys import Drawer\n"
        "Drawer.kept = {}\n"
        "sys.modules['trusted_backend'] = types.SimpleNamespace(Keyring=Drawer)\n"
        "secrets.BACKENDS = (('trusted_backend', 'Keyring'),)\n"
        "sys.exit(run(['keys', 'set', 'far']))\n"
    )
    script = f"import sys\nsys.path.insert(0, {str(REPOSITORY)!r})\n{script}"
    with typing(tmp_path, "-c", script) as child:
        child.expect_exact("key of far: ", timeout=60)
        child.sendline(KEY)
        child.expect(pexpect.EOF, timeout=60)
    assert child.exitstatus == 0
    assert "stored the key of far" in child.before
    assert KEY not in child.before
