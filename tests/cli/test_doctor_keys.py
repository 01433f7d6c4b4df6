"""`lodestar doctor` proves that a free-only shim loads no paid key, and would see one that did."""

from __future__ import annotations

import json

import pytest

from lodestar.cli.main import run
from lodestar.doctor import free_only
from lodestar.doctor.free_only import proof
from lodestar.doctor.keys import unanswered
from lodestar.loading import load
from lodestar.paths import Home
from tests.cli.conftest import Cli
from tests.fakes.secret_service import SecretService

MODELS = """
models:
  dear: {provider: openai, model: m, api_base: "https://api.example.org/v1", key_env: DEAR_KEY}
  nameless: {provider: openai, model: m, api_base: "https://other.example.org/v1"}
  gratis: {provider: openai, model: m, api_base: "https://x.example.org/v1", billing: free}
"""


@pytest.fixture(autouse=True)
def configured(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.config_file.write_text(MODELS)
    home.config_file.chmod(0o600)
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)


def test_the_doctor_proves_it_with_planted_keys(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--json"]) == 0
    found = {one["subject"]: one for one in json.loads(capsys.readouterr().out)["data"]}
    assert found["no paid key in a free-only shim"]["ok"]
    assert found["places of keys that answer"]["ok"]


def test_a_shim_that_does_load_paid_keys_is_seen_by_the_same_proof() -> None:
    """The very same run, without free only: the planted keys arrive in the trap."""
    problems = [problem.what for problem in proof(load(), free_only=False)]
    assert "a shim that is free only has called a paid model's server" in problems
    loaded = next(problem for problem in problems if "has loaded the keys in" in problem)
    assert "$DEAR_KEY" in loaded
    assert "$PROBE_PAID_KEY" in loaded


def test_a_shim_that_does_not_start_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(free_only.sys, "executable", "/bin/false")
    with pytest.raises(RuntimeError, match="did not start"):
        proof(load())


def test_places_that_cannot_be_asked_are_named(
    home: Home, program: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert unanswered(load()) == []
    file = home.root / "keys.yaml"
    file.write_text("a.org: {key: some-key}\n")
    file.chmod(0o644)
    assert "others have rights on it" in unanswered(load())[0].what
    file.unlink()
    look = "from lodestar.loading import load; from lodestar.doctor.keys import unanswered"
    with SecretService("mute") as service:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", service.address)
        # A process of its own: what is given up in it ends with it.
        found = program(script=f"{look}; print([one.what for one in unanswered(load())])")
    told = "the system's keyring cannot be asked: it did not answer within 4 seconds"
    assert found.out == f"{[told]}\n"
