"""A key is found where the user put it, and goes to no other host."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from lodestar import secrets
from lodestar.errors import CredentialsError
from lodestar.secrets import find_key, keyring_password
from lodestar.settings import ModelEntry


class Keyring:
    """A keyring of known content that notes who was asked for."""

    def __init__(self, **passwords: str) -> None:
        self.passwords = passwords
        self.asked: list[tuple[str, str]] = []

    def __call__(self, service: str, user: str) -> str | None:
        self.asked.append((service, user))
        return self.passwords.get(user)


def entry(**fields: object) -> ModelEntry:
    base = {"provider": "openai", "model": "m", "api_base": "https://api.example.org/v1"}
    return ModelEntry.model_validate({**base, **fields})


ENGINE = ModelEntry(provider="engine", model="demo", billing="local")
OPENAI = entry(api_base="https://api.openai.com/v1")


def test_the_engine_needs_no_key() -> None:
    assert find_key(ENGINE, "local", {"OPENAI_API_KEY": "sk"}, Keyring()) is None


def test_the_named_variable_is_used_without_asking_the_keyring() -> None:
    keyring = Keyring()
    assert find_key(entry(key_env="X_KEY"), "x", {"X_KEY": " abc\n"}, keyring) == "abc"
    assert not keyring.asked


def test_the_openai_key_goes_to_openai_and_nowhere_else() -> None:
    environ = {"OPENAI_API_KEY": "sk-real"}
    assert find_key(OPENAI, "gpt", environ, Keyring()) == "sk-real"
    for host in ("https://api.example.org/v1", "https://api.openai.com.evil.org/v1",
                 "https://evil.org/api.openai.com", "http://127.0.0.1:8000/v1"):  # fmt: skip
        assert find_key(entry(api_base=host), "x", environ, Keyring()) is None


def test_the_keyring_is_asked_for_alias_and_host() -> None:
    keyring = Keyring(**{"claude@api.example.org": "from-keyring"})
    assert find_key(entry(key_env="X_KEY"), "claude", {}, keyring) == "from-keyring"
    assert keyring.asked == [("lodestar", "claude@api.example.org")]


def test_a_key_in_the_keyring_does_not_follow_its_alias_to_another_host() -> None:
    keyring = Keyring(**{"claude@api.example.org": "from-keyring"})
    moved = entry(api_base="https://evil.org/v1", key_env="X_KEY")
    with pytest.raises(CredentialsError):
        find_key(moved, "claude", {}, keyring)


def test_a_missing_key_is_explained_in_three_lines() -> None:
    with pytest.raises(CredentialsError) as error:
        find_key(entry(key_env="X_KEY"), "claude", {"X_KEY": "  "}, Keyring())
    assert error.value.exit_code == 4
    lines = str(error.value).splitlines()
    assert len(lines) == 3
    assert "`claude`" in lines[0]
    assert "$X_KEY is not set" in lines[1]


def test_a_local_server_needs_no_key() -> None:
    keyring = Keyring()
    local = entry(api_base="http://localhost:11434/v1", billing="free")
    assert find_key(local, "ollama", {}, keyring) is None
    assert not keyring.asked


def test_a_key_is_not_sent_in_the_clear() -> None:
    open_line = entry(api_base="http://models.example.org/v1", key_env="X_KEY")
    with pytest.raises(CredentialsError, match="is not sent to models"):
        find_key(open_line, "x", {"X_KEY": "abc"}, Keyring())
    loopback = entry(api_base="http://127.0.0.1:8000/v1", key_env="X_KEY")
    assert find_key(loopback, "x", {"X_KEY": "abc"}, Keyring()) == "abc"


@pytest.mark.parametrize("key", ["a b", "a\nInjected: 1", "größe", "a\0b"])
def test_a_key_that_would_break_a_header_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(CredentialsError) as error:
        find_key(entry(key_env="X_KEY"), "x", {"X_KEY": key}, Keyring())
    assert key not in str(error.value)


def test_without_a_system_keyring_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    assert keyring_password("lodestar", "x@y") is None


@pytest.fixture
def backend(tmp_path: Path, mocker: MockerFixture) -> Iterator[type]:
    """A backend that stands in for the trusted ones."""

    class Backend:
        priority = 5
        release = threading.Event()

        def get_password(self, service: str, username: str) -> str | None:
            if username == "hanging":
                self.release.wait(10)
            if username == "locked":
                raise RuntimeError("secret detail")
            return f"{service}/{username}"

    module = mocker.MagicMock(Keyring=Backend)
    mocker.patch.dict(sys.modules, {"trusted_backend": module})
    mocker.patch.object(secrets, "BACKENDS", (("not_there", "K"), ("trusted_backend", "Keyring")))
    yield Backend
    Backend.release.set()


@pytest.mark.usefixtures("backend")
def test_the_first_usable_backend_is_asked() -> None:
    assert keyring_password("lodestar", "x@y") == "lodestar/x@y"


@pytest.mark.usefixtures("backend")
def test_a_keyring_that_does_not_answer_is_given_up(mocker: MockerFixture) -> None:
    mocker.patch.object(secrets, "KEYRING_SECONDS", 0.1)
    with pytest.raises(CredentialsError, match="keyring cannot be used"):
        keyring_password("lodestar", "hanging")


@pytest.mark.usefixtures("backend")
def test_a_locked_keyring_is_reported_without_its_details() -> None:
    with pytest.raises(CredentialsError) as error:
        keyring_password("lodestar", "locked")
    assert "secret detail" not in str(error.value)


def test_a_backend_that_the_environment_names_is_never_loaded(tmp_path: Path) -> None:
    """PYTHON_KEYRING_BACKEND and keyringrc.cfg could hand every key to a stranger."""
    (tmp_path / "hostile.py").write_text(
        "import pathlib\npathlib.Path(__file__).with_name('loaded').touch()\n"
    )
    config = tmp_path / "config" / "python_keyring"
    config.mkdir(parents=True)
    (config / "keyringrc.cfg").write_text(
        f"[backend]\ndefault-keyring=hostile.Keyring\nkeyring-path={tmp_path}\n"
    )
    program = "from lodestar.secrets import keyring_password as k; print(k('lodestar', 'x@y'))"
    environ = {
        "PYTHONPATH": str(tmp_path),
        "PYTHON_KEYRING_BACKEND": "hostile.Keyring",
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "HOME": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "None"
    assert not (tmp_path / "loaded").exists()


def test_the_keyring_is_not_imported_where_the_environment_has_the_key() -> None:
    program = (
        "import sys\nfrom lodestar.secrets import find_key\nfrom lodestar.settings import *\n"
        "e = ModelEntry(provider='openai', model='m', api_base='https://h.org/v1', key_env='K')\n"
        "print(find_key(e, 'x', {'K': 'abc'}), 'keyring' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["abc", "False"]
