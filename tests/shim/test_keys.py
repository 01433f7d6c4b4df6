"""The real shim finds keys in each place, and takes them to their own host alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lodestar.paths import Home
from lodestar.secrets.key_file import Kept, KeyFile
from tests.fakes.key_server import KeyServer
from tests.fakes.leaks import files_with
from tests.fakes.secret_service import SecretService
from tests.fakes.shim_client import Shim, config
from tests.fakes.upstream import Upstream

KEY = "canary-key-4711"


@pytest.fixture(autouse=True)
def busless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)


@pytest.fixture
def server() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


def models(home: Path, url: str, **more: Any) -> Home:
    """A free model that takes a key; keys are bound in the same way for all."""
    entry = {"provider": "openai", "model": "fake-model", "api_base": url, "billing": "free"}
    keyed = {"fake": {**entry, "key_env": "FAR_KEY"}, "plain": entry}
    config(home, json.dumps({"main": "plain", "weak": "plain", "models": keyed, **more}))
    return Home(home)


def name(url: str) -> str:
    return f"FAR_KEY@{url.removeprefix('http://').removesuffix('/v1')}"


def sent(upstream: Upstream) -> list[str | None]:
    return [chat.headers.get("Authorization") for chat in upstream.chats]


@pytest.mark.parametrize("place", ["command", "file", "keyring"])
def test_a_key_is_taken_from_where_it_is_kept(tmp_path: Path, server: Upstream, place: str) -> None:
    home = models(tmp_path / "home", server.url)
    with SecretService() as service:
        if place == "keyring":
            canned = ({"username": name(server.url), "service": "lodestar"}, KEY.encode())
            service.items["/org/freedesktop/secrets/collection/login/1"] = canned
        else:
            key = {"command": f"echo {KEY}", "file": None}[place]
            kept = Kept(command=key) if key else Kept(key=KEY)
            KeyFile(home).set(name(server.url), kept)
        with Shim(home.root, env={"DBUS_SESSION_BUS_ADDRESS": service.address}) as shim:
            status, _, body = shim.chat(messages=[{"role": "user", "content": f"say {KEY}"}])
            assert status == 200, body
            shim.wait_row("SELECT 1 FROM exchanges WHERE status = 'ok'")
    assert sent(server) == [f"Bearer {KEY}"]
    # Nothing but the file that the user keeps it in holds it.
    kept_in = [] if place == "keyring" else [str(KeyFile(home).path)]
    assert [file for file in files_with(KEY, home.root) if file not in kept_in] == []


def test_a_key_in_the_clear_is_redacted_before_it_is_used(tmp_path: Path, server: Upstream) -> None:
    home = models(tmp_path / "home", server.url)
    KeyFile(home).set(name(server.url), Kept(key=KEY))
    with Shim(home.root) as shim:
        assert shim.chat("plain", messages=[{"role": "user", "content": KEY}])[0] == 200
        shim.wait_row("SELECT 1 FROM exchanges WHERE status = 'ok'")
        assert [
            row["text"] for row in shim.rows("SELECT text FROM messages") if KEY in row["text"]
        ] == []


def test_a_key_does_not_follow_a_redirect_to_another_host(tmp_path: Path) -> None:
    with (
        KeyServer(mood="public") as other,
        KeyServer(mood="redirect", elsewhere=other.url) as first,
    ):
        home = models(tmp_path / "home", first.url)
        with Shim(home.root, env={"FAR_KEY": KEY}) as shim:
            status, _, body = shim.chat()
        assert first.asked[0][1] == f"Bearer {KEY}"
        assert other.asked == []
    assert status != 200
    assert b"elsewhere" in body


def test_a_model_that_a_variable_moves_does_not_take_its_key_along(
    tmp_path: Path, server: Upstream
) -> None:
    """Whoever sets variables for a project could send every key to themselves otherwise."""
    with Upstream() as evil:
        home = models(tmp_path / "home", server.url)
        KeyFile(home).set(name(server.url), Kept(key=KEY))
        moved = {"provider": "openai", "model": "m", "api_base": evil.url, "billing": "free"}
        env = {"FAR_KEY": KEY, "LODESTAR_MODELS__FAKE": json.dumps(moved)}
        with Shim(home.root, env=env) as shim:
            status, _, body = shim.chat()
        assert status != 200
        assert b"is not sent to" in body
        assert KEY.encode() not in body
        assert evil.requests == []


def test_a_file_of_keys_that_others_may_read_keeps_nobody_from_working_for_free(
    tmp_path: Path, server: Upstream
) -> None:
    home = models(tmp_path / "home", server.url)
    file = KeyFile(home)
    file.set(name(server.url), Kept(key=KEY))
    with Shim(home.root) as shim:
        # The shim itself makes private what it finds at its start.
        file.path.chmod(0o644)
        assert shim.chat("plain")[0] == 200
        status, _, body = shim.chat()
        assert (status == 200, b"others have rights on it" in body) == (False, True)
    assert sent(server) == [None]


def test_a_file_of_keys_that_was_open_before_the_start_is_told_and_not_used(
    tmp_path: Path, server: Upstream
) -> None:
    home = models(tmp_path / "home", server.url)
    file = KeyFile(home)
    file.set(name(server.url), Kept(key=KEY))
    file.path.chmod(0o644)
    for starts in (1, 2):
        with Shim(home.root) as shim:
            status, _, body = shim.chat()
            assert (status == 200, b"others have rights on it" in body) == (False, True)
        log = (home.root / "logs" / "shim.log").read_text("utf-8")
        assert log.count(f"{file.path} is not used: others have rights on it") == starts
    assert sent(server) == []
