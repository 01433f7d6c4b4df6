"""`lodestar keys test` asks the provider, for nothing, and takes the key nowhere else."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

from lodestar.paths import Home
from lodestar.secrets import asking
from lodestar.secrets.asking import question
from lodestar.settings import ModelEntry
from tests.cli.conftest import Cli
from tests.fakes.key_server import KeyServer

KEY = "canary-key-4711"


@pytest.fixture
def server() -> Iterator[KeyServer]:
    with KeyServer(KEY) as server:
        yield server


@pytest.fixture(autouse=True)
def keyless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)


def model(home: Home, url: str, **more: object) -> None:
    """One paid model at an address of the tests'."""
    entry = {"provider": "openai", "model": "m", "api_base": url, "key_env": "FAR_KEY", **more}
    home.config_file.write_text(f"models: {json.dumps({'far': entry, 'twin': entry})}\n")


def test_a_key_that_works_is_ok_and_asked_about_once(
    cli: Cli, home: Home, server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    model(home, server.url)
    monkeypatch.setenv("FAR_KEY", KEY)
    done = cli("keys", "test", "far")
    assert done.code == 0, done.err
    assert done.rows[0][:4] == ["far, twin", server.host, "environment", "ok"]
    # The second request has no key: a server that answers it, too, has proved nothing.
    assert server.asked == [("/v1/models", f"Bearer {KEY}"), ("/v1/models", None)]
    assert KEY not in done.out + done.err
    everything = cli("keys", "test", "--all")
    assert [row[3] for row in everything.rows if row[1].endswith(".com")].count("ok") == 0
    assert everything.code == 0


@pytest.mark.parametrize(
    ("mood", "result", "code"),
    [
        ("normal", "refused", 4),
        ("400", "refused", 4),
        ("500", "failed", 5),
        ("public", "unproven", 0),
    ],
)
def test_what_the_server_says_to_a_key_is_told(
    cli: Cli, home: Home, monkeypatch: pytest.MonkeyPatch, mood: str, result: str, code: int
) -> None:
    monkeypatch.setenv("FAR_KEY", "another-key-1")
    with KeyServer(KEY, mood=mood) as server:
        model(home, server.url)
        done = cli("keys", "test", "far")
    assert done.rows[0][3] == result
    assert done.code == code
    assert len(done.error) == (3 if code else 0)
    if result == "refused":
        assert done.error[0] == "error: the key of far, twin is refused"
        assert done.error[2] == "do:    lodestar keys set far"


def test_a_key_does_not_follow_a_redirect(
    cli: Cli, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAR_KEY", KEY)
    with (
        KeyServer(mood="public") as other,
        KeyServer(mood="redirect", elsewhere=other.url) as first,
    ):
        model(home, first.url)
        done = cli("keys", "test", "far")
        assert first.asked == [("/v1/models", f"Bearer {KEY}")]
        assert other.asked == []
    assert done.code == 5
    assert "it redirects (307), which is not followed" in done.err


def test_a_stored_key_is_not_sent_to_the_models_new_address(
    cli: Cli, home: Home, server: KeyServer
) -> None:
    with KeyServer(mood="public") as evil:
        model(home, server.url)
        (home.root / "keys.yaml").write_text(f"FAR_KEY@{server.host}: {{key: {KEY}}}\n")
        (home.root / "keys.yaml").chmod(0o600)
        assert cli("keys", "test", "far").code == 0
        model(home, evil.url)
        moved = cli("keys", "test", "far")
        assert moved.code == 4
        assert moved.rows[0][1:4] == [evil.host, "none", "missing"]
        assert evil.asked == []


@pytest.mark.parametrize("how", ["closed", "mute"])
def test_a_server_that_does_not_answer_is_told_within_its_time(
    cli: Cli, home: Home, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(asking, "SECONDS", 0.5)
    monkeypatch.setenv("FAR_KEY", KEY)
    with KeyServer(mood="mute") as mute, socket.create_server(("127.0.0.1", 0)) as reserved:
        closed = f"http://127.0.0.1:{reserved.getsockname()[1]}/v1"
        reserved.close()
        model(home, mute.url if how == "mute" else closed)
        done = cli("keys", "test", "far")
    assert done.code == 5
    assert done.rows[0][3] == "failed"
    why = {"closed": "Connection refused", "mute": "no answer within 0 seconds"}[how]
    assert why in done.err


def test_anthropic_and_gemini_are_asked_in_their_own_way(
    cli: Cli, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAR_KEY", KEY)
    for name, header, path in (
        ("anthropic/claude", "x-api-key", "/v1/models?limit=1"),
        ("gemini/gemini-pro", "x-goog-api-key", "/v1/models?pageSize=1"),
    ):
        with KeyServer(KEY, header) as server:
            model(home, server.url, provider="litellm", model=name)
            done = cli("keys", "test", "far", "--json")
        assert json.loads(done.out)["data"][0]["result"] == "ok"
        assert server.asked[0] == (path, KEY)
        assert "Authorization" not in server.headers[0]
        if header == "x-api-key":
            assert server.headers[0]["anthropic-version"] == "2023-06-01"


def test_without_an_address_a_providers_own_host_is_asked() -> None:
    def url(**fields: str) -> str | None:
        found = question(ModelEntry.model_validate({"provider": "litellm", **fields}))
        return found.url if found else None

    assert url(model="anthropic/x") == "https://api.anthropic.com/v1/models?limit=1"
    assert url(model="anthropic/x", api_base="https://a.org") == "https://a.org/v1/models?limit=1"
    assert url(model="xai/grok") == "https://api.x.ai/v1/models"
    assert url(model="openrouter/x") == "https://openrouter.ai/api/v1/key"
    assert url(model="cohere/x") is None
    compatible = {"provider": "openai", "model": "x", "api_base": "https://api.anthropic.com/v1"}
    assert url(**compatible) == "https://api.anthropic.com/v1/models?limit=1"


def test_a_key_that_is_named_and_not_there_is_an_error(cli: Cli, home: Home) -> None:
    model(home, "http://127.0.0.1:9/v1")
    missing = cli("keys", "test", "far")
    assert missing.code == 4
    assert missing.error[0] == "error: the key of far, twin is missing"
    assert cli("keys", "test").code == 0
    assert "no key was tested" in cli("keys", "test", "--all").err
    assert cli("keys", "test", "far", "--all").code == 2
